import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import {
  countCases,
  inventory,
  type Parity,
  problemsOfParity,
  titlesOfTests,
  weaknessCount,
} from "./parity.ts";

// A key that stands twice in one place is an error of the file.
const read = (text: string): Parity => parse(text, { uniqueKeys: true }) as Parity;
const text = readFileSync("test/parity.yaml", "utf8");
const titles = titlesOfTests();

test("every case and every weakness of MetalLB has its verdict, and a test that there is", () => {
  const parity = read(text);
  expect(problemsOfParity(parity, titles)).toEqual([]);
  const count = (verdict: Parameters<typeof countCases>[1]): number => countCases(parity, verdict);
  const all = Object.values(inventory).reduce((sum, cases) => sum + cases, 0);
  const open = Object.values(parity.weaknesses).filter((one) => one.open !== undefined).length;
  console.log(
    `${all} cases of MetalLB: ${count("parity")} same, ${count("differs")} differ, ` +
      `${count("excluded")} BGP, ${count("open")} open; ` +
      `${weaknessCount - open} of ${weaknessCount} weaknesses have a test`,
  );
});

describe("the check of parity.yaml notices", () => {
  const spoiled: readonly (readonly [what: string, old: string, now: string, problem: string])[] = [
    ["a case that is gone", '        2: "the seventh: error"\n', "", "BuggyIPs: case 2 is missing"],
    ["a case that is none", '2: "the seventh', '3: "the seventh', "BuggyIPs: case 3 is none"],
    [
      "a case that is there twice",
      '13: "has 1.2.3.0, pool2',
      '12: "has 1.2.3.0, pool2',
      "ControllerMutation: case 12 is there twice",
    ],
    ["a section that is gone", '"6.1 BuggyIPs"', '"6.1 Buggy"', "6.1 BuggyIPs is missing"],
    [
      "a title that no test has",
      'test: "BuggyIPs: every address',
      'test: "BuggyIPs: any address',
      'BuggyIPs: no test is named "BuggyIPs: any address',
    ],
    ["a verdict that is missing", 'parity: "same"', 'parity: ""', "none or several verdicts"],
    [
      "an exclusion of something else",
      'excluded: "BGP"',
      'excluded: "DNS"',
      "only BGP is excluded",
    ],
    ["a weakness that is gone", "\n  W7:", "\n  W20:", "W7 is missing"],
    [
      "a weakness whose test is gone",
      '- "W9: who keeps',
      '- "W9: who loses',
      'W9: no test is named "W9: who loses',
    ],
  ];

  test.each(spoiled)("%s", (_, old, now, problem) => {
    expect(text).toContain(old);
    expect(problemsOfParity(read(text.replace(old, now)), titles)).toContainEqual(
      expect.stringContaining(problem),
    );
  });

  test("a title that several tests have", () => {
    const [title = ""] = read(text).weaknesses["W1"]?.tests ?? [];
    expect(problemsOfParity(read(text), [...titles, title])).toContainEqual(
      `W1: several tests are named "${title}"`,
    );
  });

  test("a case that is written twice in one place", () => {
    expect(() => read(text.replace('2: "the seventh', '1: "the seventh'))).toThrow("unique");
  });
});
