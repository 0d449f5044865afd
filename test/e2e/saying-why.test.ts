import { execFile } from "node:child_process";
import { mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { V1Lease, V1Node, V1ObjectMeta, V1Pod } from "@kubernetes/client-node";
import { afterAll, beforeAll, expect, test } from "vitest";
import { sandboxKubectl } from "../../sandbox/sandbox.ts";
import type { ServiceExplanation } from "../../src/cli/explain/service-explanation.ts";
import type { ClusterStatus } from "../../src/cli/status/cluster-status.ts";
import * as resources from "../../src/kube/resources.ts";
import { configNamespace, pods } from "./cluster-api.ts";
import { addressesOf } from "./cluster-objects.ts";
import {
  createServed,
  decided,
  eventually,
  type InstalledCluster,
  kubectl,
  startInstalled,
} from "./installed-cluster.ts";
import { writeTokenKubeconfig } from "./token-kubeconfig.ts";

interface L2Status {
  readonly metadata: V1ObjectMeta;
  readonly status?: {
    readonly node: string;
    readonly serviceName: string;
    readonly serviceNamespace: string;
    readonly interfaces?: readonly { readonly name: string }[];
  };
}

const system = "steelyard-system";
const names = Array.from({ length: 8 }, (_, index) => (index === 0 ? "web" : `web-${index}`));

let cluster: InstalledCluster;
let directory: string;

beforeAll(async () => {
  cluster = await startInstalled({ nodes: 3 });
  await cluster.api.createPool("public", ["192.0.2.10-192.0.2.29"]);
  await createServed(cluster.api, names);
  directory = await mkdtemp(join(tmpdir(), "steelyard-plugin-"));
  // As docs/commands.md says; and the Node that it needs, whatever this machine has.
  const command = fileURLToPath(new URL("../../dist/steelyard.js", import.meta.url));
  await symlink(command, join(directory, "kubectl-steelyard"));
  await symlink(process.execPath, join(directory, "node"));
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

/** Runs `kubectl steelyard …`, which finds the plugin in the PATH. */
async function plugin(
  args: readonly string[],
  kubeconfig = cluster.sandbox.kubeconfigPath,
): Promise<Outcome> {
  const env = {
    ...process.env,
    PATH: `${directory}:${process.env["PATH"]}`,
    KUBECONFIG: kubeconfig,
  };
  return await new Promise((resolve) => {
    execFile(sandboxKubectl, ["steelyard", ...args], { env }, (error, stdout, stderr) => {
      const code = typeof error?.code === "number" ? error.code : error === null ? 0 : 1;
      resolve({ code, stdout, stderr });
    });
  });
}

async function explained(name: string): Promise<ServiceExplanation> {
  const { code, stdout, stderr } = await plugin(["explain", "service", name, "-o", "json"]);
  expect([code, stderr]).toEqual([0, ""]);
  return JSON.parse(stdout);
}

async function statuses(): Promise<readonly L2Status[]> {
  return await cluster.api.list<L2Status>(resources.serviceL2Statuses, configNamespace);
}

/** Waits until each Service has one ServiceL2Status, which names the node whose the address is. */
async function eventuallyTrue(): Promise<readonly L2Status[]> {
  return await eventually("a true ServiceL2Status for each Service", async () => {
    const all = await statuses();
    const explanations = await Promise.all(names.map(explained));
    const told = new Map(all.map(({ status }) => [status?.serviceName, status?.node]));
    return (
      all.length === names.length &&
      explanations.every(
        ({ service, addresses }) =>
          addresses[0]?.announced === "True" &&
          told.get(service.name) === addresses[0]?.announcer?.node,
      ) &&
      all
    );
  });
}

async function leaderNode(): Promise<string> {
  const lease = await cluster.api.get<V1Lease>(resources.leases, "steelyard-controller", system);
  const pod = lease?.spec?.holderIdentity?.split("_")[0] ?? "";
  return (await cluster.api.get<V1Pod>(pods, pod, system))?.spec?.nodeName ?? "";
}

test("each Service has a ServiceL2Status as MetalLB's, with its columns", async () => {
  const all = await eventuallyTrue();
  for (const { metadata, status } of all) {
    expect(metadata.labels).toEqual({
      "metallb.io/node": status?.node,
      "metallb.io/service-name": status?.serviceName,
      "metallb.io/service-namespace": "default",
    });
    expect(metadata.ownerReferences).toMatchObject([{ kind: "Node", name: status?.node }]);
  }
  const table = await kubectl(cluster.sandbox, ["get", "servicel2statuses", "-A"]);
  expect(table.split("\n")[0]?.split(/ {2,}/)).toEqual([
    "NAMESPACE",
    "NAME",
    "ALLOCATED NODE",
    "SERVICE NAME",
    "SERVICE NAMESPACE",
  ]);
});

test("one that was deleted by hand comes back under its name; one of MetalLB's, whose Pod is gone, goes", async () => {
  const [first] = await eventuallyTrue();
  await cluster.api.remove(
    resources.serviceL2Statuses,
    first?.metadata.name ?? "",
    configNamespace,
  );
  await cluster.api.create(resources.serviceL2Statuses, {
    metadata: {
      ...{ name: "l2-x7k2p", namespace: configNamespace },
      labels: {
        "metallb.io/service-name": "web",
        "metallb.io/service-namespace": "default",
        "metallb.io/node": "node-1",
      },
      ownerReferences: [{ apiVersion: "v1", kind: "Pod", name: "speaker-x", uid: "1-2-3" }],
    },
  } as never);
  const again = await eventuallyTrue();
  expect(again.map(({ metadata }) => metadata.name)).toContain(first?.metadata.name);
});

test("explain tells why every node does not announce, and status how the nodes are", async () => {
  const { stdout } = await plugin(["explain", "service", "default/web"]);
  expect(stdout).toMatch(/^Service default\/web \(LoadBalancer/);
  expect(stdout).toMatch(/192\.0\.2\.\d+ {2}announced by node-\d on eth0 since /);
  const { addresses } = await explained("web");
  const [{ nodes } = { nodes: [] }] = addresses;
  expect(nodes.map(({ role }) => role)).toEqual(["owner", "standby", "standby"]);
  const status: ClusterStatus = JSON.parse((await plugin(["status", "-o", "json"])).stdout);
  expect(status.controller?.leader).toMatch(/^steelyard-controller-/);
  expect(status.pools).toMatchObject([{ name: "public", assignedIPv4: 8, availableIPv4: 12 }]);
  expect(status.nodes?.map(({ speaker }) => speaker)).toEqual(["alive", "alive", "alive"]);
  expect(status.unread).toEqual([]);
});

test("who may look with the role that comes along is told all, who may not what he lacks", async () => {
  await kubectl(cluster.sandbox, ["create", "serviceaccount", "viewer"]);
  const token = await kubectl(cluster.sandbox, ["create", "token", "viewer"]);
  const config = await writeTokenKubeconfig(cluster.sandbox, directory, "viewer", token);
  const refused = await plugin(["explain", "service", "web"], config);
  expect(refused.code).toBe(1);
  expect(refused.stderr).toBe("error: you may not get services in namespace default\n");
  const unseen = await plugin(["explain", "service", "missing"], config);
  expect(unseen).toEqual(refused);
  const partly = await plugin(["status"], config);
  expect(partly.code).toBe(2);
  expect(partly.stdout).toMatch(/^! you may not .*list nodes.*--clusterrole=steelyard-viewer/s);
  const binding = ["viewer", "--clusterrole=steelyard-viewer", "--serviceaccount=default:viewer"];
  await kubectl(cluster.sandbox, ["create", "clusterrolebinding", ...binding]);
  await eventually("the role is in force", async () => {
    const outcomes = [
      await plugin(["explain", "service", "web"], config),
      await plugin(["status"], config),
    ];
    return outcomes.every(({ code }) => code === 0);
  });
});

test("a tenant is told of his own Service and of no other; what is said of it goes with his namespace", async () => {
  const { sandbox, api } = cluster;
  await kubectl(sandbox, ["create", "namespace", "tenant"]);
  const annotations = { "metallb.io/allow-shared-ip": "both" };
  const spec = { ports: [{ protocol: "TCP", port: 81, targetPort: 8080 }] };
  await api.createService({ name: "neighbour", annotations });
  const address = addressesOf(await decided(api, "True", "neighbour"))[0] ?? "";
  const asks = { ...annotations, "metallb.io/loadBalancerIPs": address };
  await api.createService({ name: "mine", namespace: "tenant", annotations: asks, spec });
  await kubectl(sandbox, ["-n", "tenant", "create", "serviceaccount", "eve"]);
  const view = ["rolebinding", "eve", "--clusterrole=view", "--serviceaccount=tenant:eve"];
  await kubectl(sandbox, ["-n", "tenant", "create", ...view]);
  const token = await kubectl(sandbox, ["-n", "tenant", "create", "token", "eve"]);
  const config = await writeTokenKubeconfig(sandbox, directory, "eve", token);
  const told = await eventually("the tenant's Service is announced", async () => {
    const outcome = await plugin(["explain", "service", "tenant/mine"], config);
    return outcome.stdout.includes("announced, says its status") && outcome;
  });
  expect(told.code).toBe(2);
  expect(told.stdout).toMatch(new RegExp(`${address} by node-\\d\n +pool +public\n`));
  expect(told.stdout).toContain("IPAllocated: Assigned");
  expect(told.stdout).not.toMatch(/neighbour|default|metallb-system/);
  const other = await plugin(["explain", "service", "default/neighbour"], config);
  expect([other.code, other.stdout]).toEqual([1, ""]);
  await eventually("a ServiceL2Status of the tenant's Service", async () =>
    (await statuses()).some(({ status }) => status?.serviceNamespace === "tenant"),
  );
  await kubectl(sandbox, ["delete", "namespace", "tenant"]);
  await api.removeService("neighbour");
  await eventually("no ServiceL2Status of what is gone", async () => {
    const left = (await statuses()).map(({ status }) => status?.serviceName);
    return !left.includes("mine") && !left.includes("neighbour");
  });
});

test("whoever asks for what is not there is told so", async () => {
  const missing = await plugin(["explain", "service", "missing"]);
  const sentence = "error: there is no Service missing in namespace default\n";
  expect(missing).toMatchObject({ code: 1, stdout: "", stderr: sentence });
  const other = await plugin(["explain", "service", "kubernetes"]);
  expect(other.code).toBe(0);
  expect(other.stdout).toContain("Only Services of type LoadBalancer get an address");
});

test("a node's death is one Event on the Node; the Services have none, and say where they went and why", async () => {
  const { sandbox, api } = cluster;
  await eventuallyTrue();
  const leader = await leaderNode();
  const all = await statuses();
  const dying = all.map(({ status }) => status?.node).find((node) => node !== leader);
  const node = sandbox.nodes.find(({ name }) => name === dying);
  expect(node, "no address is announced from a node without the leader").toBeDefined();
  const moved = all.filter(({ status }) => status?.node === dying);
  const uid = (await api.get<V1Node>(resources.nodes, dying ?? ""))?.metadata?.uid;
  await node?.powerOff();
  const told = await eventually("the Event on the Node", async () => {
    const found = (await api.eventsOf(uid)).filter(({ reason }) => reason === "SpeakerSilent");
    return found.length > 0 && found;
  });
  expect(told).toHaveLength(1);
  const count = moved.length === 1 ? "1 address" : `${moved.length} addresses`;
  expect(told[0]?.message).toContain(`${count} moved to node-`);
  await eventuallyTrue();
  for (const { status } of moved) {
    const service = await api.service(status?.serviceName ?? "");
    const events = await api.eventsOf(service?.metadata?.uid);
    expect(events.filter(({ reason }) => reason === "nodeAssigned")).toHaveLength(1);
    const { addresses, changes } = await explained(status?.serviceName ?? "");
    expect(addresses[0]?.announcer).toMatchObject({ from: dying, reason: "SpeakerSilent" });
    expect(changes.map(({ reason }) => reason)).toContain("SpeakerSilent");
    const standing = addresses[0]?.nodes.find((one) => one.node === dying);
    expect(standing).toMatchObject({ role: "unable", reason: "SpeakerSilent" });
  }
  await node?.powerOn();
});
