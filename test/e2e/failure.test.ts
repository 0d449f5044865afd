import { readFile } from "node:fs/promises";
import type { V1Lease, V1Pod } from "@kubernetes/client-node";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { SandboxNode } from "../../sandbox/node.ts";
import * as resources from "../../src/kube/resources.ts";
import { systemClock } from "../../src/runtime/clock.ts";
import { pods } from "./cluster-api.ts";
import { conditionOf } from "./cluster-objects.ts";
import {
  answererOf,
  createServed,
  decided,
  eventually,
  type InstalledCluster,
  startInstalled,
} from "./installed-cluster.ts";

const system = "steelyard-system";
const names = Array.from({ length: 6 }, (_, index) => `service-${index}`);

let cluster: InstalledCluster;
let addresses: readonly string[];
let probes = 0;

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

/** Every Service announced, every speaker ready, and a leader at work. */
async function settled(): Promise<void> {
  const { api, sandbox } = cluster;
  for (const name of names) {
    await eventually(`${name} is announced`, async () => {
      return conditionOf(await api.service(name), "Announced")?.status === "True";
    });
  }
  await eventually("every speaker is ready", async () => {
    const all = await api.list<V1Pod>(pods, system);
    const speakers = all.filter(({ metadata }) => metadata?.name?.startsWith("steelyard-speaker"));
    return (
      speakers.length === sandbox.nodes.length &&
      speakers.every(({ status }) => status?.containerStatuses?.[0]?.ready === true)
    );
  });
  probes += 1;
  await api.createService({ name: `probe-${probes}` });
  await decided(api, "True", `probe-${probes}`);
  await api.removeService(`probe-${probes}`);
}

/** Which node announces each address, as the objects say. */
async function owners(): Promise<Readonly<Record<string, string | undefined>>> {
  const { api } = cluster;
  const list = await Promise.all(
    addresses.map(async (address) => [address, await api.ownerOf(address)] as const),
  );
  return Object.fromEntries(list);
}

/** Which node answers for each address, as the client hears. */
async function answerers(): Promise<Readonly<Record<string, string | undefined>>> {
  const list = await Promise.all(
    addresses.map(
      async (address) => [address, (await answererOf(cluster, address))?.name] as const,
    ),
  );
  return Object.fromEntries(list);
}

/** The versions of all bundles: equal pictures mean that nothing moved in between. */
async function bundleVersions(): Promise<Readonly<Record<string, string | undefined>>> {
  const bundles = await cluster.api.bundles();
  return Object.fromEntries(
    bundles.map(({ metadata }) => [metadata.name, metadata.resourceVersion]),
  );
}

async function leaderNode(): Promise<string> {
  const { api } = cluster;
  const lease = await api.get<V1Lease>(resources.leases, "steelyard-controller", system);
  const pod = lease?.spec?.holderIdentity?.split("_")[0] ?? "";
  return (await api.get<V1Pod>(pods, pod, system))?.spec?.nodeName ?? "";
}

/** What all Pods of the controller have logged so far. */
async function controllerLogs(): Promise<string> {
  const files = (await cluster.sandbox.podLogs()).filter((file) => file.includes("-controller-"));
  return (await Promise.all(files.map((file) => readFile(file, "utf8")))).join("");
}

/** How often the controllers have logged these words. */
async function said(words: string): Promise<number> {
  return (await controllerLogs()).split(words).length - 1;
}

/** A node that announces something and on which the leader does not run. */
async function announcer(): Promise<SandboxNode> {
  const leader = await leaderNode();
  const announcing = Object.values(await owners());
  const node = cluster.sandbox.nodes.find(
    ({ name }) => name !== leader && announcing.includes(name),
  );
  if (node === undefined) {
    throw new Error(`only ${leader} announces: ${announcing.join()}`);
  }
  return node;
}

describe("addresses", () => {
  test("are spread over the nodes, and answered by whom the objects name", async () => {
    expect(new Set(Object.values(await owners())).size).toBeGreaterThan(1);
    expect(await answerers()).toEqual(await owners());
  });

  test("stay where they are when a speaker is killed and started again", async () => {
    const before = await bundleVersions();
    const node = await announcer();
    const speaker = await cluster.sandbox.speaker(node);
    speaker.kill();
    await eventually("another speaker", async () => {
      return (await cluster.sandbox.speaker(node)).pid !== speaker.pid;
    });
    await eventually("everybody answers", async () => {
      return !Object.values(await answerers()).includes(undefined);
    });
    expect(await bundleVersions()).toEqual(before);
    expect(await answerers()).toEqual(await owners());
  });

  test("stay where they are when a speaker hangs for three seconds", async () => {
    const before = await bundleVersions();
    await (await cluster.sandbox.speaker(await announcer())).pause(3_000);
    await systemClock.sleep(3_000);
    expect(await bundleVersions()).toEqual(before);
    expect(await answerers()).toEqual(await owners());
  });

  test("of a node without power move to others, and do not move back", async () => {
    const node = await announcer();
    const before = await owners();
    await node.powerOff();
    await eventually("others announce all", async () => {
      return !Object.values(await owners()).includes(node.name);
    });
    await eventually("the client hears others", async () => {
      const now = Object.values(await answerers());
      return !now.includes(undefined) && !now.includes(node.name);
    });
    const moved = await owners();
    for (const address of addresses.filter((it) => before[it] !== node.name)) {
      expect(moved[address], `${address} was not touched`).toBe(before[address]);
    }
    await node.powerOn();
    await eventually(`${node.name} has bundles again`, async () => {
      return (await cluster.api.bundles()).some(({ spec }) => spec.owner.node === node.name);
    });
    await settled();
    expect(await owners()).toEqual(moved);
    expect(await answerers()).toEqual(moved);
  });

  test("stay where they are when most nodes look dead at once, and the log says so", async () => {
    const { sandbox } = cluster;
    const leader = await leaderNode();
    const words = "more than half of the speakers look dead at once: nothing is moved";
    const [before, told] = [await owners(), await said(words)];
    const lost = sandbox.nodes.filter(({ name }) => name !== leader);
    await Promise.all(lost.map((node) => node.powerOff()));
    await eventually("the controller notices", async () => (await said(words)) > told);
    await systemClock.sleep(3_000);
    expect(await owners()).toEqual(before);
    await Promise.all(lost.map((node) => node.powerOn()));
    await settled();
    // The first to come back ends the doubt: the other one may be judged dead then, and its
    // addresses move. What counts is that all are served.
    await eventually("everybody answers again", async () => {
      return !Object.values(await answerers()).includes(undefined);
    });
    expect(await answerers()).toEqual(await owners());
  });
});
