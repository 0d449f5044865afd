import fc from "fast-check";
import { expect, test } from "vitest";
import { IntervalSet } from "../../../src/core/net/interval-set.ts";

type Operation = readonly [kind: "add" | "delete", first: number, length: number];

function operations(universe: number, longest: number): fc.Arbitrary<Operation> {
  return fc.tuple(
    fc.constantFrom("add", "delete"),
    fc.nat({ max: universe }),
    fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, fc.nat({ max: longest })),
  );
}

function carryOut(set: IntervalSet, model: Set<number>, [kind, first, length]: Operation): void {
  const before = model.size;
  for (let member = first; member <= first + length; member += 1) {
    model[kind](member);
  }
  expect(set[kind](BigInt(first), BigInt(first + length))).toBe(model.size !== before);
}

function lowest(members: ReadonlySet<number>, from: number): bigint | undefined {
  const [first] = [...members].filter((member) => member >= from).sort((a, b) => a - b);
  return first === undefined ? undefined : BigInt(first);
}

function membersBetween(set: IntervalSet, first: number, last: number): readonly number[] {
  return set.runsBetween(BigInt(first), BigInt(last)).flatMap((run) => {
    const length = Number(run.last - run.first) + 1;
    return Array.from({ length }, (_, at) => Number(run.first) + at);
  });
}

test("answers as a plain set of numbers does, whatever was added and deleted", () => {
  const universe = 40;
  const value = fc.nat({ max: universe });
  const many = fc.array(operations(universe, 8), { maxLength: 60 });
  fc.assert(
    fc.property(many, value, value, (changes, from, to) => {
      const [set, model] = [new IntervalSet(), new Set<number>()];
      for (const change of changes) {
        carryOut(set, model, change);
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
      expect(membersBetween(set, low, high)).toEqual(between.sort((a, b) => a - b));
      const complement = new IntervalSet();
      for (const gap of set.gapsBetween(BigInt(low), BigInt(high))) {
        complement.add(gap.first, gap.last);
      }
      for (let member = low - 1; member <= high + 1; member += 1) {
        const isGap = low <= member && member <= high && !model.has(member);
        expect(complement.has(BigInt(member))).toBe(isGap);
      }
    }),
  );
});

test("answers so also when it is cut into thousands of runs, and mended again", () => {
  const universe = 4_000;
  const many = fc.array(operations(universe, 900), { minLength: 1, maxLength: 40 });
  fc.assert(
    fc.property(many, (changes) => {
      const [set, model] = [new IntervalSet(), new Set<number>()];
      for (let member = 0; member <= universe; member += 2) {
        carryOut(set, model, ["add", member, 0]);
      }
      for (const change of changes) {
        carryOut(set, model, change);
      }
      const all = [...model].sort((a, b) => a - b);
      expect(membersBetween(set, 0, universe * 2)).toEqual(all);
      expect(set.nextMember(0n)).toBe(all[0] === undefined ? undefined : BigInt(all[0]));
    }),
    { numRuns: 30 },
  );
});

test("adds and deletes one number by default", () => {
  const set = new IntervalSet();
  set.add(7n);
  expect([set.has(6n), set.has(7n), set.has(8n)]).toEqual([false, true, false]);
  set.delete(7n);
  expect(set.has(7n)).toBe(false);
});

test("tells the members in a row as one run", () => {
  const set = new IntervalSet();
  set.add(1n, 3n);
  set.add(5n, 6n);
  set.add(4n);
  set.add(9n);
  expect(set.runsBetween(2n, 9n)).toEqual([
    { first: 2n, last: 6n },
    { first: 9n, last: 9n },
  ]);
});

test("holds a run of 2^64 as easily as one number", () => {
  const set = new IntervalSet();
  set.add(0n, (1n << 64n) - 1n);
  set.delete(1n << 63n);
  expect(set.nextGap(0n)).toBe(1n << 63n);
});
