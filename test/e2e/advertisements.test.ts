import { afterAll, beforeAll, describe, expect, test } from "vitest";
import * as resources from "../../src/kube/resources.ts";
import { configNamespace } from "./cluster-api.ts";
import { addressesOf, conditionOf } from "./cluster-objects.ts";
import {
  answererOf,
  decided,
  eventually,
  type InstalledCluster,
  kubectl,
  startInstalled,
} from "./installed-cluster.ts";

let cluster: InstalledCluster;

beforeAll(async () => {
  cluster = await startInstalled({ nodes: 3 });
  const { api } = cluster;
  await eventually("L2Advertisement default of the first start", async () => {
    return (await api.get(resources.l2Advertisements, "default", configNamespace)) !== undefined;
  });
  await api.remove(resources.l2Advertisements, "default", configNamespace);
  await api.createPool("one", ["192.0.2.10-192.0.2.19"], { autoAssign: false });
  await api.createPool("two", ["192.0.2.20-192.0.2.29"], { autoAssign: false });
});

afterAll(async () => {
  await cluster?.stop();
});

async function serve(name: string, pool: string): Promise<string> {
  const annotations = { "metallb.io/address-pool": pool };
  await cluster.api.createService({ name, annotations });
  return addressesOf(await decided(cluster.api, "True", name))[0] ?? "";
}

/** Waits for the condition Announced with this reason, and returns its message. */
async function announced(name: string, reason: string): Promise<string> {
  return await eventually(`Announced with reason ${reason} on ${name}`, async () => {
    const condition = conditionOf(await cluster.api.service(name), "Announced");
    return condition?.reason === reason && condition.message;
  });
}

async function label(node: string, value: string | null): Promise<void> {
  const metadata = { labels: { "example.com/edge": value } };
  await cluster.api.patch(resources.nodes, node, { metadata });
}

const edgeNodes = [{ matchLabels: { "example.com/edge": "yes" } }];

describe("an address", () => {
  test("of a pool that no advertisement covers is not announced, and says so", async () => {
    const address = await serve("uncovered", "one");
    expect(await announced("uncovered", "NoAdvertisement")).toBe(
      `${address}: no L2Advertisement covers its pool and this Service; create one`,
    );
    expect(await answererOf(cluster, address)).toBeUndefined();
    expect((await cluster.api.allocation(address))?.spec.bundle).toBeUndefined();
  });

  test("is announced by the nodes alone that its advertisement selects, once there is one", async () => {
    const { api } = cluster;
    const spec = { ipAddressPools: ["one"], interfaces: ["eth0"], nodeSelectors: edgeNodes };
    await api.createAdvertisement("edge", spec);
    await announced("uncovered", "NoEligibleNode");
    await label("node-2", "yes");
    const [address = ""] = addressesOf(await api.service("uncovered"));
    expect(await announced("uncovered", "Announced")).toBe(`${address} by node-2`);
    expect((await answererOf(cluster, address))?.name).toBe("node-2");
    const bundles = await api.bundles();
    expect(bundles.map(({ spec: { owner } }) => owner)).toEqual([
      { node: "node-2", interfaces: ["eth0"] },
    ]);
  });

  test("moves when its node is selected no longer", async () => {
    const { api } = cluster;
    const [address = ""] = addressesOf(await api.service("uncovered"));
    await label("node-3", "yes");
    await label("node-2", null);
    await eventually("node-3 answers", async () => {
      return (await answererOf(cluster, address))?.name === "node-3";
    });
    await eventually("the condition names it", async () => {
      return (await announced("uncovered", "Announced")) === `${address} by node-3`;
    });
  });

  test("falls silent when its advertisement is deleted, and is kept", async () => {
    const { api } = cluster;
    const [address = ""] = addressesOf(await api.service("uncovered"));
    await api.remove(resources.l2Advertisements, "edge", configNamespace);
    await announced("uncovered", "NoAdvertisement");
    await eventually("silence", async () => (await answererOf(cluster, address)) === undefined);
    expect(addressesOf(await api.service("uncovered"))).toEqual([address]);
    await eventually("no bundle left", async () => (await api.bundles()).length === 0);
  });

  test("of an advertisement with one interface that is nowhere and one that is, is announced there", async () => {
    const { api } = cluster;
    await api.createAdvertisement("both", {
      ipAddressPools: ["two"],
      interfaces: ["eth0", "wan9"],
    });
    const address = await serve("half", "two");
    await announced("half", "Announced");
    await eventually("an answer", () => answererOf(cluster, address));
    await api.remove(resources.l2Advertisements, "both", configNamespace);
    await announced("half", "NoAdvertisement");
  });

  test("of an advertisement whose only interface is nowhere is told so", async () => {
    const { api } = cluster;
    await api.createAdvertisement("typo", { ipAddressPools: ["two"], interfaces: ["wan9"] });
    const message = await announced("half", "InterfaceMissing");
    expect(message).toContain("wan9");
    const [address = ""] = addressesOf(await api.service("half"));
    expect(await answererOf(cluster, address)).toBeUndefined();
  });
});

test("kubectl shows where each address is announced", async () => {
  const { api, sandbox } = cluster;
  await api.createAdvertisement("edge", { ipAddressPools: ["one"] });
  const [node, address] = await eventually("an owner", async () => {
    const [found = ""] = addressesOf(await api.service("uncovered"));
    const owner = await api.ownerOf(found);
    return owner !== undefined && ([owner, found] as const);
  });
  const bundle = (await api.allocation(address))?.spec.bundle;
  const kinds = "ipallocations,l2bundles,l2speakers";
  const table = await kubectl(sandbox, ["get", kinds]);
  const row = (pattern: string): RegExp => new RegExp(`^${pattern}`, "m");
  expect(table).toMatch(
    row(`ipallocation\\.steelyard\\.dev/${address} +${address} +one +Allocated .*${bundle}`),
  );
  expect(table).toMatch(row(`l2bundle\\.steelyard\\.dev/${bundle} +${node} +node-\\d`));
  expect(table).toMatch(row(`l2speaker\\.steelyard\\.dev/${node} +\\d+ `));
});
