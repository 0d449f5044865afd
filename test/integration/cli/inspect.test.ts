import { execFile } from "node:child_process";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { kubectl } from "../../e2e/installed-cluster.ts";
import { writeTokenKubeconfig } from "../../e2e/token-kubeconfig.ts";
import { type Cluster, startCluster } from "../kube/cluster.ts";

const projectFile = (path: string): string =>
  fileURLToPath(new URL(`../../../${path}`, import.meta.url));

let cluster: Cluster;
let directory: string;

beforeAll(async () => {
  cluster = await startCluster();
  directory = await mkdtemp(join(tmpdir(), "steelyard-inspect-"));
});

afterAll(async () => {
  await rm(directory, { recursive: true, force: true });
  await cluster?.stop();
});

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function run(
  args: readonly string[],
  kubeconfig = cluster.sandbox.kubeconfigPath,
): Promise<Outcome> {
  const all = [projectFile("src/cli/main.ts"), ...args, "--kubeconfig", kubeconfig];
  return await new Promise((resolve) => {
    execFile(process.execPath, all, (error, stdout, stderr) => {
      resolve({ code: typeof error?.code === "number" ? error.code : 0, stdout, stderr });
    });
  });
}

test("where Steelyard is not installed, both commands say so", async () => {
  const stderr = "error: Steelyard is not installed in this cluster: it knows no L2Speakers\n";
  expect(await run(["status"])).toEqual({ code: 1, stdout: "", stderr });
  const explained = await run(["explain", "service", "kubernetes"]);
  expect(explained).toEqual({ code: 1, stdout: "", stderr });
});

test("whom the API server does not know is told so", async () => {
  const file = await writeTokenKubeconfig(cluster.sandbox, directory, "nobody", "forged");
  const { code, stderr } = await run(["status"], file);
  expect([code, stderr]).toEqual([1, expect.stringContaining("does not know who you are")]);
});

test("where its definitions are and it does not run, a Service that waits is told that nobody leads", async () => {
  for (const name of await readdir(projectFile("crds"))) {
    await kubectl(cluster.sandbox, ["apply", "-f", projectFile(`crds/${name}`)]);
  }
  const established = ["--for=condition=Established", "crd", "--all", "--timeout=60s"];
  await kubectl(cluster.sandbox, ["wait", ...established]);
  await kubectl(cluster.sandbox, ["create", "service", "loadbalancer", "web", "--tcp=80"]);
  const explained = await run(["explain", "service", "web"]);
  expect([explained.code, explained.stderr]).toEqual([0, ""]);
  expect(explained.stdout).toContain("No Pod is ready");
  expect(explained.stdout).toContain("No controller leads");
  expect(explained.stdout).toContain("Steelyard has not looked at it");
  const status = await run(["status"]);
  expect(status.code).toBe(0);
  expect(status.stdout).toContain("There is no IPAddressPool: nothing is given out");
});
