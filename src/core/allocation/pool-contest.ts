import type { IpAddressPool } from "../model/ip-address-pool.ts";
import type { IpAllocation } from "../model/ip-allocation.ts";
import type { IpAddress } from "../net/ip-address.ts";
import { type IpRange, rangeContains } from "../net/ip-range.ts";
import { mergedRanges, type Overlap, overlapsOf, rangeWithout } from "../net/range-arithmetic.ts";

/** A pool and when it was created: RFC 3339, so that text order is time order. */
export interface DatedPool {
  readonly pool: IpAddressPool;
  readonly createdAt: string;
}

/** Addresses that a pool names and another one gives out. */
export interface YieldedRanges {
  readonly to: string;
  /** What `to` has before this pool: addresses in use where pools overlap, or its age. */
  readonly because: "InUse" | "Older";
  /** Merged. */
  readonly ranges: readonly IpRange[];
}

interface PoolRange extends IpRange {
  readonly name: string;
}

/**
 * Which of several pools gives the addresses that more than one of them names: the one with
 * addresses in use where they overlap, then the older one, then the first by name. The others
 * keep what they gave and give no more of it.
 *
 * One order of all pools decides about every overlap, so each address has one pool that gives it.
 */
export class PoolContest {
  #dated: readonly DatedPool[] = [];
  /** Each overlap twice, once for each side. */
  #overlaps: readonly Overlap<PoolRange, PoolRange>[] = [];
  /** What each pool has in common with others. */
  readonly #contested = new Map<string, readonly IpRange[]>();
  /** Addresses in use where pools overlap, by the pool that gave them. */
  readonly #inUse = new Map<string, Set<IpAddress>>();
  #pools: readonly IpAddressPool[] = [];
  readonly #yielded = new Map<string, readonly YieldedRanges[]>();

  /** Takes in all pools, in the order in which they are asked, and everything that is allocated. */
  setPools(dated: readonly DatedPool[], allocations: Iterable<IpAllocation>): void {
    this.#dated = dated;
    const ranges = dated.flatMap(({ pool: { name, ranges } }) =>
      mergedRanges(ranges).map((range): PoolRange => ({ ...range, name })),
    );
    this.#overlaps = overlapsOf(ranges, ranges).filter(
      ({ left, right }) => left.name !== right.name,
    );
    this.#contested.clear();
    for (const { left, common } of this.#overlaps) {
      this.#contested.set(left.name, [...(this.#contested.get(left.name) ?? []), common]);
    }
    this.#inUse.clear();
    for (const allocation of this.#overlaps.length > 0 ? allocations : []) {
      this.#note(undefined, allocation);
    }
    this.#judge();
  }

  /** Takes note of a change of one allocation; true if another pool gives addresses now. */
  allocationChanged(before: IpAllocation | undefined, after: IpAllocation | undefined): boolean {
    if (this.#overlaps.length === 0) {
      return false;
    }
    // Only where the first or the last address in use came or went.
    const pools = [before?.pool ?? "", after?.pool ?? ""];
    const had = pools.map((pool) => this.#inUse.has(pool));
    this.#note(before, after);
    if (pools.every((pool, index) => this.#inUse.has(pool) === had[index])) {
      return false;
    }
    this.#judge();
    return true;
  }

  /** The pools in the order given, each without what it yields. A new list whenever one changed. */
  get pools(): readonly IpAddressPool[] {
    return this.#pools;
  }

  /** What `pool` names and others give, by their names. */
  yieldedBy(pool: string): readonly YieldedRanges[] {
    return this.#yielded.get(pool) ?? [];
  }

  #note(before: IpAllocation | undefined, after: IpAllocation | undefined): void {
    if (before !== undefined) {
      const known = this.#inUse.get(before.pool);
      known?.delete(before.address);
      if (known?.size === 0) {
        this.#inUse.delete(before.pool);
      }
    }
    if (after?.state === "Allocated" && this.#isContested(after)) {
      const known = this.#inUse.get(after.pool) ?? new Set();
      this.#inUse.set(after.pool, known.add(after.address));
    }
  }

  #isContested({ pool, address }: IpAllocation): boolean {
    return this.#contested.get(pool)?.some((range) => rangeContains(range, address)) === true;
  }

  #judge(): void {
    this.#yielded.clear();
    if (this.#overlaps.length === 0) {
      this.#pools = this.#dated.map(({ pool }) => pool);
      return;
    }
    const createdAt = new Map(this.#dated.map(({ pool, createdAt }) => [pool.name, createdAt]));
    const rank = (name: string): string =>
      `${this.#inUse.has(name) ? 0 : 1} ${createdAt.get(name)} ${name}`;
    const lost = new Map<string, Map<string, IpRange[]>>();
    for (const { left, right, common } of this.#overlaps) {
      if (rank(right.name) < rank(left.name)) {
        const byWinner = lost.get(left.name) ?? new Map<string, IpRange[]>();
        lost.set(left.name, byWinner);
        byWinner.set(right.name, [...(byWinner.get(right.name) ?? []), common]);
      }
    }
    for (const [name, byWinner] of lost) {
      const because = (to: string): YieldedRanges["because"] =>
        this.#inUse.has(to) && !this.#inUse.has(name) ? "InUse" : "Older";
      const losses = [...byWinner].map(
        ([to, ranges]): YieldedRanges => ({
          to,
          because: because(to),
          ranges: mergedRanges(ranges),
        }),
      );
      this.#yielded.set(
        name,
        losses.sort((a, b) => (a.to < b.to ? -1 : 1)),
      );
    }
    this.#pools = this.#dated.map(({ pool }) => this.#without(pool));
  }

  #without(pool: IpAddressPool): IpAddressPool {
    const yielded = this.yieldedBy(pool.name).flatMap(({ ranges }) => ranges);
    return yielded.length === 0
      ? pool
      : {
          ...pool,
          ranges: pool.ranges.flatMap((range) => rangeWithout(range, yielded)),
          yielded: mergedRanges(yielded),
        };
  }
}
