import type { IpAddressPool } from "../model/ip-address-pool.ts";
import type { IpAllocation } from "../model/ip-allocation.ts";
import { sizeBetween } from "../model/pool-size.ts";
import {
  familyOf,
  formatIpAddress,
  type IpAddress,
  type IpFamily,
  toNumber,
} from "../net/ip-address.ts";
import type { DenyList } from "./deny-list.ts";
import type { Ledger } from "./ledger.ts";
import { PlaceSet } from "./place-set.ts";
import { type PoolPart, partsOf, poolIndexOf } from "./pool-index.ts";
import { Stock } from "./stock.ts";

/** How many addresses of one family a pool has. Exact, and never negative. */
export interface PoolCount {
  /** That it gives out at most: of avoidBuggyIPs, .0 and .255 do not count, and what is named twice counts once. */
  readonly size: bigint;
  /** That Services hold and that it gave. One that several share counts once. */
  readonly assigned: bigint;
  /** That nobody has and nothing denies. */
  readonly free: bigint;
  /** That cool down and that nothing denies: others get them when nothing is free. */
  readonly cooling: bigint;
}

type PoolList = readonly Pick<IpAddressPool, "name">[];

/** What can be given of one part of a pool. */
interface Shelf {
  readonly part: PoolPart;
  readonly free: Stock;
  readonly cooling: Stock;
}

/** What can be given of one family of a pool. */
interface PoolStock {
  /** In the order in which they are given. */
  readonly shelves: readonly Shelf[];
  readonly size: bigint;
  /** The pool's place in the order of all. */
  readonly place: number;
}

interface FamilySupply {
  /** By name of the pool. */
  readonly stocks: Map<string, PoolStock>;
  /** The places of the pools that have such addresses. */
  readonly withFree: PlaceSet;
  readonly withCooling: PlaceSet;
}

/**
 * What every pool can still give, kept up change by change: nobody has to look at what is held
 * to find what is free, or at a pool that has nothing.
 *
 * It follows the ledger and the deny list by itself. {@link setPools} tells it the pools.
 */
export class Supply {
  readonly #ledger: Ledger;
  readonly #denyList: DenyList;
  readonly #assigned = { 4: new Map<string, bigint>(), 6: new Map<string, bigint>() };
  #pools: readonly IpAddressPool[] = [];
  #shelves: ReadonlyMap<PoolPart, Shelf> = new Map();
  #families = { 4: emptySupply(0), 6: emptySupply(0) };
  /** The places of the pools of a list that somebody asked about. */
  #places = new WeakMap<PoolList, PlaceSet>();
  /** What is denied has changed since the shelves were filled. */
  #stale = false;

  constructor(ledger: Ledger, denyList: DenyList) {
    this.#ledger = ledger;
    this.#denyList = denyList;
    for (const allocation of ledger.allocations()) {
      this.#assign(allocation, 1n);
    }
    ledger.onChange((address, before, after) => {
      this.#assign(before, -1n);
      this.#assign(after, 1n);
      this.#settle(address);
    });
    denyList.onChange((address) => {
      if (address === undefined) {
        this.#stale = true;
      } else {
        this.#settle(address);
      }
    });
  }

  /** Takes in the pools, in the order in which they are asked. The same list again costs nothing. */
  setPools(pools: readonly IpAddressPool[]): void {
    if (pools !== this.#pools) {
      this.#pools = pools;
      this.#stock(this.#stale ? new Map() : this.#shelves);
      this.#stale = false;
    }
  }

  /** The address that the pool gives next, of those that are free: the first range first, lowest first. */
  lowestFree(pool: string, family: IpFamily): IpAddress | undefined {
    const stock = this.#fresh()[family].stocks.get(pool);
    const shelf = stock?.shelves.find(({ free }) => free.count > 0n);
    const lowest = shelf?.free.lowest;
    return lowest === undefined ? undefined : formatIpAddress(family, lowest);
  }

  /** The addresses that the pool gives next, at most `count`, the next one first. */
  nextFree(pool: string, family: IpFamily, count: number): readonly IpAddress[] {
    const next: IpAddress[] = [];
    for (const { free } of this.#fresh()[family].stocks.get(pool)?.shelves ?? []) {
      for (const value of free.lowestFew(count - next.length)) {
        next.push(formatIpAddress(family, value));
      }
    }
    return next;
  }

  /**
   * Those of `pools` that have a free address of every one of `families`, in the order of all
   * pools; with `orCooling` also those that have one only that cools down.
   */
  *withRoom(
    pools: PoolList,
    families: readonly IpFamily[],
    orCooling: boolean,
  ): Iterable<IpAddressPool> {
    const supplies = this.#fresh();
    const having = families.map((family) => {
      const { withFree, withCooling } = supplies[family];
      return orCooling ? [withFree, withCooling] : [withFree];
    });
    for (const place of this.#placesOf(pools).common(having)) {
      yield this.#pools[place] as IpAddressPool;
    }
  }

  /** How many addresses of the family the pool has; of one that is not there, what it gave before. */
  count(pool: string, family: IpFamily): PoolCount {
    const { shelves, size } = this.#fresh()[family].stocks.get(pool) ?? { shelves: [], size: 0n };
    return {
      size,
      assigned: this.#assigned[family].get(pool) ?? 0n,
      free: shelves.reduce((sum, { free }) => sum + free.count, 0n),
      cooling: shelves.reduce((sum, { cooling }) => sum + cooling.count, 0n),
    };
  }

  #assign(allocation: IpAllocation | undefined, change: 1n | -1n): void {
    if (allocation?.state === "Allocated") {
      const counts = this.#assigned[familyOf(allocation.address)];
      const count = (counts.get(allocation.pool) ?? 0n) + change;
      if (count === 0n) {
        counts.delete(allocation.pool);
      } else {
        counts.set(allocation.pool, count);
      }
    }
  }

  /** Makes the shelves say of `address` what ledger and deny list say. */
  #settle(address: IpAddress): void {
    if (this.#stale) {
      return;
    }
    const [family, value] = [familyOf(address), toNumber(address)];
    const parts = poolIndexOf(this.#pools).partsWith(family, value);
    if (parts.length === 0) {
      return;
    }
    const allocation = this.#ledger.get(address);
    const isAllowed = !this.#denyList.blocks(address);
    for (const part of parts) {
      const { free, cooling } = this.#shelves.get(part) as Shelf;
      const hadRoom = [free.count > 0n, cooling.count > 0n];
      free.set(value, isAllowed && allocation === undefined);
      cooling.set(value, isAllowed && allocation?.state === "Cooling");
      if (hadRoom[0] !== free.count > 0n || hadRoom[1] !== cooling.count > 0n) {
        this.#noteRoom(part.pool.name, family);
      }
    }
  }

  #noteRoom(pool: string, family: IpFamily): void {
    const { stocks, withFree, withCooling } = this.#families[family];
    const { shelves, place } = stocks.get(pool) as PoolStock;
    withFree.set(
      place,
      shelves.some(({ free }) => free.count > 0n),
    );
    withCooling.set(
      place,
      shelves.some(({ cooling }) => cooling.count > 0n),
    );
  }

  #fresh(): Readonly<Record<IpFamily, FamilySupply>> {
    if (this.#stale) {
      this.#stale = false;
      this.#stock(new Map());
    }
    return this.#families;
  }

  /** Fills the shelves of all pools anew, but for those that are filled already. */
  #stock(filled: ReadonlyMap<PoolPart, Shelf>): void {
    const shelves = new Map<PoolPart, Shelf>();
    this.#families = { 4: emptySupply(this.#pools.length), 6: emptySupply(this.#pools.length) };
    this.#places = new WeakMap();
    for (const [place, pool] of this.#pools.entries()) {
      const ofPool = partsOf(pool).map((part) => filled.get(part) ?? this.#fill(part));
      for (const shelf of ofPool) {
        shelves.set(shelf.part, shelf);
      }
      for (const family of [4, 6] as const) {
        const ofFamily = ofPool.filter(({ part }) => part.family === family);
        const size = ofFamily.reduce((sum, { part }) => sum + sizeOf(part), 0n);
        this.#families[family].stocks.set(pool.name, { shelves: ofFamily, size, place });
        this.#noteRoom(pool.name, family);
      }
    }
    this.#shelves = shelves;
  }

  #fill(part: PoolPart): Shelf {
    const shelf = {
      part,
      free: new Stock(avoidsBuggy(part)),
      cooling: new Stock(avoidsBuggy(part)),
    };
    for (const { first, last } of this.#denyList.allowed(part)) {
      const run = { family: part.family, first, last };
      for (const free of this.#ledger.free(run)) {
        shelf.free.add(free.first, free.last);
      }
      for (const cooling of this.#ledger.cooling(run)) {
        shelf.cooling.add(cooling.first, cooling.last);
      }
    }
    return shelf;
  }

  #placesOf(pools: PoolList): PlaceSet {
    const known = this.#places.get(pools);
    if (known !== undefined) {
      return known;
    }
    const places = new PlaceSet(this.#pools.length);
    for (const { name } of pools) {
      const place = this.#families[4].stocks.get(name)?.place;
      if (place !== undefined) {
        places.set(place, true);
      }
    }
    this.#places.set(pools, places);
    return places;
  }
}

function emptySupply(pools: number): FamilySupply {
  return { stocks: new Map(), withFree: new PlaceSet(pools), withCooling: new PlaceSet(pools) };
}

function sizeOf(part: PoolPart): bigint {
  return sizeBetween(part.first, part.last, avoidsBuggy(part));
}

function avoidsBuggy({ family, pool }: PoolPart): boolean {
  return family === 4 && pool.avoidBuggyIPs;
}
