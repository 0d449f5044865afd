import { execFile } from "node:child_process";
import { expect, test } from "vitest";

/** Runs `steelyard check`; resolves to its exit code, and what it says on stdout and stderr. */
async function run(args: readonly string[], input = ""): Promise<readonly [number, string]> {
  return await new Promise((resolve) => {
    const all = ["src/cli/main.ts", "check", ...args];
    const child = execFile(process.execPath, all, (error, stdout, stderr) => {
      resolve([typeof error?.code === "number" ? error.code : 0, stdout + stderr]);
    });
    child.stdin?.end(input);
  });
}

test("whoever calls the check is told by its exit code what came of it", {
  timeout: 60_000,
}, async () => {
  const pool = (addresses: string): string =>
    `{apiVersion: metallb.io/v1beta1, kind: IPAddressPool, metadata: {name: a}, spec: {addresses: [${addresses}]}}`;
  const [nothing, flag, good, bad, broken, missing] = await Promise.all([
    run([]),
    run(["--cluste"]),
    run(["-f", "-"], pool("192.0.2.0/28")),
    run(["-f", "-"], pool("nonsense")),
    run(["-f", "-"], "a: [b"),
    run(["-f", "missing.yaml"]),
  ]);
  expect(nothing).toEqual([2, expect.stringContaining("nothing to check: give -f <file>")]);
  expect(flag).toEqual([2, expect.stringContaining("unknown option '--cluste'")]);
  expect(good).toEqual([0, "1 object checked: nothing found\n"]);
  expect(bad).toEqual([1, expect.stringMatching(/^stdin:1: refused: .*1 would be refused/s)]);
  expect(broken).toEqual([
    2,
    expect.stringMatching(/^stdin:\d+: cannot be read: .*not everything/s),
  ]);
  expect(missing).toEqual([2, expect.stringContaining("Cannot read missing.yaml")]);
});
