import { describe, expect, it } from "vitest";
import { isLong } from "../long.ts";
import { type SimulationFigures, simulate } from "./simulation.ts";

const given = process.env["SEED"];
const runs = isLong ? 5_000 : 100;
// The same ones every time in a check, others in a long run; both are printed.
const firstSeed = isLong ? Date.now() % 1_000_000_000 : 1;
const situations: readonly (keyof SimulationFigures)[] = [
  "stale",
  "staleRefused",
  "notLeading",
  "staleApplied",
  "answersLost",
  "crashes",
  "freezes",
  "refusals",
  "joins",
  "leaves",
];

/** Runs `count` seeds; returns what happened in them, counted. */
async function simulateAll(first: number, count: number): Promise<Record<string, number>> {
  const sum: Record<string, number> = {};
  for (let seed = first; seed < first + count; seed += 1) {
    const { failure, figures } = await simulate(seed);
    for (const [name, figure] of Object.entries(figures)) {
      sum[name] = (sum[name] ?? 0) + figure;
    }
    if (failure !== undefined) {
      const { trace } = await simulate(seed, true);
      expect.fail(`${trace.join("\n")}\n${failure}\nSEED=${seed} repeats it`);
    }
  }
  return sum;
}

describe("the fence around addresses", () => {
  it("holds in any order of faults, and everything is put right afterwards", async () => {
    const first = given === undefined ? firstSeed : Number(given);
    const count = given === undefined ? runs : 1;
    const sum = await simulateAll(first, count);
    console.log(`${count} runs from seed ${first}: ${JSON.stringify(sum)}`);
    // Runs that never met what the fence is for would hold whatever it did.
    for (const situation of given === undefined ? situations : []) {
      expect(sum[situation], `${situation} in ${count} runs`).toBeGreaterThan(0);
    }
  }, 3_600_000);
});
