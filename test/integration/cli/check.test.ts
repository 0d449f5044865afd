import { execFile } from "node:child_process";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { CheckReport } from "../../../src/cli/check/checked-finding.ts";
import { eventually, kubectl } from "../../e2e/installed-cluster.ts";
import { writeTokenKubeconfig } from "../../e2e/token-kubeconfig.ts";
import { type Cluster, startCluster } from "../kube/cluster.ts";

const projectFile = (path: string): string =>
  fileURLToPath(new URL(`../../../${path}`, import.meta.url));

let cluster: Cluster;

beforeAll(async () => {
  cluster = await startCluster();
});

afterAll(async () => {
  await cluster?.stop();
});

interface Outcome {
  readonly code: number;
  readonly report: CheckReport;
  readonly stderr: string;
}

/** Runs `steelyard check` against the cluster, with `input` as its file. */
async function check(
  input?: string,
  kubeconfig = cluster.sandbox.kubeconfigPath,
): Promise<Outcome> {
  const flags = ["--cluster", "--kubeconfig", kubeconfig, "--output", "json"];
  const files = input === undefined ? [] : ["-f", "-"];
  return await new Promise((resolve) => {
    const args = [projectFile("src/cli/main.ts"), "check", ...flags, ...files];
    const child = execFile(process.execPath, args, (error, stdout, stderr) => {
      const code = typeof error?.code === "number" ? error.code : 0;
      resolve({ code, stderr, report: stdout === "" ? noReport : JSON.parse(stdout) });
    });
    child.stdin?.end(input ?? "");
  });
}

const noReport: CheckReport = { checked: 0, findings: [], problems: ["nothing was printed"] };

async function apply(object: object): Promise<string> {
  const options = { input: JSON.stringify(object) };
  const { stderr } = await cluster.sandbox.kubectl(["apply", "-f", "-"], options);
  return stderr;
}

function pool(name: string, addresses: readonly string[]): object {
  const metadata = { name, namespace: "metallb-system" };
  return { apiVersion: "metallb.io/v1beta1", kind: "IPAddressPool", metadata, spec: { addresses } };
}

const service = { name: "metallb-webhook-service", namespace: "metallb-system" };

/** What an uninstall that removed MetalLB's namespace leaves. */
async function leaveRemains(): Promise<void> {
  await apply({
    apiVersion: "admissionregistration.k8s.io/v1",
    kind: "ValidatingWebhookConfiguration",
    metadata: { name: "metallb-webhook-configuration" },
    webhooks: [
      {
        name: "ipaddresspoolvalidationwebhook.metallb.io",
        clientConfig: { service: { ...service, path: "/validate" } },
        rules: [
          {
            apiGroups: ["metallb.io"],
            apiVersions: ["v1beta1"],
            operations: ["CREATE", "UPDATE"],
            resources: ["ipaddresspools"],
          },
        ],
        failurePolicy: "Fail",
        sideEffects: "None",
        admissionReviewVersions: ["v1"],
      },
    ],
  });
  const version = (name: string, storage: boolean): object => ({
    name,
    served: true,
    storage,
    schema: { openAPIV3Schema: { type: "object", "x-kubernetes-preserve-unknown-fields": true } },
  });
  await apply({
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: "bgppeers.metallb.io" },
    spec: {
      group: "metallb.io",
      scope: "Namespaced",
      names: { kind: "BGPPeer", plural: "bgppeers", singular: "bgppeer" },
      versions: [version("v1beta1", false), version("v1beta2", true)],
      conversion: {
        strategy: "Webhook",
        webhook: {
          clientConfig: { service: { ...service, path: "/convert" } },
          conversionReviewVersions: ["v1"],
        },
      },
    },
  });
}

describe("steelyard check --cluster", () => {
  test("finds nothing in a cluster that has neither Steelyard nor MetalLB", async () => {
    expect(await check()).toMatchObject({ code: 0, report: { checked: 0, findings: [] } });
  });

  test("judges files there as if Steelyard were installed", async () => {
    const { code, report } = await check(JSON.stringify(pool("a", ["192.0.2.0/28", "nonsense"])));
    expect([code, report.findings]).toMatchObject([
      1,
      [{ file: "stdin", line: 1, name: "a", severity: "refuse", field: "spec.addresses[1]" }],
    ]);
  });

  test("tells what is left of MetalLB, and its commands remove that", async () => {
    const definitions = await readdir(projectFile("crds"));
    for (const name of definitions) {
      await kubectl(cluster.sandbox, ["apply", "-f", projectFile(`crds/${name}`)]);
    }
    await kubectl(cluster.sandbox, ["create", "namespace", "metallb-system"]);
    await leaveRemains();
    await eventually("writes blocked", async () =>
      (await apply(pool("blocked", ["192.0.2.0/28"]))).includes("failed calling webhook"),
    );
    const { code, report } = await check();
    expect(code).toBe(1);
    expect(report.findings.map(({ kind, name }) => `${kind} ${name}`)).toEqual([
      "ValidatingWebhookConfiguration metallb-webhook-configuration",
      "CustomResourceDefinition bgppeers.metallb.io",
    ]);
    for (const { command } of report.findings) {
      const [program, ...args] = (command ?? "").match(/'[^']*'|\S+/g) ?? [];
      expect(program).toBe("kubectl");
      await kubectl(
        cluster.sandbox,
        args.map((arg) => arg.replaceAll("'", "")),
      );
    }
    expect(await check()).toMatchObject({ code: 0, report: { findings: [] } });
    await eventually(
      "writes let through",
      async () => (await apply(pool("a", ["192.0.2.0/28"]))) === "",
    );
    await kubectl(cluster.sandbox, ["get", "bgppeers.v1beta1.metallb.io", "-A"]);
  });

  test("judges files as if they were applied to what is there", async () => {
    const { code, report } = await check(
      [pool("b", ["192.0.2.8/29"]), pool("c", ["203.0.113.0/28"])]
        .map((it) => JSON.stringify(it))
        .join("\n---\n"),
    );
    expect([code, report.checked]).toEqual([1, 2]);
    expect(report.findings).toMatchObject([
      {
        name: "b",
        severity: "refuse",
        message: expect.stringContaining("IPAddressPool a as well"),
      },
    ]);
    // An edit of what is there is no collision with it.
    expect(await check(JSON.stringify(pool("a", ["192.0.2.0/27"])))).toMatchObject({ code: 0 });
  });

  test("judges what is there when no file is given", async () => {
    await apply(pool("overlapping", ["192.0.2.4/32"]));
    const { code, report } = await check();
    expect([code, report.checked]).toEqual([1, 2]);
    expect(report.findings.map(({ file, name }) => `${file} ${name}`)).toEqual([
      "cluster a",
      "cluster overlapping",
    ]);
  });

  test("says with 2 that it may not look, and what it finds where it may", async () => {
    await kubectl(cluster.sandbox, ["create", "serviceaccount", "nobody"]);
    const token = (await kubectl(cluster.sandbox, ["create", "token", "nobody"])).trim();
    const directory = await mkdtemp(join(tmpdir(), "steelyard-check-"));
    const file = await writeTokenKubeconfig(cluster.sandbox, directory, "nobody", token);
    const nothing = await check(undefined, file);
    expect(nothing).toMatchObject({ code: 2, stderr: expect.stringContaining("forbidden") });
    const apiGroups = ["", "metallb.io", "steelyard.dev", "apiextensions.k8s.io", "apps"];
    const others = ["networking.k8s.io", "discovery.k8s.io", "coordination.k8s.io"];
    const rules = [
      { apiGroups: [...apiGroups, ...others], resources: ["*"], verbs: ["get", "list", "watch"] },
    ];
    const kind = { apiVersion: "rbac.authorization.k8s.io/v1", kind: "ClusterRole" };
    expect(await apply({ ...kind, metadata: { name: "most" }, rules })).toBe("");
    const bind = ["create", "clusterrolebinding", "most", "--clusterrole=most"];
    await kubectl(cluster.sandbox, [...bind, "--serviceaccount=default:nobody"]);
    await eventually("findings where it may look", async () => {
      return (await check(undefined, file)).report.findings.length > 0;
    });
    const { code, report } = await check(undefined, file);
    await rm(directory, { recursive: true });
    expect([code, report.findings.map(({ name }) => name)]).toEqual([2, ["a", "overlapping"]]);
    expect(report.problems).toEqual([expect.stringMatching(/^cluster: what MetalLB .* forbidden/)]);
  });
});
