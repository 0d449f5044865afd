import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { IpFamily } from "../../../src/core/net/ip-address.ts";
import type { IpRange } from "../../../src/core/net/ip-range.ts";
import { mergedRanges, overlapsOf, rangeWithout } from "../../../src/core/net/range-arithmetic.ts";

const range: fc.Arbitrary<IpRange> = fc
  .tuple(fc.constantFrom<IpFamily>(4, 6), fc.nat({ max: 40 }), fc.nat({ max: 8 }))
  .map(([family, first, more]) => ({
    family,
    first: BigInt(first),
    last: BigInt(first + more),
  }));
const ranges = fc.array(range, { maxLength: 8 });

/** Every address of the ranges, one by one. */
function members(list: readonly IpRange[]): ReadonlySet<string> {
  return new Set(
    list.flatMap(({ family, first, last }) =>
      Array.from({ length: Number(last - first) + 1 }, (_, i) => `${family}/${first + BigInt(i)}`),
    ),
  );
}

describe("ranges", () => {
  test("overlap exactly where they have an address in common", () => {
    fc.assert(
      fc.property(ranges, ranges, (left, right) => {
        const found = overlapsOf(left, right);
        const expected = left.flatMap((l) =>
          right
            .filter((r) => [...members([l])].some((one) => members([r]).has(one)))
            .map((r) => idOf(l, r)),
        );
        expect(found.map((one) => idOf(one.left, one.right)).sort()).toEqual(expected.sort());
        for (const { left: l, right: r, common } of found) {
          const both = [...members([l])].filter((one) => members([r]).has(one));
          expect(members([common])).toEqual(new Set(both));
        }
      }),
    );
  });

  test("without others hold what is left, in order", () => {
    fc.assert(
      fc.property(range, ranges, (one, others) => {
        const rest = rangeWithout(one, others);
        expect(members(rest)).toEqual(
          new Set([...members([one])].filter((address) => !members(others).has(address))),
        );
        expect(rest).toEqual(mergedRanges(rest));
      }),
    );
  });

  test("merged hold the same, and no two of them touch", () => {
    fc.assert(
      fc.property(ranges, (list) => {
        const merged = mergedRanges(list);
        expect(members(merged)).toEqual(members(list));
        for (const [index, { family, first }] of merged.entries()) {
          const before = merged[index - 1];
          expect(before?.family !== family || before.last + 1n < first).toBe(true);
        }
      }),
    );
  });
});

function idOf(...pair: readonly IpRange[]): string {
  return pair.map(({ family, first, last }) => `${family}/${first}-${last}`).join(" ");
}
