import { type IpRange, rangesOverlap } from "./ip-range.ts";

/** Two ranges that overlap, and what they have in common. */
export interface Overlap<L extends IpRange, R extends IpRange> {
  readonly left: L;
  readonly right: R;
  readonly common: IpRange;
}

/**
 * Every pair of an item of `left` and one of `right` with an address in common, by the first
 * address in common. Costs a sort of both, and what is found.
 */
export function overlapsOf<L extends IpRange, R extends IpRange>(
  left: readonly L[],
  right: readonly R[],
): readonly Overlap<L, R>[] {
  const found: Overlap<L, R>[] = [];
  const note = (left: L, right: R): void => {
    const common = commonRange(left, right);
    if (common !== undefined) {
      found.push({ left, right, common });
    }
  };
  const [lefts, rights] = [inOrder(left), inOrder(right)];
  let [openLeft, openRight]: [L[], R[]] = [[], []];
  let [l, r] = [0, 0];
  while (l < lefts.length || r < rights.length) {
    const [nextLeft, nextRight] = [lefts[l], rights[r]];
    if (nextRight === undefined || (nextLeft !== undefined && order(nextLeft, nextRight) <= 0)) {
      const item = nextLeft as L;
      openRight = openRight.filter((other) => reaches(other, item));
      for (const other of openRight) {
        note(item, other);
      }
      openLeft.push(item);
      l += 1;
    } else {
      openLeft = openLeft.filter((other) => reaches(other, nextRight));
      for (const other of openLeft) {
        note(other, nextRight);
      }
      openRight.push(nextRight);
      r += 1;
    }
  }
  return found;
}

/** What is left of `range` without the addresses of `others`, in order. */
export function rangeWithout(range: IpRange, others: readonly IpRange[]): readonly IpRange[] {
  const { family, last } = range;
  const rest: IpRange[] = [];
  let from = range.first;
  for (const other of mergedRanges(others.filter((candidate) => candidate.family === family))) {
    if (other.last < from || other.first > last) {
      continue;
    }
    if (other.first > from) {
      rest.push({ family, first: from, last: other.first - 1n });
    }
    from = other.last + 1n;
  }
  return from <= last ? [...rest, { family, first: from, last }] : rest;
}

/** The same addresses in as few ranges as can be: IPv4 first, lowest first. */
export function mergedRanges(ranges: readonly IpRange[]): readonly IpRange[] {
  const merged: IpRange[] = [];
  for (const range of inOrder(ranges)) {
    const before = merged.at(-1);
    if (before === undefined || before.family !== range.family || before.last + 1n < range.first) {
      merged.push({ family: range.family, first: range.first, last: range.last });
    } else if (range.last > before.last) {
      merged[merged.length - 1] = { ...before, last: range.last };
    }
  }
  return merged;
}

function commonRange(a: IpRange, b: IpRange): IpRange | undefined {
  if (!rangesOverlap(a, b)) {
    return undefined;
  }
  const [later, earlier] = [a.first > b.first ? a : b, a.last < b.last ? a : b];
  return { family: a.family, first: later.first, last: earlier.last };
}

function inOrder<T extends IpRange>(ranges: readonly T[]): readonly T[] {
  return [...ranges].sort(order);
}

function order(a: IpRange, b: IpRange): number {
  if (a.family !== b.family) {
    return a.family - b.family;
  }
  return a.first < b.first ? -1 : a.first > b.first ? 1 : 0;
}

/** True if a range that begins no later than `item` has an address in common with it. */
function reaches(range: IpRange, item: IpRange): boolean {
  return range.family === item.family && range.last >= item.first;
}
