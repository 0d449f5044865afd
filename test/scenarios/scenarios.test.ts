import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { isLong } from "../long.ts";
import { hasAnyOrder, runScenario } from "./allocation-language.ts";
import { joinScenarios, type Scenario, scenariosOf } from "./scenario-file.ts";

const folder = fileURLToPath(new URL("./allocation/", import.meta.url));

// UPDATE_GOLDEN=1 writes what comes out now; read the difference before you keep it.
const update = process.env["UPDATE_GOLDEN"] === "1";

/** The orders to try: as many as make sense, or the one that failed. */
const seeds =
  process.env["SEED"] === undefined
    ? Array.from({ length: isLong ? 500 : 20 }, (_, n) => n + 1)
    : [Number(process.env["SEED"])];

function load(file: string): readonly Scenario[] {
  const scenarios = scenariosOf(file, readFileSync(folder + file, "utf8"));
  if (!update) {
    return scenarios;
  }
  const renewed = scenarios.map(({ title, text }) => ({ title, text: runScenario(text) }));
  writeFileSync(folder + file, joinScenarios(renewed));
  return renewed;
}

describe("allocation scenarios come out as written", () => {
  const files = readdirSync(folder).filter((name) => name.endsWith(".txt"));

  test("there are some", () => {
    expect(files.length).toBeGreaterThan(10);
  });

  for (const file of files) {
    describe(file, () => {
      for (const { title, text } of load(file)) {
        if (title !== undefined) {
          test(title, () => comesOutAsWritten(text));
        }
      }
    });
  }
});

function comesOutAsWritten(text: string): void {
  for (const seed of hasAnyOrder(text) ? seeds : [1]) {
    // The seed stands beside the text, so that a failure names it; SEED= repeats it.
    expect({ seed, text: runScenario(text, seed) }).toEqual({ seed, text });
  }
  expect(text).not.toContain("UNSTABLE");
}

describe("the language of scenarios", () => {
  test("refuses a command that it does not know", () => {
    expect(() => runScenario("sevrice a/b")).toThrow('"sevrice" is no command');
  });

  test.each([
    { line: "pool web 192.0.2.0/24 avoidBuggyIP=true", because: "avoidBuggyIP= is not known here" },
    { line: "pool web 192.0.2.0/24 autoAssign=flase", because: '"flase" is none of true, false' },
    { line: "service a/b annotation metallb.io/loadbalancerIPs=1", because: "annotation metallb" },
    { line: "service a-b", because: '"a-b" is no NAMESPACE/NAME' },
    { line: "service a/b ports=TPC/80", because: '"TPC" is none of TCP, UDP, SCTP' },
    { line: "service a/b ip=192.0.2.1 ip=192.0.2.2", because: "ip= stands there twice" },
    { line: "apiserver 192.0.2.300", because: '"192.0.2.300" cannot be read' },
    { line: "speakers reprting", because: '"reprting" is none of silent, reporting' },
    { line: "remove pools web", because: '"pools" is none of pool, policy' },
    { line: "policy p delay=soon", because: '"soon" is no number' },
    { line: "namespace a env", because: '"env" is no label k:v' },
    { line: "delete", because: "NAMESPACE/NAME is missing" },
    { line: "show all", because: "all is not known here" },
  ])("refuses what a command does not know or cannot read: $line", ({ line, because }) => {
    expect(() => runScenario(line)).toThrow(because);
  });

  test("replaces wrong results, so that a difference shows", () => {
    const text = "pool web 192.0.2.0/24\nservice a/b ip=192.0.2.4\n> grant 192.0.2.5";
    expect(runScenario(text)).toContain("> grant 192.0.2.4");
  });

  test("shows by the seed where an outcome hangs on the order", () => {
    const text = "pool web 192.0.2.4/32\ndeclare a/one\ndeclare a/two\nsettle";
    const outcomes = new Set([1, 2, 3, 4, 5, 6, 7, 8].map((seed) => runScenario(text, seed)));
    expect(outcomes.size).toBe(2);
  });
});
