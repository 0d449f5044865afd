import fc from "fast-check";
import { expect, test } from "vitest";
import { IntervalSet } from "../../../src/core/net/interval-set.ts";

const universe = 40;
const value = fc.nat({ max: universe });
const operation = fc.oneof(
  fc.tuple(fc.constant("add" as const), value, fc.nat({ max: 8 })),
  fc.tuple(fc.constant("delete" as const), value, fc.constant(0)),
);

test("answers as a plain set of numbers does, whatever was added and deleted", () => {
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 60 }), value, value, (operations, from, to) => {
      const [set, model] = [new IntervalSet(), new Set<number>()];
      for (const [kind, first, length] of operations) {
        if (kind === "add") {
          set.add(BigInt(first), BigInt(first + length));
          for (let member = first; member <= first + length; member += 1) {
            model.add(member);
          }
        } else {
          set.delete(BigInt(first));
          model.delete(first);
        }
      }
      for (let member = 0; member <= universe + 9; member += 1) {
        expect(set.has(BigInt(member))).toBe(model.has(member));
      }
      for (let start = 0; start <= universe; start += 1) {
        let gap = start;
        while (model.has(gap)) {
          gap += 1;
        }
        expect(set.nextGap(BigInt(start))).toBe(BigInt(gap));
        expect(set.nextMember(BigInt(start))).toBe(lowest(model, start));
      }
      const [low, high] = [Math.min(from, to), Math.max(from, to)];
      const between = [...model].filter((member) => low <= member && member <= high);
      expect(set.countBetween(BigInt(low), BigInt(high))).toBe(BigInt(between.length));
    }),
  );
});

function lowest(members: ReadonlySet<number>, from: number): bigint | undefined {
  const [first] = [...members].filter((member) => member >= from).sort((a, b) => a - b);
  return first === undefined ? undefined : BigInt(first);
}

test("adds one number by default", () => {
  const set = new IntervalSet();
  set.add(7n);
  expect([set.has(6n), set.has(7n), set.has(8n)]).toEqual([false, true, false]);
});

test("holds a run of 2^64 as easily as one number", () => {
  const set = new IntervalSet();
  set.add(0n, (1n << 64n) - 1n);
  set.delete(1n << 63n);
  expect(set.nextGap(0n)).toBe(1n << 63n);
  expect(set.countBetween(0n, 1n << 64n)).toBe((1n << 64n) - 1n);
});
