import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";

/** Nobody listens on this port. */
const kubeconfig = `
apiVersion: v1
kind: Config
clusters: [{name: nowhere, cluster: {server: "http://127.0.0.1:1"}}]
users: [{name: me, user: {token: secret}}]
contexts: [{name: here, context: {cluster: nowhere, user: me}}]
current-context: here
`;

let home: string;

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), "steelyard-home-"));
  await writeFile(join(home, "config"), kubeconfig);
});

afterAll(async () => {
  await rm(home, { recursive: true, force: true });
});

/** Runs the command of somebody who has no kubeconfig but what `args` name; resolves to its exit code and its words. */
async function run(...args: readonly string[]): Promise<readonly [number, string]> {
  const env = { PATH: process.env["PATH"], HOME: home };
  return await new Promise((resolve) => {
    execFile(process.execPath, ["src/cli/main.ts", ...args], { env }, (error, stdout, stderr) => {
      resolve([typeof error?.code === "number" ? error.code : 0, stdout + stderr]);
    });
  });
}

test("whoever cannot be told anything is told why in one sentence, with exit code 1", {
  timeout: 60_000,
}, async () => {
  const file = ["--kubeconfig", join(home, "config")];
  const [none, missing, context, unreachable, kind, name] = await Promise.all([
    run("status"),
    run("status", "--kubeconfig", join(home, "missing")),
    run("status", ...file, "--context", "there"),
    run("explain", "service", "shop/web", ...file),
    run("explain", "pod", "web", ...file),
    run("explain", "service", "a/b/c", ...file),
  ]);
  const one = (text: string): readonly unknown[] => [1, expect.stringContaining(text)];
  expect(none).toEqual(one("error: there is no kubeconfig, and this is no Pod"));
  expect(missing).toEqual(one(`error: cannot read kubeconfig ${join(home, "missing")}: ENOENT`));
  expect(context).toEqual(one("has no cluster for the context there"));
  expect(unreachable).toEqual(
    one("error: the API server cannot be reached; does kubectl reach it"),
  );
  expect(kind).toEqual(one("only Services can be explained"));
  expect(name).toEqual(one('"a/b/c" is no Service: give NAME or NAMESPACE/NAME'));
});
