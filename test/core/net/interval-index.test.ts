import fc from "fast-check";
import { expect, test } from "vitest";
import { IntervalIndex } from "../../../src/core/net/interval-index.ts";

const universe = 30n;
const interval = fc
  .tuple(fc.bigInt({ min: 0n, max: universe }), fc.bigInt({ min: 0n, max: 9n }))
  .map(([first, length]) => ({ first, last: first + length }));

test("finds the intervals that hold a number, in the order given, as looking at each would", () => {
  fc.assert(
    fc.property(fc.array(interval, { maxLength: 12 }), (intervals) => {
      const index = new IntervalIndex(intervals);
      for (let value = 0n; value <= universe + 11n; value += 1n) {
        const holding = intervals.filter(({ first, last }) => first <= value && value <= last);
        expect(index.at(value)).toEqual(holding);
      }
    }),
  );
});

test("finds the intervals that reach into a stretch", () => {
  fc.assert(
    fc.property(fc.array(interval, { maxLength: 12 }), interval, (intervals, { first, last }) => {
      const found = new Set(new IntervalIndex(intervals).between(first, last));
      const expected = intervals.filter((one) => one.first <= last && first <= one.last);
      expect(found).toEqual(new Set(expected));
    }),
  );
});

test("finds what no interval holds", () => {
  fc.assert(
    fc.property(fc.array(interval, { maxLength: 12 }), interval, (intervals, { first, last }) => {
      const index = new IntervalIndex(intervals);
      const gaps = index.gapsBetween(first, last);
      for (let value = first - 1n; value <= last + 1n; value += 1n) {
        const isGap = first <= value && value <= last && index.at(value).length === 0;
        expect(gaps.some((gap) => gap.first <= value && value <= gap.last)).toBe(isGap);
      }
    }),
  );
});
