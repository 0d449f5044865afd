import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type {
  V1ObjectMeta,
  V1OwnerReference,
  V1Pod,
  V1ValidatingAdmissionPolicy,
} from "@kubernetes/client-node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Resource } from "../../src/kube/resource.ts";
import * as resources from "../../src/kube/resources.ts";
import { ClusterApi, pods } from "./cluster-api.ts";
import { addressesOf } from "./cluster-objects.ts";
import { findLeader } from "./controller-leader.ts";
import {
  breakGlass,
  decided,
  eventually,
  type InstalledCluster,
  kubectl,
  startInstalled,
} from "./installed-cluster.ts";
import { writeTokenKubeconfig } from "./token-kubeconfig.ts";

const system = "steelyard-system";
const policies = [
  ...["steelyard-writers", "steelyard-speaker-own-node"],
  ...["steelyard-leader", "steelyard-leader-tells"],
];
const tokenFile = "run/secrets/kubernetes.io/serviceaccount/token";
const speakerAccount = `system:serviceaccount:${system}:steelyard-speaker`;
const controllerAccount = `system:serviceaccount:${system}:steelyard-controller`;

let cluster: InstalledCluster;
let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "steelyard-admission-"));
  cluster = await startInstalled({ nodes: 2 });
  await cluster.api.createPool("production", ["192.0.2.0/28"]);
  await cluster.api.createService({ name: "served", namespace: "default" });
  await passingNode("node-9");
  // The API server takes a new policy into use a moment after its creation.
  await eventually("both policies in force", async () => {
    const [writers, ownNode] = await Promise.all([
      cluster.sandbox.kubectl(["delete", "l2speaker", "node-1", "--dry-run=server"]),
      cluster.sandbox.kubectl([
        ...[`--as=${speakerAccount}`, "--as-group=system:masters", "-n", system],
        ...["delete", "lease", "steelyard-controller", "--dry-run=server"],
      ]),
    ]);
    return writers.code !== 0 && ownNode.code !== 0;
  });
});

afterAll(async () => {
  await cluster?.stop();
  await rm(directory, { recursive: true, force: true });
});

/**
 * A Node that comes and goes, with a Lease as a speaker has it. What it leaves is
 * looked at last: the garbage collector takes its time.
 */
async function passingNode(name: string): Promise<void> {
  const metadata: V1ObjectMeta = { name };
  await cluster.api.create(resources.nodes, { metadata });
  const ownerReferences = [await ownerOf(name)];
  const lease = { name: `steelyard-speaker-${name}`, namespace: system, ownerReferences };
  await cluster.api.create(resources.leases, { metadata: lease });
  await eventually("an L2Speaker for it", () => metadataOf(resources.l2Speakers, name));
  await cluster.api.remove(resources.nodes, name);
}

async function ownerOf(node: string): Promise<V1OwnerReference> {
  const { uid = "" } = (await metadataOf(resources.nodes, node)) ?? {};
  return { apiVersion: "v1", kind: "Node", name: node, uid };
}

/** The API as whoever has this token. */
async function withToken<T>(
  name: string,
  token: string,
  use: (api: ClusterApi) => Promise<T>,
): Promise<T> {
  const file = await writeTokenKubeconfig(cluster.sandbox, directory, name, token);
  const api = await ClusterApi.open(file);
  try {
    return await use(api);
  } finally {
    await api.close();
  }
}

/** The token of the speaker on the first node, as an intruder there finds it. */
async function stolenToken(): Promise<string> {
  return await tokenOf((pod) => pod.spec?.nodeName === "node-1" && isA("speaker", pod));
}

const isA = (component: string, { metadata }: V1Pod): boolean =>
  metadata?.labels?.["app.kubernetes.io/component"] === component;

/** The token of the first Pod that is meant, from its files. */
async function tokenOf(isMeant: (pod: V1Pod) => boolean): Promise<string> {
  const pod = (await cluster.api.list<V1Pod>(pods, system)).find(isMeant);
  const node = cluster.sandbox.nodes.find(({ name }) => name === pod?.spec?.nodeName);
  const pid = node?.podProcess(system, pod?.metadata?.name ?? "")?.pid;
  return await readFile(`/proc/${pid}/root/${tokenFile}`, "utf8");
}

/** What the API server says about a write: "allowed", or why not. */
async function verdict(write: Promise<unknown>): Promise<string> {
  return await write.then(
    () => "allowed",
    (error: unknown) => (error instanceof Error ? error.message : String(error)),
  );
}

/** The same of a kubectl command. */
async function verdictOf(args: readonly string[]): Promise<string> {
  const { code, stderr } = await cluster.sandbox.kubectl(args);
  return code === 0 ? "allowed" : stderr.trim();
}

const renewal = { spec: { holderIdentity: "intruder" } };
const report = {
  status: {
    interfaces: [],
    defaultGateways: [],
    highestTerm: 0,
    applied: {},
    announced: 0,
    failures: [],
  },
};

const metadataOf = async (
  resource: Resource,
  name: string,
  namespace?: string,
): Promise<V1ObjectMeta | undefined> =>
  (await cluster.api.get<{ metadata: V1ObjectMeta }>(resource, name, namespace))?.metadata;

test("the policies' expressions are free of type errors", async () => {
  const policy: Resource = {
    group: "admissionregistration.k8s.io",
    version: "v1",
    plural: "validatingadmissionpolicies",
    kind: "ValidatingAdmissionPolicy",
    namespaced: false,
  };
  for (const name of policies) {
    const checked = await eventually(`${name} checked`, async () => {
      const now = await cluster.api.get<V1ValidatingAdmissionPolicy>(policy, name);
      return now?.status?.observedGeneration === now?.metadata?.generation ? now : undefined;
    });
    expect(checked.status?.typeChecking?.expressionWarnings ?? []).toEqual([]);
  }
});

describe("an intruder with node-1's speaker token", () => {
  const asNode1 = async <T>(use: (api: ClusterApi) => Promise<T>): Promise<T> =>
    await withToken("node-1", await stolenToken(), use);
  const denied = "the speaker of node-1 writes nothing of other nodes";

  test("may write the report and the Lease of node-1, and nothing of node-1 besides", async () => {
    await asNode1(async (api) => {
      const before = await metadataOf(resources.l2Speakers, "node-1");
      const more = { labels: { a: "b" }, finalizers: ["a.example/b"], ownerReferences: [] };
      const patch = { ...report, metadata: more, spec: { a: "b" } };
      expect(await verdict(api.patch(resources.l2Speakers, "node-1/status", patch))).toBe(
        "allowed",
      );
      const after = await metadataOf(resources.l2Speakers, "node-1");
      expect(after?.labels).toEqual(before?.labels);
      expect(after?.finalizers).toBeUndefined();
      expect(after?.ownerReferences).toEqual(before?.ownerReferences);

      const lease = "steelyard-speaker-node-1";
      expect(await verdict(api.patch(resources.leases, lease, renewal, system))).toBe("allowed");
      const locked = { metadata: { finalizers: ["a.example/b"] } };
      expect(await verdict(api.patch(resources.leases, lease, locked, system))).toContain(
        "a speaker sets no finalizers",
      );
    });
  });

  test("may write no report and no Lease of node-2, and no Lease of the leader", async () => {
    await asNode1(async (api) => {
      const toReport = api.patch(resources.l2Speakers, "node-2/status", report);
      expect(await verdict(toReport)).toContain(denied);
      for (const lease of ["steelyard-speaker-node-2", "steelyard-controller"]) {
        const toRenew = api.patch(resources.leases, lease, renewal, system);
        expect(await verdict(toRenew), lease).toContain(denied);
      }
      const metadata = { name: "steelyard-speaker-node-3", namespace: system };
      const toCreate = api.create(resources.leases, { metadata, ...renewal });
      expect(await verdict(toCreate)).toContain(denied);
    });
  });

  test("may write no allocation, no bundle and no Service", async () => {
    const address = addressesOf(await decided(cluster.api, "True", "served"))[0] ?? "";
    const bundle = (await cluster.api.bundles())[0]?.metadata.name ?? "";
    await asNode1(async (api) => {
      const writes = [
        api.patch(resources.ipAllocations, address, { spec: { bundle: "mine" } }),
        api.remove(resources.ipAllocations, address),
        api.patch(resources.l2Bundles, bundle, { spec: { owner: { node: "node-1" } } }),
        api.patch(resources.services, "served/status", { status: {} }, "default"),
        api.remove(resources.l2Speakers, "node-2"),
      ];
      for (const words of await Promise.all(writes.map(verdict))) {
        expect(words).toMatch(/is forbidden: User ".*:steelyard-speaker" cannot (patch|delete)/);
      }
    });
  });
});

test("a speaker's token that is bound to no Pod may write nothing, however it is named", async () => {
  const token = await kubectl(cluster.sandbox, [
    ...["create", "token", "steelyard-speaker", "-n", system],
  ]);
  await withToken("unbound", token, async (api) => {
    const unbound = "a speaker's token must be bound to a Pod on a node, which this one is not";
    const toReport = api.patch(resources.l2Speakers, "node-1/status", report);
    expect(await verdict(toReport)).toContain(unbound);
    const lease = "steelyard-speaker-node-1";
    const toRenew = api.patch(resources.leases, lease, renewal, system);
    expect(await verdict(toRenew)).toContain(unbound);
    const metadata = { name: "steelyard-speaker-x", namespace: system };
    const toCreate = api.create(resources.leases, { metadata, ...renewal });
    expect(await verdict(toCreate)).toContain(unbound);
  });
});

describe("a controller", () => {
  /** What the API server says to two writes of a leader, which have no effect: the address is taken already. */
  const writesOf = async (token: string): Promise<readonly string[]> => {
    const [address] = addressesOf(await decided(cluster.api, "True", "served"));
    const allocation = await cluster.api.allocation(address ?? "");
    const metadata: V1ObjectMeta = { name: address ?? "" };
    const again = { metadata, spec: allocation?.spec };
    return await withToken("controller", token, async (api) => [
      await verdict(api.create(resources.ipAllocations, again)),
      await verdict(api.patch(resources.services, "served/status", {}, "default")),
    ]);
  };
  const leadingPod = async (): Promise<string> =>
    (await findLeader(cluster)).identity.split("_")[0] ?? "";

  test("that leads may write, one that does not may not: the API server looks at the Lease", async () => {
    const leader = await leadingPod();
    const leads = await tokenOf(({ metadata }) => metadata?.name === leader);
    const [create, patch] = await writesOf(leads);
    expect(create).toContain("already exists");
    expect(patch).toBe("allowed");
    const isStandby = (pod: V1Pod): boolean =>
      isA("controller", pod) && pod.metadata?.name !== leader;
    const refused = `does not lead; the Lease steelyard-controller is held by ${leader}`;
    for (const words of await writesOf(await tokenOf(isStandby))) {
      expect(words).toContain(refused);
    }
  });
});

test("a speaker's Lease belongs to its Node, and goes with it", async () => {
  const leaseOf = async (node: string): Promise<V1ObjectMeta | undefined> =>
    await metadataOf(resources.leases, `steelyard-speaker-${node}`, system);
  for (const node of ["node-1", "node-2"]) {
    expect((await leaseOf(node))?.ownerReferences).toEqual([await ownerOf(node)]);
  }
  await eventually("no Lease of the Node that went", async () => {
    return (await leaseOf("node-9")) === undefined;
  });
});

describe("an admin", () => {
  const deniedFor = (account: string): string =>
    `denied request: only ${account} writes this. In an emergency an admin may, as a member of the group ` +
    "steelyard:break-glass: kubectl --as=admin --as-group=steelyard:break-glass --as-group=system:masters";

  test("writes no allocation, bundle or speaker without breaking the glass, and then does", async () => {
    const address = addressesOf(await decided(cluster.api, "True", "served"))[0] ?? "";
    const bundle = (await cluster.api.bundles())[0]?.metadata.name ?? "";
    const cases: readonly (readonly [writer: string, write: readonly string[]])[] = [
      [controllerAccount, ["label", "ipallocation", address, "a=b"]],
      [controllerAccount, ["delete", "ipallocation", "--all"]],
      [controllerAccount, ["label", "l2bundle", bundle, "a=b"]],
      [controllerAccount, ["delete", "l2bundle", bundle]],
      [controllerAccount, ["label", "l2speaker", "node-2", "a=b"]],
      [controllerAccount, ["delete", "l2speaker", "node-2"]],
      [
        speakerAccount,
        [
          ...["patch", "l2speaker", "node-2", "--subresource=status", "--type=merge"],
          ...["-p", JSON.stringify({ status: { announced: 7 } })],
        ],
      ],
    ];
    for (const [writer, write] of cases) {
      const rehearsal = [...write, "--dry-run=server"];
      const words = await verdictOf(rehearsal);
      expect(words.endsWith(deniedFor(writer)), words).toBe(true);
      expect(await verdictOf([...breakGlass, ...rehearsal])).toBe("allowed");
    }
  });

  test("creates none either: an address that is wished for is asked for by a Service", async () => {
    const holders = [{ namespace: "default", name: "gone", uid: "u" }];
    const allocation = (spec: object): string =>
      JSON.stringify({
        apiVersion: "steelyard.dev/v1alpha1",
        kind: "IPAllocation",
        metadata: { name: "192.0.2.9" },
        spec: { address: "192.0.2.9", pool: "production", state: "Allocated", holders, ...spec },
      });
    const create = ["create", "-f", "-"];
    const input = allocation({});
    const refused = await cluster.sandbox.kubectl(create, { input });
    expect(refused.stderr).toContain(deniedFor(controllerAccount));
    const broken = async (text: string): Promise<string> =>
      (await cluster.sandbox.kubectl([...breakGlass, ...create], { input: text })).stderr;
    expect(await broken(allocation({ holders: [] }))).toContain("nobody would give it back");
    expect(await broken(allocation({ state: "Cooling", bundle: "b" }))).toContain(
      "only an allocated address is announced",
    );
    expect(await broken(input)).toBe("");
  });

  test("deletes the namespace, with the Leases in it, without breaking the glass", async () => {
    await kubectl(cluster.sandbox, ["delete", "namespace", system, "--timeout=90s"]);
  });

  test("deletes a Node, and the garbage collector its L2Speaker", async () => {
    await eventually("no L2Speaker for the Node that went", async () => {
      return (await metadataOf(resources.l2Speakers, "node-9")) === undefined;
    });
    expect(await metadataOf(resources.l2Speakers, "node-2")).toBeDefined();
  });

  test("deletes the definitions, with all objects, without breaking the glass", async () => {
    const { sandbox, api } = cluster;
    expect((await api.allocations()).length).toBeGreaterThan(0);
    const kinds = ["ipallocations", "l2bundles", "l2speakers", "addresspolicies"];
    const definitions = kinds.map((kind) => `${kind}.steelyard.dev`);
    await kubectl(sandbox, ["delete", "crd", ...definitions, "--timeout=90s"]);
    await kubectl(sandbox, ["delete", "validatingadmissionpolicy", ...policies]);
    expect(await kubectl(sandbox, ["get", "crd", "-o", "name"])).not.toContain("steelyard.dev");
  });
});
