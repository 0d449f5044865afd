import { readFile } from "node:fs/promises";
import type { V1Lease, V1Pod } from "@kubernetes/client-node";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { SandboxNode } from "../../sandbox/node.ts";
import * as resources from "../../src/kube/resources.ts";
import { systemClock } from "../../src/runtime/clock.ts";
import { pods } from "./cluster-api.ts";
import { addressesOf, conditionOf, type L2BundleObject } from "./cluster-objects.ts";
import {
  answererOf,
  createServed,
  decided,
  eventually,
  type InstalledCluster,
  kubectl,
  startInstalled,
} from "./installed-cluster.ts";

const system = "steelyard-system";
const names = Array.from({ length: 6 }, (_, index) => `service-${index}`);
const drain = "steelyard.dev/drain";
const outOfService = { key: "node.kubernetes.io/out-of-service", effect: "NoExecute" };

let cluster: InstalledCluster;
let addresses: readonly string[];

beforeAll(async () => {
  cluster = await startInstalled({ nodes: 3 });
  const { api } = cluster;
  await api.createPool("production", ["192.0.2.10-192.0.2.99"]);
  addresses = await createServed(api, names);
});

beforeEach(settled);

afterAll(async () => {
  await cluster?.stop();
});

/** Every node is ready for bundles, owns some, and every address is answered by whom the objects name. */
async function settled(): Promise<void> {
  const { api, sandbox } = cluster;
  await eventually("every node owns bundles and stands by for others", async () => {
    const bundles = await api.bundles();
    return sandbox.nodes.every(
      ({ name }) =>
        bundles.some(({ spec }) => spec.owner.node === name) &&
        bundles.every(({ spec }) =>
          [spec.owner, ...spec.standbys].some(({ node }) => node === name),
        ),
    );
  });
  await eventually("every Service is announced", async () => {
    const services = await Promise.all(names.map((name) => api.service(name)));
    return services.every((service) => conditionOf(service, "Announced")?.status === "True");
  });
  await eventually("everybody answers whom the objects name", async () => {
    for (const address of addresses) {
      if ((await answererOf(cluster, address))?.name !== (await api.ownerOf(address))) {
        return false;
      }
    }
    return true;
  });
}

/** The bundles with addresses. */
async function busyBundles(): Promise<readonly L2BundleObject[]> {
  const { api } = cluster;
  const busy = new Set((await api.allocations()).map(({ spec }) => spec.bundle));
  return (await api.bundles()).filter(({ metadata }) => busy.has(metadata.name));
}

let more = 0;

/**
 * A node that announces something and on which the leader does not run: its term
 * goes on. What has moved does not come back, so it may take Services more.
 */
async function announcer(): Promise<SandboxNode> {
  return await eventually("a node without the leader announces", async () => {
    const found = await announcerWithoutLeader();
    if (found === undefined) {
      more += 1;
      await cluster.api.createService({ name: `more-${more}` });
      await decided(cluster.api, "True", `more-${more}`);
    }
    return found;
  });
}

async function announcerWithoutLeader(): Promise<SandboxNode | undefined> {
  const { api, sandbox } = cluster;
  const lease = await api.get<V1Lease>(resources.leases, "steelyard-controller", system);
  const leader = lease?.spec?.holderIdentity?.split("_")[0] ?? "";
  const leading = (await api.get<V1Pod>(pods, leader, system))?.spec?.nodeName;
  const owners = (await busyBundles()).map(({ spec }) => spec.owner.node);
  return sandbox.nodes.find(({ name }) => owners.includes(name) && name !== leading);
}

/** The bundles with addresses once none of them counts on `node` any more. */
async function movedAwayFrom({ name }: SandboxNode): Promise<readonly L2BundleObject[]> {
  return await eventually(`all has moved away from ${name}`, async () => {
    const bundles = await busyBundles();
    const named = bundles.flatMap(({ spec }) => [spec.owner, ...spec.standbys]);
    return named.every(({ node }) => node !== name) && bundles;
  });
}

/** Those of `before` that `node` owned went to their first standby, by one write each; others stayed. */
function expectOneMove(
  node: SandboxNode,
  before: readonly L2BundleObject[],
  after: readonly L2BundleObject[],
): void {
  for (const { metadata, spec } of before) {
    const now = after.find((it) => it.metadata.name === metadata.name)?.spec;
    const wasOwner = spec.owner.node === node.name;
    expect(now?.owner.node).toBe(wasOwner ? spec.standbys[0]?.node : spec.owner.node);
    expect([now?.term, now?.sequence]).toEqual([spec.term, spec.sequence + 1]);
  }
}

/** The log of a controller with these words, once for each line that has them. */
async function said(words: string): Promise<readonly string[]> {
  const logs = (await cluster.sandbox.podLogs()).filter((file) => file.includes("-controller-"));
  const lines = logs.map(async (file) => {
    const text = await readFile(file, "utf8");
    return text.split("\n").flatMap((line) => (line.includes(words) ? file : []));
  });
  return (await Promise.all(lines)).flat();
}

describe("the addresses of a node", () => {
  test("stay when its speaker is asked to end and another one comes", async () => {
    const node = await announcer();
    const before = await busyBundles();
    const dead = (await said("speaker is dead")).length;
    const { pid } = await cluster.sandbox.speaker(node);
    process.kill(pid, "SIGTERM");
    await eventually("another speaker", async () => {
      return (await cluster.sandbox.speaker(node)).pid !== pid;
    });
    await settled();
    await systemClock.sleep(6_500);
    expect(await busyBundles()).toEqual(before);
    expect(await said("speaker is dead")).toHaveLength(dead);
  });

  test("move when it drains, by one write each, and do not come back by themselves", async () => {
    const { api } = cluster;
    const node = await announcer();
    const before = await busyBundles();
    await kubectl(cluster.sandbox, ["annotate", "node", node.name, `${drain}=true`]);
    const after = await movedAwayFrom(node);
    expectOneMove(node, before, after);
    expect(await said(`"reason":"NodeDraining"`)).not.toEqual([]);
    for (const address of addresses) {
      await eventually(`another node answers for ${address}`, async () => {
        const answerer = await answererOf(cluster, address);
        return answerer !== undefined && answerer !== node;
      });
    }
    for (const name of ["late-0", "late-1", "late-2"]) {
      await api.createService({ name });
      const [address = ""] = addressesOf(await decided(api, "True", name));
      expect(await api.ownerOf(address)).not.toBe(node.name);
    }
    const owners = await Promise.all(addresses.map((address) => api.ownerOf(address)));
    await kubectl(cluster.sandbox, ["annotate", "node", node.name, `${drain}-`]);
    await settled();
    expect(await Promise.all(addresses.map((address) => api.ownerOf(address)))).toEqual(owners);
  });

  test("move when it shuts down, before its power goes", async () => {
    const node = await announcer();
    const before = await busyBundles();
    const dead = (await said("speaker is dead")).length;
    await node.shutDown();
    expectOneMove(node, before, await movedAwayFrom(node));
    expect(await said(`"reason":"NodeShuttingDown"`)).not.toEqual([]);
    expect(await said("speaker is dead")).toHaveLength(dead);
    await node.powerOn();
    await settled();
  });

  test("move when an admin says that it is off, without a wait for its Lease", async () => {
    const node = await announcer();
    const before = await busyBundles();
    const patch = (taints: object): Promise<void> =>
      cluster.api.patch(resources.nodes, node.name, { spec: { taints } });
    await node.powerOff();
    await patch([outOfService]);
    expectOneMove(node, before, await movedAwayFrom(node));
    // The standby, where it is on another node, judges as the leader does.
    const judges = await said("speaker is dead: its node is out of service");
    expect(judges.length).toBeGreaterThan(0);
    expect(new Set(judges).size).toBe(judges.length);
    await node.powerOn();
    await patch([]);
    await settled();
  });
});

test("nothing of this has asked for an address twice, or lost one", async () => {
  const { api } = cluster;
  const services = await Promise.all(names.map((name) => api.service(name)));
  expect(services.map((service) => addressesOf(service)[0])).toEqual(addresses);
  await kubectl(cluster.sandbox, [
    "-n",
    system,
    "rollout",
    "status",
    "daemonset/steelyard-speaker",
  ]);
});
