import fc from "fast-check";
import { expect, test } from "vitest";
import { PlaceSet } from "../../../src/core/allocation/place-set.ts";

const size = 80;
const places = fc.uniqueArray(fc.nat({ max: size - 1 }));

function setOf(members: readonly number[]): PlaceSet {
  const set = new PlaceSet(size);
  for (const place of members) {
    set.set(place, true);
  }
  return set;
}

test("finds the members that each of several unions has, lowest first", () => {
  fc.assert(
    fc.property(places, fc.array(fc.array(places, { maxLength: 2 })), (own, unions) => {
      const expected = own
        .filter((place) => unions.every((union) => union.some((set) => set.includes(place))))
        .sort((a, b) => a - b);
      const found = setOf(own).common(unions.map((union) => union.map(setOf)));
      expect([...found]).toEqual(expected);
    }),
  );
});

test("forgets what is taken out, and nothing beside it", () => {
  const set = setOf([31, 32, 63]);
  set.set(32, false);
  set.set(33, false);
  expect([...set.common([])]).toEqual([31, 63]);
});
