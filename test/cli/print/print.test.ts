import { expect, test } from "vitest";
import { ageOf } from "../../../src/cli/print/age.ts";
import { table } from "../../../src/cli/print/table.ts";
import { wrapped } from "../../../src/cli/print/wrapped.ts";

test.each([
  [0, "0s"],
  [59, "59s"],
  [60, "1m"],
  [61, "1m1s"],
  [3_600, "1h"],
  [8_040, "2h14m"],
  [86_399, "23h59m"],
  [86_400, "1d"],
  [180_000, "2d2h"],
])("%d s ago reads %s", (seconds, text) => {
  const now = new Date("2026-11-23T22:00:00Z");
  expect(ageOf(new Date(now.getTime() - seconds * 1_000).toISOString(), now)).toBe(text);
});

test("a time ahead is now, and one that cannot be read is not known", () => {
  const now = new Date("2026-11-23T22:00:00Z");
  expect(ageOf("2026-11-23T22:00:09Z", now)).toBe("0s");
  expect(ageOf("", now)).toBe("?");
});

test("lines are broken between words, never inside one, and go on below the text", () => {
  const width = 32;
  const lines = wrapped(
    "head  ",
    "some words and a-very-long-word-that-fits-in-no-line, then end",
    width,
  );
  expect(lines).toEqual([
    "head  some words and",
    "      a-very-long-word-that-fits-in-no-line,",
    "      then end",
  ]);
  expect(wrapped("", "one line", Number.POSITIVE_INFINITY)).toEqual(["one line"]);
});

test("columns are as wide as their widest cell, and the last one is broken", () => {
  const rows = [
    ["a", "1", "many words that do not fit here at all"],
    ["longer", "22", ""],
  ];
  expect(table(["NAME", "N", "WHY"], rows, 36)).toEqual([
    "NAME    N   WHY",
    "a       1   many words that do not",
    "            fit here at all",
    "longer  22",
  ]);
});
