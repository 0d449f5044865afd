import { isBuggyNumber } from "../model/ip-address-pool.ts";
import { sizeBetween } from "../model/pool-size.ts";
import { IntervalSet } from "../net/interval-set.ts";

/**
 * Addresses of one range that can be given out, as numbers, and how many they are.
 *
 * Where a pool avoids addresses that end in .0 and .255, those are neither counted nor ever
 * the lowest; they stay only between others, so that nobody has to step over them one by one.
 */
export class Stock {
  readonly #members = new IntervalSet();
  readonly #avoidsBuggy: boolean;
  #count = 0n;

  /** Empty. `avoidsBuggy`: of IPv4, and the pool has `avoidBuggyIPs`. */
  constructor(avoidsBuggy: boolean) {
    this.#avoidsBuggy = avoidsBuggy;
  }

  /** How many there are. Never negative, however large. */
  get count(): bigint {
    return this.#count;
  }

  /** The lowest of them; undefined: there is none. */
  get lowest(): bigint | undefined {
    return this.#members.nextMember(0n);
  }

  /** The lowest of them, at most `count`. */
  *lowestFew(count: number): Iterable<bigint> {
    let next = this.lowest;
    for (let found = 0; next !== undefined && found < count; ) {
      if (!this.#isAvoided(next)) {
        yield next;
        found += 1;
      }
      next = this.#members.nextMember(next + 1n);
    }
  }

  /** Adds numbers of which none is there. */
  add(first: bigint, last: bigint): void {
    let from = first;
    while (from <= last && this.#isAvoided(from)) {
      from += 1n;
    }
    if (from <= last) {
      this.#members.add(from, last);
      this.#count += sizeBetween(from, last, this.#avoidsBuggy);
    }
  }

  /** Makes `value`, which is not to be avoided, one of them or not. */
  set(value: bigint, isThere: boolean): void {
    if (isThere) {
      this.#count += this.#members.add(value) ? 1n : 0n;
    } else if (this.#count > 0n && this.#members.delete(value)) {
      this.#count -= 1n;
      this.#trim(value);
    }
  }

  /** What is avoided must not be left as the first of a run. Only two such numbers follow each other. */
  #trim(value: bigint): void {
    for (const step of [-1n, 1n]) {
      for (let near = value + step; this.#isAvoided(near); near += step) {
        this.#members.delete(near);
      }
    }
  }

  #isAvoided(value: bigint): boolean {
    return this.#avoidsBuggy && isBuggyNumber(value);
  }
}
