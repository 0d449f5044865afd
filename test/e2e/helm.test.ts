import { execFile } from "node:child_process";
import { readdir, readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseAllDocuments } from "yaml";
import { provideHelm } from "../../sandbox/helm/program.ts";
import { whenReady } from "../../sandbox/installation.ts";
import { configNamespace } from "./cluster-api.ts";
import { addressesOf } from "./cluster-objects.ts";
import {
  answererOf,
  decided,
  eventually,
  type InstalledCluster,
  kubectl,
  startExampleApp,
  startInstalled,
} from "./installed-cluster.ts";

const projectFile = (path: string): string =>
  fileURLToPath(new URL(`../../${path}`, import.meta.url));
const chart = projectFile("deploy/chart/steelyard");
const namespace = "steelyard-system";
const run = promisify(execFile);
let helmProgram: string;

beforeAll(async () => {
  helmProgram = await provideHelm((line) => process.stderr.write(`${line}\n`));
}, 900_000);

/** Runs helm; rejects with its words when it fails. */
async function helm(...args: readonly string[]): Promise<string> {
  const { stdout } = await run(helmProgram, args, { maxBuffer: 1 << 26 });
  return stdout;
}

interface Manifest {
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    annotations?: Record<string, string>;
  };
}

/** Objects by kind and name. What Helm alone understands is left out, and the release's namespace. */
function objectsOf(yaml: string): Readonly<Record<string, object>> {
  const objects = parseAllDocuments(yaml)
    .map((document) => document.toJS() as Manifest | null)
    .filter((object) => object !== null)
    .filter(({ kind, metadata }) => !(kind === "Namespace" && metadata.name === namespace));
  for (const { metadata } of objects) {
    if (metadata.annotations?.["helm.sh/resource-policy"] !== undefined) {
      delete metadata.annotations;
    }
  }
  return Object.fromEntries(
    objects.map((object) => {
      const { kind, metadata } = object;
      return [`${kind} ${metadata.namespace ?? ""}/${metadata.name}`, object];
    }),
  );
}

const template = async (...values: readonly string[]): Promise<string> =>
  await helm("template", "steelyard", chart, "-n", namespace, "--include-crds", ...values);

describe("the chart", { timeout: 60_000 }, () => {
  test("has nothing that helm lint finds", async () => {
    expect(await helm("lint", "--strict", chart)).toContain("0 chart(s) failed");
  });

  test("is deploy/steelyard.yaml, object by object, with its own values", async () => {
    const manifest = await readFile(projectFile("deploy/steelyard.yaml"), "utf8");
    expect(objectsOf(await template())).toEqual(objectsOf(manifest));
  });

  test("is deploy/steelyard-for-metallb.yaml without the default advertisement", async () => {
    const manifest = await readFile(projectFile("deploy/steelyard-for-metallb.yaml"), "utf8");
    expect(objectsOf(await template("--set", "defaultAdvertisement=false"))).toEqual(
      objectsOf(manifest),
    );
  });

  test("has the definitions of crds/ as files, and none as a template", async () => {
    const names = await readdir(projectFile("crds"));
    expect((await readdir(`${chart}/crds`)).sort()).toEqual(names.sort());
    const templates = await helm("template", "steelyard", chart, "-n", namespace);
    expect(templates).not.toContain("CustomResourceDefinition");
  });

  test("follows its values wherever they have an effect", async () => {
    const values = {
      ...{ "image.repository": "registry.example:5000/lb/steelyard", "image.tag": "v9" },
      ...{ "controller.replicas": "3", configNamespace: "pools", logLevel: "debug" },
      ...{ loadBalancerClass: "example.com/lb", "metrics.port": "9100" },
      ...{ priorityClassName: "mine", "podDisruptionBudget.enabled": "false" },
      ...{ "speaker.excludedInterfaces": "{^san.*}", "speaker.dataplaneHealth": "none" },
      ...{ "speaker.nodeSelector.rack": "a", "metrics.certificateSecret": "certificate" },
    };
    const sets = Object.entries(values).flatMap(([name, value]) => ["--set", `${name}=${value}`]);
    const objects = objectsOf(await helm("template", "x", chart, "-n", "other", ...sets));
    expect(Object.keys(objects)).not.toContain("PodDisruptionBudget other/steelyard-controller");
    expect(Object.keys(objects)).toContain("Role pools/steelyard-controller");
    const said = JSON.stringify(objects);
    expect(said).not.toContain("steelyard-system");
    expect(said).not.toContain("metallb-system");
    const flags = ["--log-level=debug", "--port=9100", "--metrics-cert-dir=/etc/steelyard-metrics"];
    const certificate = { name: "metrics-certificate", secret: { secretName: "certificate" } };
    const pod = (args: readonly string[], more: object = {}): object => ({
      priorityClassName: "mine",
      volumes: [certificate],
      containers: [
        expect.objectContaining({
          image: "registry.example:5000/lb/steelyard:v9",
          args: expect.arrayContaining([...args, ...flags]),
        }),
      ],
      ...more,
    });
    expect(objects).toMatchObject({
      "Deployment other/steelyard-controller": {
        spec: {
          replicas: 3,
          template: { spec: pod(["--lb-class=example.com/lb", "--config-namespace=pools"]) },
        },
      },
      "DaemonSet other/steelyard-speaker": {
        spec: {
          template: {
            spec: pod(["--dataplane-health=none"], {
              nodeSelector: { rack: "a" },
              volumes: [expect.objectContaining({ name: "excluded-interfaces" }), certificate],
            }),
          },
        },
      },
      "ConfigMap other/steelyard-excludel2": {
        data: { "excludel2.yaml": "announcedInterfacesToExclude:\n- ^san.*\n" },
      },
    });
  });

  test("leaves the webhook and its rights out on request", async () => {
    const objects = objectsOf(await template("--set", "webhook.enabled=false"));
    expect(Object.keys(objects).filter((key) => key.includes("webhook"))).toEqual([]);
    expect(JSON.stringify(objects)).toContain('"--webhook-port=0"');
    const webhooks = Object.keys(objectsOf(await template())).filter((key) =>
      key.includes("webhook"),
    );
    expect(webhooks).toHaveLength(7);
  });

  test("refuses a value that is wrong or unknown, and says which and why", async () => {
    const refused = async (value: string): Promise<string> =>
      await template("--set", value).then(
        () => "taken",
        (error: { stderr: string }) => error.stderr,
      );
    expect(await refused("logLevel=loud")).toMatch(/'\/logLevel': value must be one of .*'debug'/);
    expect(await refused("image.tagg=v9")).toMatch(/additional properties 'tagg' not allowed/);
    expect(await refused("controller.replicas=0")).toMatch(/'\/controller\/replicas': minimum/);
    expect(await refused("defaultAdvertisement=perhaps")).toMatch(/want boolean/);
  });
});

describe("in a cluster", { timeout: 180_000 }, () => {
  let cluster: InstalledCluster;
  const address = "192.0.2.70";
  const name = "my-example-service";

  const release = async (...args: readonly string[]): Promise<string> =>
    await helm(...args, "--kubeconfig", cluster.sandbox.kubeconfigPath, "-n", namespace);

  beforeAll(async () => {
    cluster = await startInstalled({ nodes: 2 });
    await startExampleApp(cluster.sandbox);
    await cluster.api.createPool("production", [`${address}/32`]);
    await cluster.api.createService({ name });
    await decided(cluster.api, "True", name);
    await isServed();
  }, 180_000);

  afterAll(async () => {
    await cluster?.stop();
  });

  async function isServed(): Promise<void> {
    await eventually(
      `a node answers for ${address}`,
      async () => (await answererOf(cluster, address)) !== undefined,
    );
    const url = `http://${address}/`;
    await eventually(`${url} serves`, async () => (await cluster.client.curl(url)).ok);
  }

  /** What must outlive any uninstall. */
  async function remains(): Promise<void> {
    const pools = await kubectl(cluster.sandbox, ["get", "ipaddresspools", "-A", "-o", "name"]);
    expect(pools).toBe("ipaddresspool.metallb.io/production\n");
    const advertisements = await kubectl(cluster.sandbox, [
      "get",
      "l2advertisements",
      "-A",
      "-o",
      "name",
    ]);
    expect(advertisements).toBe("l2advertisement.metallb.io/default\n");
    const allocations = await kubectl(cluster.sandbox, ["get", "ipallocations", "-o", "name"]);
    expect(allocations).toBe(`ipallocation.steelyard.dev/${address}\n`);
    expect(addressesOf(await cluster.api.service(name))).toEqual([address]);
    await kubectl(cluster.sandbox, ["get", "namespace", configNamespace]);
  }

  test("deploy/uninstall.yaml removes Steelyard and leaves pools, allocations and addresses", async () => {
    await kubectl(cluster.sandbox, ["delete", "-f", projectFile("deploy/uninstall.yaml")]);
    await remains();
    const ours = await kubectl(cluster.sandbox, [
      "get",
      "namespaces,clusterroles,clusterrolebindings,validatingadmissionpolicies,validatingadmissionpolicybindings",
      ...["-o", "name"],
    ]);
    expect(ours).not.toContain("steelyard");
    const roles = await kubectl(cluster.sandbox, ["get", "roles,rolebindings", "-A", "-o", "name"]);
    expect(roles).not.toContain("steelyard");
  });

  test("helm install brings it back: the Pods become ready and the address is served", async () => {
    await release("install", "steelyard", chart, "--create-namespace");
    await whenReady(cluster.sandbox);
    await isServed();
    expect(addressesOf(await cluster.api.service(name))).toEqual([address]);
  });

  test("helm upgrade with another value rolls it out, and the address is served", async () => {
    await release("upgrade", "steelyard", chart, "--set", "logLevel=debug");
    for (const workload of ["deployment/steelyard-controller", "daemonset/steelyard-speaker"]) {
      await kubectl(cluster.sandbox, [
        ...["-n", namespace, "rollout", "status", workload, "--timeout=90s"],
      ]);
    }
    const args = "jsonpath={.items[*].spec.containers[0].args}";
    const said = await kubectl(cluster.sandbox, ["-n", namespace, "get", "pods", "-o", args]);
    expect(said.match(/--log-level=debug/g)?.length).toBeGreaterThanOrEqual(4);
    await isServed();
  });

  test("helm uninstall leaves definitions, pools, allocations and addresses", async () => {
    await release("uninstall", "steelyard", "--wait");
    await remains();
    const definitions = await kubectl(cluster.sandbox, ["get", "crds", "-o", "name"]);
    const { length } = await readdir(projectFile("crds"));
    expect(definitions.trim().split("\n")).toHaveLength(length);
    const left = await kubectl(cluster.sandbox, ["-n", namespace, "get", "deployments,daemonsets"]);
    expect(left).toBe("");
  });
});
