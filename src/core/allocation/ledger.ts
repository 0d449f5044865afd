import type { SharingScope } from "../model/address-policy.ts";
import type { IpAllocation } from "../model/ip-allocation.ts";
import { serviceKey } from "../model/service.ts";
import { AddressSet } from "../net/address-set.ts";
import type { Run } from "../net/interval-set.ts";
import {
  compareIpAddresses,
  formatIpAddress,
  type IpAddress,
  type IpFamily,
} from "../net/ip-address.ts";
import type { IpRange } from "../net/ip-range.ts";
import type { Sharer } from "./sharing.ts";
import { SharingIndex } from "./sharing-index.ts";

const none: readonly IpAddress[] = [];

/** What became of an address; `undefined`: it was free, or is. */
export type LedgerListener = (
  address: IpAddress,
  before: IpAllocation | undefined,
  after: IpAllocation | undefined,
) => void;

/**
 * Who holds which address: an index over all IPAllocations, kept up one object
 * at a time, so that a decision never looks at more than it needs.
 *
 * {@link put} and {@link remove} are the only ways in; a ledger fed one by one
 * equals one built from scratch, in any order.
 */
export class Ledger {
  readonly #allocations = new Map<IpAddress, IpAllocation>();
  /** In canonical order. Most Services have one address, and a list of one is small. */
  readonly #held = new Map<string, readonly IpAddress[]>();
  readonly #cooling = new Map<string, readonly IpAddress[]>();
  readonly #coolingAddresses = new AddressSet();
  readonly #taken = new AddressSet();
  readonly #sharing = { Allocated: new SharingIndex(), Cooling: new SharingIndex() };
  readonly #listeners: LedgerListener[] = [];

  /** Calls `listener` after each change, from now on. */
  onChange(listener: LedgerListener): void {
    this.#listeners.push(listener);
  }

  /** Records an allocation, in place of what was known of its address. */
  put(allocation: IpAllocation): void {
    const before = this.#forget(allocation.address);
    this.#allocations.set(allocation.address, allocation);
    this.#taken.add(allocation.address);
    if (allocation.state === "Cooling") {
      this.#coolingAddresses.add(allocation.address);
    }
    if (allocation.state !== "Quarantined") {
      this.#sharing[allocation.state].add(allocation);
    }
    const index = this.#indexFor(allocation);
    for (const holder of allocation.holders) {
      const key = serviceKey(holder);
      const others = without(index?.get(key), allocation.address);
      // A list that grows one by one would be kept with room for more.
      index?.set(key, others.concat(allocation.address).sort(compareIpAddresses));
    }
    this.#tell(allocation.address, before, allocation);
  }

  /** Forgets an address: it is free. */
  remove(address: IpAddress): void {
    const before = this.#forget(address);
    if (before !== undefined) {
      this.#tell(address, before, undefined);
    }
  }

  #tell(...change: Parameters<LedgerListener>): void {
    for (const listener of this.#listeners) {
      listener(...change);
    }
  }

  #forget(address: IpAddress): IpAllocation | undefined {
    const known = this.#allocations.get(address);
    if (known === undefined) {
      return undefined;
    }
    this.#allocations.delete(address);
    this.#taken.delete(address);
    if (known.state === "Cooling") {
      this.#coolingAddresses.delete(address);
    }
    if (known.state !== "Quarantined") {
      this.#sharing[known.state].remove(known);
    }
    const index = this.#indexFor(known);
    for (const holder of known.holders) {
      const key = serviceKey(holder);
      const others = without(index?.get(key), address);
      if (others.length === 0) {
        index?.delete(key);
      } else {
        index?.set(key, others);
      }
    }
    return known;
  }

  /** The allocation of `address`; `undefined`: it is free. */
  get(address: IpAddress): IpAllocation | undefined {
    return this.#allocations.get(address);
  }

  /** Number of addresses that are not free. */
  get size(): number {
    return this.#allocations.size;
  }

  /** Every allocation, in no particular order. */
  allocations(): Iterable<IpAllocation> {
    return this.#allocations.values();
  }

  /** Addresses that the Service `namespace/name` holds, whatever its uid, in canonical order. */
  heldBy(key: string): readonly IpAddress[] {
    return this.#held.get(key) ?? none;
  }

  /** Addresses that are cooling down and were last held by the Service `namespace/name`. */
  coolingOf(key: string): readonly IpAddress[] {
    return this.#cooling.get(key) ?? none;
  }

  /** The lowest address of `range` not below `from` that is cooling down, if there is one. */
  nextCooling(range: IpRange, from: bigint): IpAddress | undefined {
    const found = this.#coolingAddresses.firstIn({ ...range, first: from });
    return found && formatIpAddress(range.family, found.first);
  }

  /**
   * The lowest address of `range` not below `from` with a holder that `sharer` could join, if
   * there is one; its other holders may be in the way. `Cooling`: with such a last holder.
   */
  nextFriend(
    state: "Allocated" | "Cooling",
    sharer: Sharer,
    scope: SharingScope,
    range: IpRange,
    from: bigint,
  ): IpAddress | undefined {
    return this.#sharing[state].next(sharer, scope, range, from);
  }

  /** False where {@link nextFriend} finds nothing of these families, wherever, whatever the ports and the scope. */
  hasFriends(
    sharer: Pick<Sharer, "sharing" | "namespace">,
    families: readonly IpFamily[],
  ): boolean {
    const { Allocated, Cooling } = this.#sharing;
    return families.some((family) => Allocated.has(sharer, family) || Cooling.has(sharer, family));
  }

  /** The addresses of `range` that are free, in order. */
  free(range: IpRange): readonly Run[] {
    return this.#taken.gapsIn(range);
  }

  /** The addresses of `range` that cool down, in order. */
  cooling(range: IpRange): readonly Run[] {
    return this.#coolingAddresses.membersIn(range);
  }

  /** How many addresses of `range` are not free. */
  countTaken(range: IpRange): bigint {
    const runs = this.#taken.membersIn(range);
    return runs.reduce((count, { first, last }) => count + last - first + 1n, 0n);
  }

  #indexFor(allocation: IpAllocation): Map<string, readonly IpAddress[]> | undefined {
    switch (allocation.state) {
      case "Allocated":
        return this.#held;
      case "Cooling":
        return this.#cooling;
      case "Quarantined":
        return undefined;
    }
  }
}

function without(
  addresses: readonly IpAddress[] | undefined,
  address: IpAddress,
): readonly IpAddress[] {
  return addresses?.filter((one) => one !== address) ?? none;
}
