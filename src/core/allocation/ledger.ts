import type { SharingScope } from "../model/address-policy.ts";
import type { IpAllocation } from "../model/ip-allocation.ts";
import { serviceKey } from "../model/service.ts";
import { IntervalSet } from "../net/interval-set.ts";
import {
  compareIpAddresses,
  familyOf,
  formatIpAddress,
  type IpAddress,
  toNumber,
} from "../net/ip-address.ts";
import type { IpRange } from "../net/ip-range.ts";
import type { Sharer } from "./sharing.ts";
import { SharingIndex } from "./sharing-index.ts";

/**
 * Who holds which address: an index over all IPAllocations, kept up one object
 * at a time, so that a decision never looks at more than it needs.
 *
 * {@link put} and {@link remove} are the only ways in; a ledger fed one by one
 * equals one built from scratch, in any order.
 */
export class Ledger {
  readonly #allocations = new Map<IpAddress, IpAllocation>();
  readonly #held = new Map<string, Set<IpAddress>>();
  readonly #cooling = new Map<string, Set<IpAddress>>();
  readonly #coolingAddresses = { 4: new IntervalSet(), 6: new IntervalSet() };
  readonly #taken = { 4: new IntervalSet(), 6: new IntervalSet() };
  readonly #sharing = new SharingIndex();

  /** Records an allocation, in place of what was known of its address. */
  put(allocation: IpAllocation): void {
    this.remove(allocation.address);
    this.#allocations.set(allocation.address, allocation);
    this.#taken[familyOf(allocation.address)].add(toNumber(allocation.address));
    if (allocation.state === "Cooling") {
      this.#coolingAddresses[familyOf(allocation.address)].add(toNumber(allocation.address));
    }
    if (allocation.state === "Allocated") {
      this.#sharing.add(allocation);
    }
    const index = this.#indexFor(allocation);
    for (const holder of allocation.holders) {
      const key = serviceKey(holder);
      const addresses = index?.get(key) ?? new Set();
      index?.set(key, addresses.add(allocation.address));
    }
  }

  /** Forgets an address: it is free. */
  remove(address: IpAddress): void {
    const known = this.#allocations.get(address);
    if (known === undefined) {
      return;
    }
    this.#allocations.delete(address);
    this.#taken[familyOf(address)].delete(toNumber(address));
    this.#coolingAddresses[familyOf(address)].delete(toNumber(address));
    if (known.state === "Allocated") {
      this.#sharing.remove(known);
    }
    const index = this.#indexFor(known);
    for (const holder of known.holders) {
      const key = serviceKey(holder);
      const addresses = index?.get(key);
      addresses?.delete(address);
      if (addresses?.size === 0) {
        index?.delete(key);
      }
    }
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
    return [...(this.#held.get(key) ?? [])].sort(compareIpAddresses);
  }

  /** Addresses that are cooling down and were last held by the Service `namespace/name`. */
  coolingOf(key: string): readonly IpAddress[] {
    return [...(this.#cooling.get(key) ?? [])].sort(compareIpAddresses);
  }

  /** The lowest address of `range` not below `from` that is cooling down, if there is one. */
  nextCooling(range: IpRange, from: bigint): IpAddress | undefined {
    const value = this.#coolingAddresses[range.family].nextMember(from);
    return value === undefined || value > range.last
      ? undefined
      : formatIpAddress(range.family, value);
  }

  /** The lowest address of `range` not below `from` that is free, if there is one. */
  nextFree(range: IpRange, from: bigint): IpAddress | undefined {
    const value = this.#taken[range.family].nextGap(from);
    return value > range.last ? undefined : formatIpAddress(range.family, value);
  }

  /**
   * The lowest address of `range` not below `from` with a holder that `sharer` could join, if
   * there is one; its other holders may be in the way.
   */
  nextFriend(
    sharer: Sharer,
    scope: SharingScope,
    range: IpRange,
    from: bigint,
  ): IpAddress | undefined {
    return this.#sharing.next(sharer, scope, range, from);
  }

  /** How many addresses of `range` are not free. */
  countTaken(range: IpRange): bigint {
    const runs = this.#taken[range.family].runsBetween(range.first, range.last);
    return runs.reduce((count, { first, last }) => count + last - first + 1n, 0n);
  }

  #indexFor(allocation: IpAllocation): Map<string, Set<IpAddress>> | undefined {
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
