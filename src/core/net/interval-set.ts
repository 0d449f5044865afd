/**
 * A set of numbers kept as disjoint, sorted runs.
 *
 * Made for the question "which is the lowest number not in the set, from here
 * on?", which one binary search answers however full the set is. A /64 with a
 * million members in a row is one run. Adding and removing cost a binary search
 * and, in a fragmented set, one move of the array behind it.
 */
export class IntervalSet {
  readonly #first: bigint[] = [];
  readonly #last: bigint[] = [];

  /** Adds `first` to `last`, both included. Members already there stay. */
  add(first: bigint, last: bigint = first): void {
    const from = this.#indexOfRunEndingAtOrAfter(first - 1n);
    let to = from;
    let [low, high] = [first, last];
    while (to < this.#first.length && (this.#first[to] as bigint) <= last + 1n) {
      low = min(low, this.#first[to] as bigint);
      high = max(high, this.#last[to] as bigint);
      to += 1;
    }
    this.#first.splice(from, to - from, low);
    this.#last.splice(from, to - from, high);
  }

  /** Removes one number, if it is there. */
  delete(value: bigint): void {
    const index = this.#indexOfRunEndingAtOrAfter(value);
    const [first, last] = [this.#first[index], this.#last[index]];
    if (first === undefined || last === undefined || first > value) {
      return;
    }
    const rest: (readonly [bigint, bigint])[] = [];
    if (first < value) {
      rest.push([first, value - 1n]);
    }
    if (value < last) {
      rest.push([value + 1n, last]);
    }
    this.#first.splice(index, 1, ...rest.map(([low]) => low));
    this.#last.splice(index, 1, ...rest.map(([, high]) => high));
  }

  /** True if `value` is a member. */
  has(value: bigint): boolean {
    const first = this.#first[this.#indexOfRunEndingAtOrAfter(value)];
    return first !== undefined && first <= value;
  }

  /** The lowest number that is not a member and not below `from`. */
  nextGap(from: bigint): bigint {
    const index = this.#indexOfRunEndingAtOrAfter(from);
    const [first, last] = [this.#first[index], this.#last[index]];
    return first === undefined || last === undefined || first > from ? from : last + 1n;
  }

  /** The lowest member that is not below `from`, if there is one. */
  nextMember(from: bigint): bigint | undefined {
    const first = this.#first[this.#indexOfRunEndingAtOrAfter(from)];
    return first === undefined ? undefined : max(first, from);
  }

  /** How many members lie between `first` and `last`, both included. */
  countBetween(first: bigint, last: bigint): bigint {
    let count = 0n;
    for (let i = this.#indexOfRunEndingAtOrAfter(first); i < this.#first.length; i += 1) {
      const [low, high] = [this.#first[i] as bigint, this.#last[i] as bigint];
      if (low > last) {
        break;
      }
      count += min(high, last) - max(low, first) + 1n;
    }
    return count;
  }

  #indexOfRunEndingAtOrAfter(value: bigint): number {
    let [low, high] = [0, this.#last.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#last[middle] as bigint) < value) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low;
  }
}

function min(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}

function max(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}
