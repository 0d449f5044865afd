import { expect, test } from "vitest";
import { countTests } from "./test-run.ts";

type Report = NonNullable<Parameters<typeof countTests>[0]>;

/** A report of one file for each list of results of tests. */
function report(...files: readonly (readonly string[])[]): Report {
  const statuses = files.flat();
  return {
    numTotalTests: statuses.length,
    numPassedTests: statuses.filter((status) => status === "passed").length,
    testResults: files.map((file) => ({
      status: file.includes("failed") || file.length === 0 ? "failed" : "passed",
      assertionResults: file.map((status) => ({ status })),
    })),
  };
}

test.each<[string, Report | undefined, number, number, number]>([
  ["all that passed", report(["passed", "passed"], ["passed"]), 0, 3, 0],
  ["those that failed", report(["passed", "failed"], ["failed"]), 1, 1, 2],
  ["a skipped test as failed", report(["passed", "pending"]), 0, 1, 1],
  ["a file that could not even be loaded as one failure", report(["passed"], []), 1, 1, 1],
  ["an error outside of any test as one failure", report(["passed"]), 1, 1, 1],
  ["a run without a report as one failure", undefined, 0, 0, 1],
])("counts %s", (_, it, exitCode, passed, failed) => {
  expect(countTests(it, exitCode)).toEqual({ passed, failed });
});
