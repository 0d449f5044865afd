import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { isLong } from "../../long.ts";
import { mutations } from "./mutations.ts";

const script = fileURLToPath(new URL("./try-mutations.ts", import.meta.url));

/** All of them take their time: `npm run test:long`. Else the first one of each invariant. */
const tried = [...mutations.keys()].filter(
  (at) => isLong || mutations.findIndex(({ breaks }) => breaks === mutations[at]?.breaks) === at,
);

describe("the invariants of the allocation", () => {
  test("fail when a rule is broken", { timeout: 300_000 }, async () => {
    const { stdout } = await promisify(execFile)(process.execPath, [script, ...tried.map(String)]);
    const outcomes = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as unknown);
    expect(outcomes).toEqual(
      tried.map((at) => ({
        rule: mutations[at]?.rule,
        breaks: mutations[at]?.breaks,
        fails: true,
      })),
    );
  });

  test.each(mutations)("can be broken where $rule", async ({ file, from }) => {
    const source = await readFile(new URL(`../../../src/${file}`, import.meta.url), "utf8");
    expect(source.split(from)).toHaveLength(2);
  });

  test("each have a rule that can be broken", () => {
    expect([...new Set(mutations.map(({ breaks }) => breaks))]).toEqual([
      ...["A1", "A2", "A3", "A4", "A5", "A6"],
    ]);
  });
});
