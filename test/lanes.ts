import { spawn } from "node:child_process";
import { basename } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { testFilesNamed } from "./test-files.ts";
import { runTests, type TestCount } from "./test-run.ts";

/**
 * The tests with clusters, in three parts of about the same length. A cluster waits more than it
 * works, for Leases and grace periods, so three of them fit on a machine of two cores.
 */
export const lanes: readonly (readonly string[])[] = [
  [...endToEnd((name) => name < "m"), "test/native/", "test/sandbox/"],
  endToEnd((name) => name >= "m"),
  ["test/kernel/", "test/integration/"],
];

const wrappedCommand = fileURLToPath(new URL("sandbox/wrapped-command.ts", import.meta.url));

/** The files of tests from end to end whose name is in the part. */
function endToEnd(isIn: (name: string) => boolean): readonly string[] {
  return testFilesNamed("test/e2e/").filter((file) => isIn(basename(file)));
}

/** Runs all lanes at once, each in a wrapper of its own, and counts the tests of each. */
export function runLanes(): Promise<readonly TestCount[]> {
  return Promise.all(lanes.map((paths) => runTests("cluster", runBeside, paths)));
}

/** Runs a command in a wrapper beside others: what they print does not get mixed within a line. */
function runBeside(argv: readonly string[]): Promise<number> {
  const child = spawn(process.execPath, [wrappedCommand, ...argv], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  createInterface(child.stdout).on("line", (line) => console.log(line));
  createInterface(child.stderr).on("line", (line) => console.error(line));
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => resolve(code ?? 1));
  });
}
