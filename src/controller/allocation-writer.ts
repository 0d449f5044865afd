import assert from "node:assert/strict";
import type { LedgerListener } from "../core/allocation/ledger.ts";
import { poolFor } from "../core/allocation/pool-for.ts";
import { refuseToJoin, refuseToStay } from "../core/allocation/refusals.ts";
import type { IpAddressPool } from "../core/model/ip-address-pool.ts";
import {
  addressOfAllocationName,
  allocationName,
  type Claimant,
  holderOf,
  type IpAllocation,
  otherHolders,
  withHolder,
} from "../core/model/ip-allocation.ts";
import { type Service, serviceKey } from "../core/model/service.ts";
import type { IpAddress } from "../core/net/ip-address.ts";
import { isAlreadyExists, isConflict, isNotFound } from "../kube/api-error.ts";
import { decodeIpAllocation, type IpAllocationObject } from "../kube/decode/ip-allocation.ts";
import { encodeIpAllocation } from "../kube/encode.ts";
import * as resources from "../kube/resources.ts";
import type { Writer } from "../kube/write.ts";
import type { Clock } from "../runtime/clock.ts";
import type { AllocationState } from "./allocation-state.ts";
import type { ClusterStores } from "./cluster-stores.ts";
import type { Placement } from "./placement.ts";
import { Turns } from "./turns.ts";

export interface AllocationWriterOptions {
  readonly stores: ClusterStores;
  readonly state: AllocationState;
  readonly placement: Placement;
  readonly writer: Writer;
  readonly clock: Clock;
}

/** An address that a Service was granted, as it was when that was decided. */
interface Decided {
  readonly address: IpAddress;
  /** As it was written. */
  readonly known: IpAllocationObject | undefined;
  /** With those that were about to take it. */
  readonly present: IpAllocation | undefined;
}

/** The object was not what we thought it was; it has been read again, so decide again. */
export class AllocationChangedError extends Error {
  constructor(address: IpAddress, cause: unknown) {
    super(`IPAllocation of ${address} is not as it was known here`, { cause });
    this.name = "AllocationChangedError";
  }
}

/**
 * Writes IPAllocations: the only code that takes addresses and gives them back.
 *
 * Services that share an address write the same object, each its own part of it. They take
 * turns, and who comes later looks again at what it finds then.
 */
export class AllocationWriter {
  readonly #options: AllocationWriterOptions;
  readonly #turns = new Turns();
  readonly #reservationListeners: LedgerListener[] = [];
  /** Releases that nobody heard of, by the version that they were asked for and holder: they may still arrive. */
  readonly #unheard = new WeakMap<IpAllocationObject, Set<string>>();

  constructor(options: AllocationWriterOptions) {
    this.#options = options;
  }

  /** Calls `listener` after a reservation ended that was not written, from now on: no store tells of it. */
  onReservationEnded(listener: LedgerListener): void {
    this.#reservationListeners.push(listener);
  }

  /**
   * Makes `addresses` the Service's, by a new object each, by taking over one that
   * cools down, or beside those that share it already. They count as taken at once, before anything is written, so
   * that no other decision can choose them meanwhile.
   *
   * @throws AllocationChangedError when another writer was there first.
   */
  async acquire(service: Service, addresses: readonly IpAddress[]): Promise<void> {
    const { state } = this.#options;
    // The version that the decision was made on: a later one may be somebody else's.
    const decided = addresses.map((address): Decided => {
      const present = state.ledger.get(address);
      return { address, known: this.#known(address), present };
    });
    for (const { address, present } of decided) {
      state.ledger.put(this.#wanted(service, address, present, present?.bundle));
    }
    try {
      for (const one of decided) {
        const { address } = one;
        await this.#turns.take(address, async () => {
          const base = this.#baseToJoin(service, one);
          await this.#write(address, base, await this.#placed(service, address, base?.allocation));
        });
      }
    } catch (error) {
      for (const address of addresses) {
        const reserved = state.ledger.get(address);
        state.settle(address);
        for (const listener of this.#reservationListeners) {
          listener(address, reserved, state.ledger.get(address));
        }
      }
      throw error;
    }
  }

  /**
   * Corrects what an allocation that is kept, in the version `known`, says of its pool, holder and bundle.
   *
   * @throws AllocationChangedError when it is not as it was known, or had to be released first.
   */
  async refresh(service: Service, known: IpAllocationObject): Promise<void> {
    const { address } = known.allocation;
    if (this.#unheard.get(known)?.has(service.key) === true) {
      // It would take the address from the Service at any time: once done, it is given back.
      await this.release(service.key, known);
      throw new AllocationChangedError(address, "its release was under way");
    }
    await this.#turns.take(address, async () => {
      const base = this.#baseToStay(service.key, known);
      if (refuseToStay(service, base.allocation) !== undefined) {
        throw new AllocationChangedError(address, "others came that it cannot share with");
      }
      const wanted = await this.#corrected(service, base.allocation);
      if (!sameAllocation(base.allocation, wanted)) {
        await this.#write(address, base, wanted);
      }
    });
  }

  /**
   * Makes sure that a Service still has what it had in the version `known`, by reading
   * it unless it was written here since.
   *
   * @throws AllocationChangedError when it has not.
   */
  async confirm(service: Service, known: IpAllocationObject): Promise<void> {
    const { address } = known.allocation;
    if (this.#known(address)?.resourceVersion === known.resourceVersion) {
      await this.#readAgain(address);
    }
    if (!this.#options.state.ledger.heldBy(service.key).includes(address)) {
      throw new AllocationChangedError(address, "it was taken away");
    }
  }

  /**
   * Takes an address from the Service `namespace/name`. From the last holder: then it is
   * announced no longer, and cools down before others get it. `becauseOfOthers`: for what the
   * others on it were in the version `known`.
   *
   * @throws AllocationChangedError when it is not as it was in the version `known`.
   */
  async release(key: string, known: IpAllocationObject, becauseOfOthers = false): Promise<void> {
    const { address } = known.allocation;
    await this.#turns.take(address, async () => {
      const base = this.#baseToStay(key, known);
      if (becauseOfOthers && base !== known) {
        throw new AllocationChangedError(address, "others on it changed");
      }
      const unheard = this.#unheard.get(base) ?? new Set();
      this.#unheard.set(base, unheard.add(key));
      const others = otherHolders(base.allocation, key);
      try {
        await (others.length > 0
          ? this.#write(address, base, { ...base.allocation, holders: others })
          : this.#write(
              address,
              base,
              { ...base.allocation, state: "Cooling", bundle: undefined },
              this.#options.clock.wallTime(),
            ));
        unheard.delete(key);
      } catch (error) {
        if (error instanceof AllocationChangedError) {
          unheard.delete(key);
        }
        throw error;
      }
    });
  }

  /**
   * Keeps a free address from everybody, because a host that is none of ours has it.
   *
   * @throws AllocationChangedError when it is not free.
   */
  async quarantine(address: IpAddress, pool: string, claimant: Claimant): Promise<void> {
    const { state } = this.#options;
    if (state.ledger.get(address) !== undefined) {
      throw new AllocationChangedError(address, "it is not free");
    }
    const wanted = { address, pool, holders: [], bundle: undefined, claimant };
    const quarantined: IpAllocation = { ...wanted, state: "Quarantined" };
    state.ledger.put(quarantined);
    try {
      await this.#turns.take(address, async () => this.#write(address, undefined, quarantined));
    } catch (error) {
      state.settle(address);
      throw error;
    }
  }

  /** Ends the cooling of an address, or its quarantine: it is free. */
  async free(name: string, from: "Cooling" | "Quarantined" = "Cooling"): Promise<void> {
    const { stores, writer } = this.#options;
    const address = addressOfAllocationName(name);
    assert(address !== undefined, `${name} is the name of an IPAllocation`);
    // Somebody may be about to take it: if that fails, it is freed all the same.
    await this.#turns.take(address, async () => {
      const object = stores.allocations.get(name);
      if (object?.allocation.state !== from) {
        return;
      }
      try {
        await writer.delete(resources.ipAllocations, { name }, object);
        stores.allocations.deleteLocal(object.key, object.uid);
      } catch (error) {
        await this.#explain(address, error);
      }
    });
  }

  /** The version on which the Service takes the address: the one decided on, or one that only others joined since. */
  #baseToJoin(
    service: Service,
    { address, known, present }: Decided,
  ): IpAllocationObject | undefined {
    const newest = this.#known(address);
    const isShared = otherHolders(newest?.allocation, service.key).length > 0;
    // Whom it was to join may not have come: it was not asked then whether it may have the address alone.
    const joins = otherHolders(present, service.key).length > 0;
    const fits = isShared
      ? newest !== undefined &&
        refuseToJoin(service, newest.allocation, this.#options.state) === undefined
      : !joins && newest?.resourceVersion === known?.resourceVersion;
    if (!fits) {
      throw new AllocationChangedError(address, "another came first");
    }
    return newest;
  }

  /** The version on which a holder changes its part: the one decided on, or one that only others changed since. */
  #baseToStay(key: string, known: IpAllocationObject): IpAllocationObject {
    const { address } = known.allocation;
    const newest = this.#known(address);
    if (newest?.resourceVersion === known.resourceVersion) {
      return known;
    }
    const isHolder = newest?.allocation.holders.some((holder) => serviceKey(holder) === key);
    if (newest === undefined || !isHolder || otherHolders(newest.allocation, key).length === 0) {
      throw new AllocationChangedError(address, "it changed meanwhile");
    }
    return newest;
  }

  /** What an allocation that the Service keeps should say. */
  async #corrected(service: Service, allocation: IpAllocation): Promise<IpAllocation> {
    const { state, placement } = this.#options;
    const { address, bundle } = allocation;
    const sharers = state.sharersOf(service, allocation);
    const pool = this.#poolOf(sharers, address);
    // Without a pool the holder is corrected all the same; the pool, and with it the place, may return.
    return pool === undefined || placement.isWellPlaced(allocation, sharers, pool)
      ? this.#wanted(service, address, allocation, bundle)
      : this.#placed(service, address, allocation);
  }

  async #placed(
    service: Service,
    address: IpAddress,
    base: IpAllocation | undefined,
  ): Promise<IpAllocation> {
    const { state, placement } = this.#options;
    const sharers = state.sharersOf(service, base);
    const pool = this.#poolOf(sharers, address);
    const place = pool === undefined ? undefined : await placement.place(address, sharers, pool);
    const bundle = place?.kind === "bundle" ? place.bundle : undefined;
    return this.#wanted(service, address, base, bundle);
  }

  #wanted(
    service: Service,
    address: IpAddress,
    base: IpAllocation | undefined,
    bundle: string | undefined,
  ): IpAllocation {
    const holders = withHolder(base, holderOf(service));
    const pool = this.#poolOf(this.#options.state.sharersOf(service, base), address);
    return { address, pool: pool?.name ?? base?.pool ?? "", holders, state: "Allocated", bundle };
  }

  /** Who came first says from which pool an address is that several pools offer: else two would never agree. */
  #poolOf([first]: readonly Service[], address: IpAddress): IpAddressPool | undefined {
    return first && poolFor(first, address, this.#options.state);
  }

  #known(address: IpAddress): IpAllocationObject | undefined {
    return this.#options.stores.allocations.get(allocationName(address));
  }

  /** Creates the object, or replaces exactly the version `known`. */
  async #write(
    address: IpAddress,
    known: IpAllocationObject | undefined,
    wanted: IpAllocation,
    releasedAt?: Date,
  ): Promise<void> {
    const { writer } = this.#options;
    const object = encodeIpAllocation(wanted, releasedAt);
    try {
      const written =
        known === undefined
          ? await writer.create(resources.ipAllocations, object)
          : await writer.replace(resources.ipAllocations, {
              ...object,
              metadata: {
                ...object.metadata,
                uid: known.uid,
                resourceVersion: known.resourceVersion,
              },
            });
      this.#take(written);
    } catch (error) {
      await this.#explain(address, error);
    }
  }

  /** Reads the object again if somebody else changed it; the caller then decides anew. */
  async #explain(address: IpAddress, error: unknown): Promise<never> {
    if (!isAlreadyExists(error) && !isConflict(error) && !isNotFound(error)) {
      throw error;
    }
    await this.#readAgain(address);
    throw new AllocationChangedError(address, error);
  }

  async #readAgain(address: IpAddress): Promise<void> {
    const { stores, writer } = this.#options;
    const name = allocationName(address);
    const before = stores.allocations.get(name);
    try {
      this.#take(await writer.read(resources.ipAllocations, { name }));
    } catch (readError) {
      if (!isNotFound(readError)) {
        throw readError;
      }
      stores.allocations.deleteLocal(name, before?.uid ?? "");
      this.#options.state.settle(address);
    }
  }

  #take(raw: unknown): void {
    const object = decodeIpAllocation(raw);
    if (object !== undefined) {
      this.#options.stores.allocations.upsertLocal(object);
      this.#options.state.settle(object.allocation.address);
    }
  }
}

function sameAllocation(a: IpAllocation, b: IpAllocation): boolean {
  return (
    a.pool === b.pool &&
    a.state === b.state &&
    a.bundle === b.bundle &&
    JSON.stringify(a.holders) === JSON.stringify(b.holders)
  );
}
