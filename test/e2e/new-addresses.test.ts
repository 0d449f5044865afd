import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { SandboxNode } from "../../sandbox/node.ts";
import * as resources from "../../src/kube/resources.ts";
import { systemClock } from "../../src/runtime/clock.ts";
import { addressesOf } from "./cluster-objects.ts";
import { decided, eventually, type InstalledCluster, startInstalled } from "./installed-cluster.ts";

interface SpeakerStatus {
  readonly status?: { readonly dataplane?: { readonly state?: string } };
}

let cluster: InstalledCluster;
let services = 0;

beforeAll(async () => {
  cluster = await startInstalled({ nodes: 3 });
  await cluster.api.createPool("production", ["192.0.2.10-192.0.2.99"]);
  for (const { name } of cluster.sandbox.nodes) {
    await dataplaneIs(name, "Healthy");
  }
});

afterAll(async () => {
  await cluster?.stop();
});

async function dataplaneIs(node: string, state: string): Promise<void> {
  await eventually(`the kube-proxy of ${node} is ${state}`, async () => {
    const speaker = await cluster.api.get<SpeakerStatus>(resources.l2Speakers, node);
    return speaker?.status?.dataplane?.state === state;
  });
}

/** Gives a Service an address, and returns the node that announces it. */
async function announcerOfNext(): Promise<string | undefined> {
  const { api } = cluster;
  services += 1;
  const name = `service-${services}`;
  await api.createService({ name });
  const [address = ""] = addressesOf(await decided(api, "True", name));
  return await eventually(`${address} has an owner`, () => api.ownerOf(address));
}

async function announcersOfNext(count: number): Promise<readonly (string | undefined)[]> {
  const owners: (string | undefined)[] = [];
  while (owners.length < count) {
    owners.push(await announcerOfNext());
  }
  return owners;
}

/** The addresses that a node announces. */
async function announcedBy({ name }: SandboxNode): Promise<readonly string[]> {
  const [bundles, allocations] = await Promise.all([
    cluster.api.bundles(),
    cluster.api.allocations(),
  ]);
  const own = bundles.filter(({ spec }) => spec.owner.node === name);
  return allocations
    .filter(({ spec }) => own.some(({ metadata }) => metadata.name === spec.bundle))
    .map(({ spec }) => spec.address);
}

describe("a node gets no new address", () => {
  test("while its kube-proxy does not answer, and keeps those that it has", async () => {
    const [node] = cluster.sandbox.nodes;
    if (node === undefined) {
      throw new Error("there is no node");
    }
    expect(new Set(await announcersOfNext(12)).size).toBe(3);
    const before = await announcedBy(node);
    await node.killKubeProxy();
    await dataplaneIs(node.name, "Absent");
    expect(await announcersOfNext(6)).not.toContain(node.name);
    expect(await announcedBy(node)).toEqual(before);
    await node.startKubeProxy();
    await dataplaneIs(node.name, "Healthy");
    await eventually("it gets new ones again", async () => (await announcerOfNext()) === node.name);
  });

  test("for a minute after it came back, and then is the first to get some", async () => {
    const node = cluster.sandbox.nodes.at(-1);
    if (node === undefined) {
      throw new Error("there is no node");
    }
    await node.powerOff();
    await eventually("its addresses have moved", async () => {
      return (await announcedBy(node)).length === 0;
    });
    await node.powerOn();
    await eventually("it owns bundles again", async () => {
      return (await cluster.api.bundles()).some(({ spec }) => spec.owner.node === node.name);
    });
    expect(await announcersOfNext(6)).not.toContain(node.name);
    await eventually("it gets new ones again", async () => {
      await systemClock.sleep(5_000);
      return (await announcerOfNext()) === node.name;
    });
  }, 240_000);
});
