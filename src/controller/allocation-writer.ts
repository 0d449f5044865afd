import { poolFor } from "../core/allocation/pool-for.ts";
import { allocationName, type Holder, type IpAllocation } from "../core/model/ip-allocation.ts";
import type { Service } from "../core/model/service.ts";
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

export interface AllocationWriterOptions {
  readonly stores: ClusterStores;
  readonly state: AllocationState;
  readonly placement: Placement;
  readonly writer: Writer;
  readonly clock: Clock;
}

/** The object was not what we thought it was; it has been read again, so decide again. */
export class AllocationChangedError extends Error {
  constructor(address: IpAddress, cause: unknown) {
    super(`IPAllocation of ${address} is not as it was known here`, { cause });
    this.name = "AllocationChangedError";
  }
}

/** Writes IPAllocations: the only code that takes addresses and gives them back. */
export class AllocationWriter {
  readonly #options: AllocationWriterOptions;
  /** Releases that nobody heard of, by the version that they were asked for: they may still arrive. */
  readonly #unheard = new Map<IpAddress, string>();

  constructor(options: AllocationWriterOptions) {
    this.#options = options;
  }

  /**
   * Makes `addresses` the Service's, by a new object each or by taking over one
   * that cools down. They count as taken at once, before anything is written, so
   * that no other decision can choose them meanwhile.
   *
   * @throws AllocationChangedError when another writer was there first.
   */
  async acquire(service: Service, addresses: readonly IpAddress[]): Promise<void> {
    const { state } = this.#options;
    // The version that the decision was made on: a later one may be somebody else's.
    const reserved = addresses.map((address) => ({ address, known: this.#known(address) }));
    for (const address of addresses) {
      state.ledger.put(this.#wanted(service, address, undefined));
    }
    try {
      for (const { address, known } of reserved) {
        await this.#write(address, known, await this.#placed(service, address));
      }
    } catch (error) {
      for (const address of addresses) {
        state.settle(address);
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
    const { state, placement } = this.#options;
    const { address, bundle } = known.allocation;
    if (this.#unheard.get(address) === known.resourceVersion) {
      // It would take the address from the Service at any time: once done, it is given back.
      await this.release(known);
      throw new AllocationChangedError(address, "its release was under way");
    }
    const pool = poolFor(service, address, state);
    // Without a pool the holder is corrected all the same; the pool, and with it the place, may return.
    const stays = pool === undefined || placement.isWellPlaced(known.allocation, service, pool);
    const wanted = stays
      ? this.#wanted(service, address, bundle)
      : await this.#placed(service, address);
    if (!sameAllocation(known.allocation, wanted)) {
      await this.#write(address, known, wanted);
    }
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

  /** Takes an address from its holder: it is announced no longer, and cools down before others get it. */
  async release(known: IpAllocationObject): Promise<void> {
    const { allocation } = known;
    const cooling: IpAllocation = { ...allocation, state: "Cooling", bundle: undefined };
    this.#unheard.set(allocation.address, known.resourceVersion);
    try {
      await this.#write(allocation.address, known, cooling, this.#options.clock.wallTime());
      this.#unheard.delete(allocation.address);
    } catch (error) {
      if (error instanceof AllocationChangedError) {
        this.#unheard.delete(allocation.address);
      }
      throw error;
    }
  }

  /** Ends the cooling of an address: it is free. */
  async free(name: string): Promise<void> {
    const { stores, state, writer } = this.#options;
    const object = stores.allocations.get(name);
    // The ledger is ahead of the store: somebody may have reserved the address already.
    const cools =
      object !== undefined && state.ledger.get(object.allocation.address)?.state === "Cooling";
    if (!cools) {
      return;
    }
    try {
      await writer.delete(resources.ipAllocations, { name }, object);
      stores.allocations.deleteLocal(object.key, object.uid);
    } catch (error) {
      await this.#explain(object.allocation.address, error);
    }
  }

  async #placed(service: Service, address: IpAddress): Promise<IpAllocation> {
    const { state, placement } = this.#options;
    const pool = poolFor(service, address, state);
    const place = pool === undefined ? undefined : await placement.place(address, service, pool);
    return this.#wanted(service, address, place?.kind === "bundle" ? place.bundle : undefined);
  }

  #wanted(service: Service, address: IpAddress, bundle: string | undefined): IpAllocation {
    const { namespace, name, uid, ports } = service;
    const holder: Holder = { namespace, name, uid, ports };
    const { state } = this.#options;
    const pool = poolFor(service, address, state)?.name ?? state.ledger.get(address)?.pool ?? "";
    return { address, pool, holders: [holder], state: "Allocated", bundle };
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
