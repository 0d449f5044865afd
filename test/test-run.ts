import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** How many tests passed and failed. */
export interface TestCount {
  readonly passed: number;
  readonly failed: number;
}

/** Runs a command line and resolves to its exit code. */
export type RunCommand = (argv: readonly string[]) => Promise<number>;

/** What vitest's JSON report says, as far as it is counted. */
interface Report {
  readonly numPassedTests: number;
  readonly numTotalTests: number;
  readonly testResults: readonly {
    readonly status: string;
    readonly assertionResults: readonly { readonly status: string }[];
  }[];
}

/**
 * Runs one project of vitest.config.ts, or only its files below some `paths`, and counts its tests.
 *
 * A test that was skipped counts as failed, and so does a file that failed
 * outside of its tests, or vitest itself when it ends without a report.
 */
export async function runTests(
  project: "unit" | "cluster",
  run: RunCommand = runCommand,
  paths: readonly string[] = [],
): Promise<TestCount> {
  const directory = await mkdtemp(join(tmpdir(), "steelyard-tests-"));
  const file = join(directory, "report.json");
  const vitest = "node_modules/vitest/vitest.mjs";
  try {
    const code = await run([
      ...[process.execPath, vitest, "run", "--project", project],
      ...["--reporter=default", "--reporter=json", `--outputFile.json=${file}`],
      ...paths,
    ]);
    return countTests(await readReport(file), code);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** Counts the tests of one run that ended with `exitCode`; without a report it counts as one failure. */
export function countTests(report: Report | undefined, exitCode: number): TestCount {
  if (report === undefined) {
    return { passed: 0, failed: 1 };
  }
  const brokenFiles = report.testResults.filter(
    ({ status, assertionResults }) =>
      status === "failed" && !assertionResults.some((test) => test.status === "failed"),
  );
  const passed = report.numPassedTests;
  const failed = report.numTotalTests - passed + brokenFiles.length;
  // Errors outside of any test (an unhandled rejection) only show in the exit code.
  return { passed, failed: failed === 0 && exitCode !== 0 ? 1 : failed };
}

/** Starts `argv` on this terminal and resolves to its exit code; a signal counts as failure. */
export function runCommand(argv: readonly string[]): Promise<number> {
  const [program = "", ...args] = argv;
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: "inherit" });
    child.once("error", (error) => reject(new Error(`cannot start ${program}: ${error.message}`)));
    child.once("exit", (code) => resolve(code ?? 1));
  });
}

async function readReport(file: string): Promise<Report | undefined> {
  try {
    return JSON.parse(await readFile(file, "utf8")) as Report;
  } catch {
    return undefined;
  }
}
