import type { Run } from "./interval-set.ts";

/**
 * Finds, of intervals that may overlap, those that hold a number, by one binary search.
 *
 * Numbers with the same answer form a stretch, and each stretch keeps its answer. Where
 * very many intervals lie inside each other that takes the product of both in memory.
 */
export class IntervalIndex<Item extends Run> {
  /** Where each stretch begins, ascending; it ends before the next one. */
  readonly #starts: readonly bigint[];
  readonly #items: readonly (readonly Item[])[];

  constructor(items: readonly Item[]) {
    const edges = items.flatMap(({ first, last }, order) => [
      { at: first, order, opens: true },
      { at: last + 1n, order, opens: false },
    ]);
    edges.sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0));
    const starts: bigint[] = [];
    const stretches: (readonly Item[])[] = [];
    const open: number[] = [];
    for (const [index, { at, order, opens }] of edges.entries()) {
      const place = placeOf(open, order);
      open.splice(place, opens ? 0 : 1, ...(opens ? [order] : []));
      if (edges[index + 1]?.at !== at) {
        starts.push(at);
        stretches.push(open.map((one) => items[one] as Item));
      }
    }
    this.#starts = starts;
    this.#items = stretches;
  }

  /** The intervals that hold `value`, in the order in which they were given. */
  at(value: bigint): readonly Item[] {
    return this.#items[this.#stretchOf(value)] ?? [];
  }

  /** The intervals with a number between `first` and `last`, both included, each once. */
  between(first: bigint, last: bigint): Iterable<Item> {
    const found = new Set(this.at(first));
    const from = this.#stretchOf(first) + 1;
    for (let at = from; at < this.#starts.length && (this.#starts[at] as bigint) <= last; at += 1) {
      for (const item of this.#items[at] as readonly Item[]) {
        found.add(item);
      }
    }
    return found;
  }

  /** The numbers from `first` to `last`, both included, that no interval holds, lowest first. */
  gapsBetween(first: bigint, last: bigint): readonly Run[] {
    const gaps: Run[] = [];
    for (let from = first, at = this.#stretchOf(first); from <= last; at += 1) {
      const next = this.#starts[at + 1];
      const end = next === undefined || next > last ? last : next - 1n;
      if ((this.#items[at]?.length ?? 0) === 0) {
        gaps.push({ first: from, last: end });
      }
      from = end + 1n;
    }
    return gaps;
  }

  /** The last stretch that begins at `value` or before; -1: there is none. */
  #stretchOf(value: bigint): number {
    let [low, high] = [0, this.#starts.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#starts[middle] as bigint) <= value) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low - 1;
  }
}

/** Where `order` stands in the ascending `orders`, or would stand. */
function placeOf(orders: readonly number[], order: number): number {
  let [low, high] = [0, orders.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((orders[middle] as number) < order) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}
