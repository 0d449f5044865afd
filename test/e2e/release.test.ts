import { afterAll, beforeAll, describe, expect, test } from "vitest";
import * as resources from "../../src/kube/resources.ts";
import type { IpAllocationObject } from "./cluster-objects.ts";
import { addressesOf, conditionOf } from "./cluster-objects.ts";
import {
  answererOf,
  breakGlass,
  decided,
  eventually,
  type InstalledCluster,
  kubectl,
  startExampleApp,
  startInstalled,
} from "./installed-cluster.ts";

let cluster: InstalledCluster;

beforeAll(async () => {
  cluster = await startInstalled({ nodes: 2 });
  await cluster.api.createPool("production", ["192.0.2.10-192.0.2.19"]);
  await startExampleApp(cluster.sandbox);
});

afterAll(async () => {
  await cluster?.stop();
});

/** Creates a Service and waits until a client hears its address from a node. */
async function serve(name: string): Promise<string> {
  await cluster.api.createService({ name });
  const [address = ""] = addressesOf(await decided(cluster.api, "True", name));
  await eventually(`an answer for ${address}`, () => answererOf(cluster, address));
  return address;
}

async function cooling(address: string): Promise<IpAllocationObject> {
  return await eventually(`${address} cools down`, async () => {
    const allocation = await cluster.api.allocation(address);
    return allocation?.spec.state === "Cooling" ? allocation : undefined;
  });
}

async function silent(address: string): Promise<void> {
  await eventually(`silence about ${address}`, async () => {
    return (await answererOf(cluster, address)) === undefined;
  });
}

describe("the address of a Service", () => {
  test("that is deleted falls silent, cools down in no bundle, and then is free", async () => {
    const { api, client } = cluster;
    const address = await serve("short-lived");
    const url = `http://${address}/`;
    await eventually("an answer from the app", async () => (await client.curl(url)).ok);
    const created = await api.allocation(address);
    await api.removeService("short-lived");
    const released = await cooling(address);
    expect(released.spec.bundle).toBeUndefined();
    expect(released.spec.holders.map(({ name }) => name)).toEqual(["short-lived"]);
    expect(released.metadata.uid).toBe(created?.metadata.uid);
    await silent(address);
    expect((await client.curl(url, { timeoutMs: 300 })).ok).toBe(false);
    await eventually("the object to go", async () => {
      return (await api.allocation(address)) === undefined;
    });
    const released_ = new Date(
      (released.spec as { releasedAt?: string }).releasedAt ?? "",
    ).getTime();
    const deleted = (await cluster.sandbox.audit()).find(
      ({ verb, resource, name }) =>
        verb === "delete" && resource === "ipallocations" && name === address,
    );
    expect((deleted?.time.getTime() ?? 0) - released_).toBeGreaterThanOrEqual(29_000);
  });

  test("comes back to a Service of the same name, and to no other before", async () => {
    const { api } = cluster;
    const address = await serve("phoenix");
    const before = (await api.service("phoenix"))?.metadata?.uid;
    await api.removeService("phoenix");
    await cooling(address);
    const other = await serve("other");
    expect(other).not.toBe(address);
    expect(await serve("phoenix")).toBe(address);
    const holders = (await api.allocation(address))?.spec.holders ?? [];
    expect(holders.map(({ name }) => name)).toEqual(["phoenix"]);
    expect(holders[0]?.uid).not.toBe(before);
    await api.removeService("other");
  });

  test("goes to whoever asks for it by name while it cools down", async () => {
    const { api } = cluster;
    const address = await serve("first");
    await api.removeService("first");
    await cooling(address);
    await api.createService({ name: "second", spec: { loadBalancerIP: address } });
    expect(addressesOf(await decided(api, "True", "second"))).toEqual([address]);
    await eventually("an answer for it", () => answererOf(cluster, address));
  });

  test("that becomes a ClusterIP Service is given back, with every trace of it", async () => {
    const { api } = cluster;
    const address = await serve("retired");
    const patch = { spec: { type: "ClusterIP" } };
    await api.patch(resources.services, "retired", patch, "default");
    await cooling(address);
    await silent(address);
    const service = await eventually("no trace of it", async () => {
      const now = await api.service("retired");
      return conditionOf(now, "AddressAssigned") === undefined ? now : undefined;
    });
    expect(addressesOf(service)).toEqual([]);
    expect(service.status?.conditions ?? []).toEqual([]);
    expect(service.metadata?.annotations ?? {}).toEqual({});
  });

  test("whose IPAllocation an admin deletes is fenced and announced anew", async () => {
    const { api } = cluster;
    const address = await serve("steady");
    const before = await api.allocation(address);
    await kubectl(cluster.sandbox, [...breakGlass, "delete", "ipallocation", address]);
    const after = await eventually("a new IPAllocation", async () => {
      const now = await api.allocation(address);
      return now?.metadata.uid === before?.metadata.uid ? undefined : now;
    });
    expect(after?.spec.holders.map(({ name }) => name)).toEqual(["steady"]);
    expect(addressesOf(await api.service("steady"))).toEqual([address]);
    await eventually(`an answer for ${address}`, () => answererOf(cluster, address));
  });
});
