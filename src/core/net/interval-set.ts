/** Members of an {@link IntervalSet} in a row, both ends included. */
export interface Run {
  readonly first: bigint;
  readonly last: bigint;
}

/** Where a run stands, or would stand: `at` may be one behind the last of its chunk. */
interface Place {
  readonly chunk: number;
  readonly at: number;
}

/** A chunk that grows beyond this is halved. */
const chunkSize = 256;

/**
 * A set of numbers kept as disjoint, sorted runs.
 *
 * Made for the question "which is the lowest member from here on?", which a
 * binary search answers however full the set is. A /64 with a million members in
 * a row is one run. The runs stand in sorted chunks, so that adding and removing
 * move few of them, however fragmented the set is.
 */
export class IntervalSet {
  /** None of them is empty. */
  readonly #chunks: Run[][] = [];

  /** Adds `first` to `last`, both included. False if all of them are there already. */
  add(first: bigint, last: bigint = first): boolean {
    const place = this.#seek(first - 1n);
    let [low, high] = [first, last];
    let run = this.#runAt(place);
    if (run !== undefined && run.first <= first && run.last >= last) {
      return false;
    }
    while (run !== undefined && run.first <= last + 1n) {
      low = min(run.first, low);
      high = max(run.last, high);
      this.#removeAt(place);
      run = this.#runAt(place);
    }
    this.#insertAt(place, { first: low, last: high });
    return true;
  }

  /** Removes `first` to `last`, both included, as far as they are there. False if none is. */
  delete(first: bigint, last: bigint = first): boolean {
    const place = this.#seek(first);
    const rest: Run[] = [];
    let found = false;
    for (let run = this.#runAt(place); run !== undefined && run.first <= last; ) {
      found = true;
      if (run.first < first) {
        rest.push({ first: run.first, last: first - 1n });
      }
      if (run.last > last) {
        rest.push({ first: last + 1n, last: run.last });
      }
      this.#removeAt(place);
      run = this.#runAt(place);
    }
    for (const run of rest.reverse()) {
      this.#insertAt(place, run);
    }
    return found;
  }

  /** True if `value` is a member. */
  has(value: bigint): boolean {
    const run = this.#runAt(this.#seek(value));
    return run !== undefined && run.first <= value;
  }

  /** The lowest number that is not a member and not below `from`. */
  nextGap(from: bigint): bigint {
    const run = this.#runAt(this.#seek(from));
    return run === undefined || run.first > from ? from : run.last + 1n;
  }

  /** The lowest member that is not below `from`, if there is one. */
  nextMember(from: bigint): bigint | undefined {
    const run = this.#runAt(this.#seek(from));
    return run === undefined || run.first > from ? run?.first : from;
  }

  /** The members from `first` to `last`, both included, lowest first. */
  runsBetween(first: bigint, last: bigint): readonly Run[] {
    const runs: Run[] = [];
    let run = this.#runAt(this.#seek(first));
    while (run !== undefined && run.first <= last) {
      runs.push({
        first: max(run.first, first),
        last: min(run.last, last),
      });
      run = this.#runAt(this.#seek(run.last + 1n));
    }
    return runs;
  }

  /** The numbers from `first` to `last`, both included, that are not members, lowest first. */
  gapsBetween(first: bigint, last: bigint): readonly Run[] {
    const gaps: Run[] = [];
    let from = first;
    for (const run of this.runsBetween(first, last)) {
      if (run.first > from) {
        gaps.push({ first: from, last: run.first - 1n });
      }
      from = run.last + 1n;
    }
    return from > last ? gaps : [...gaps, { first: from, last }];
  }

  /** The first run that ends at `value` or after it. */
  #seek(value: bigint): Place {
    const chunks = this.#chunks;
    let [low, high] = [0, chunks.length - 1];
    while (low < high) {
      const middle = (low + high) >>> 1;
      const chunk = chunks[middle] as Run[];
      if ((chunk[chunk.length - 1] as Run).last < value) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return { chunk: low, at: indexOfRunEndingAtOrAfter(chunks[low] ?? [], value) };
  }

  #runAt({ chunk, at }: Place): Run | undefined {
    return this.#chunks[chunk]?.[at] ?? this.#chunks[chunk + 1]?.[0];
  }

  /** Removes what {@link #runAt} gives. The place then is that of the run behind it. */
  #removeAt({ chunk, at }: Place): void {
    const isInNext = at === (this.#chunks[chunk] as Run[]).length;
    const [from, index] = isInNext ? [chunk + 1, 0] : [chunk, at];
    const runs = this.#chunks[from] as Run[];
    if (runs.length > 1) {
      runs.splice(index, 1);
    } else {
      this.#chunks.splice(from, 1);
    }
  }

  #insertAt({ chunk, at }: Place, run: Run): void {
    const runs = this.#chunks[chunk];
    if (runs === undefined) {
      this.#chunks.push([run]);
    } else {
      runs.splice(at, 0, run);
      if (runs.length > chunkSize) {
        this.#chunks.splice(chunk + 1, 0, runs.splice(chunkSize >>> 1));
      }
    }
  }
}

function indexOfRunEndingAtOrAfter(runs: readonly Run[], value: bigint): number {
  let [low, high] = [0, runs.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((runs[middle] as Run).last < value) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

function min(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}

function max(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}
