import { fileURLToPath } from "node:url";
import type { V1Service } from "@kubernetes/client-node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { apply } from "../../sandbox/installation.ts";
import * as resources from "../../src/kube/resources.ts";
import { addressesOf, conditionOf } from "./cluster-objects.ts";
import { findLeader, leaderOtherThan } from "./controller-leader.ts";
import {
  answererOf,
  decided,
  eventually,
  type InstalledCluster,
  kubectl,
  startInstalled,
} from "./installed-cluster.ts";
import { Traffic } from "./traffic.ts";

const file = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
const address = "192.0.2.10";
const tcp = { protocol: "TCP", port: 80, targetPort: 8080 };
const udp = { protocol: "UDP", port: 80, targetPort: 8080 };

let cluster: InstalledCluster;

// The app runs on every node, so that externalTrafficPolicy Local has an endpoint wherever the address is.
beforeAll(async () => {
  const images = new Map([["echo-app", [process.execPath, file("echo-app.ts")]]]);
  cluster = await startInstalled({ nodes: 2, images });
  const { sandbox, api } = cluster;
  await api.createPool("single", [`${address}/32`]);
  await api.createPool("several", ["192.0.2.20-192.0.2.29"], { autoAssign: false });
  await apply(sandbox, file("echo-app.yaml"));
  await kubectl(sandbox, ["rollout", "status", "daemonset/echo", "--timeout=60s"]);
});

afterAll(async () => {
  await cluster?.stop();
});

async function create(name: string, port: object, more: object = {}): Promise<void> {
  await cluster.api.createService({
    name,
    annotations: { "metallb.io/allow-shared-ip": "echo" },
    spec: { selector: { app: "echo" }, ports: [port as never], ...more },
  });
}

async function change(name: string, spec: object): Promise<void> {
  await cluster.api.patch(resources.services, name, { spec }, "default");
}

/** The Service once it has the address, or once it has none. */
async function has(name: string, addresses: readonly string[]): Promise<V1Service> {
  return await eventually(`${name} has "${addresses}"`, async () => {
    const service = await cluster.api.service(name);
    return addressesOf(service).join() === addresses.join() ? service : undefined;
  });
}

async function holders(of = address): Promise<readonly string[]> {
  const allocation = await cluster.api.allocation(of);
  return allocation?.spec.state === "Allocated"
    ? allocation.spec.holders.map(({ name }) => name)
    : [];
}

/** Waits until a client on the LAN is answered by HTTP; then the same by UDP. */
async function answeredByTcp(at = address): Promise<void> {
  const { client } = cluster;
  await eventually(`TCP ${at}`, async () => (await client.curl(`http://${at}/`)).body !== "");
}

async function answeredByUdp(at = address): Promise<void> {
  const argv = [process.execPath, file("udp-client.ts"), at, "80"];
  await eventually(`UDP ${at}`, async () =>
    (await cluster.client.exec(argv)).stdout.startsWith("echo on "),
  );
}

describe("two Services that share an address, one with TCP and one with UDP", () => {
  test("are both served on it, by one object and one node", async () => {
    await create("tcp", tcp);
    await decided(cluster.api, "True", "tcp");
    await create("udp", udp);
    await has("udp", [address]);
    await has("tcp", [address]);
    expect((await cluster.api.allocation(address))?.spec.holders).toMatchObject([
      { name: "tcp", ports: [{ protocol: "TCP", port: 80 }], sharingKey: "echo" },
      { name: "udp", ports: [{ protocol: "UDP", port: 80 }], sharingKey: "echo" },
    ]);
    await answeredByTcp();
    await answeredByUdp();
    expect((await answererOf(cluster, address))?.name).toBe(await cluster.api.ownerOf(address));
    for (const name of ["tcp", "udp"]) {
      await eventually(`${name} is announced`, async () => {
        const condition = conditionOf(await cluster.api.service(name), "Announced");
        return condition?.status === "True";
      });
    }
  });

  test("part when one turns to Local: it waits and says why, and the other notices nothing", async () => {
    const traffic = new Traffic(cluster.client, [`http://${address}/`]);
    await change("udp", { externalTrafficPolicy: "Local" });
    const service = await has("udp", []);
    expect(conditionOf(service, "AddressAssigned")).toMatchObject({
      status: "False",
      reason: "PoolExhausted",
    });
    await eventually("an Event that tells why", async () => {
      const events = await cluster.api.eventsOf(service.metadata?.uid);
      return events.some(
        ({ reason, message }) =>
          reason === "ClearAssignment" &&
          message?.startsWith("SharingConflict: ") === true &&
          message.includes("externalTrafficPolicy Local"),
      );
    });
    expect(await holders()).toEqual(["tcp"]);
    const { requests, failed, reasons } = await traffic.stop();
    expect(requests).toBeGreaterThan(0);
    expect({ failed, reasons }).toEqual({ failed: 0, reasons: [] });
  });

  test("share again when the other turns to Local too", async () => {
    await change("tcp", { externalTrafficPolicy: "Local" });
    await has("udp", [address]);
    await has("tcp", [address]);
    expect(await holders()).toEqual(["tcp", "udp"]);
    await answeredByTcp();
    await answeredByUdp();
  });

  test("part when the first changes its selector, and share again when the second follows", async () => {
    const selector = { app: "echo", tier: "edge" };
    await change("tcp", { selector });
    await has("tcp", []);
    await eventually("one holder", async () => (await holders()).join() === "udp");
    await answeredByUdp();
    await change("udp", { selector });
    await has("tcp", [address]);
    expect(await holders()).toEqual(["udp", "tcp"]);
    await answeredByTcp();
    await answeredByUdp();
  });

  test("keep it when another controller leads", async () => {
    const before = await cluster.api.allocation(address);
    const { identity, pid } = await findLeader(cluster);
    process.kill(pid, "SIGTERM");
    await leaderOtherThan(cluster, identity);
    // A Service that comes now is served by the new leader, after all that was there.
    await cluster.api.createService({
      name: "later",
      annotations: { "metallb.io/address-pool": "several" },
    });
    await decided(cluster.api, "True", "later");
    expect((await cluster.api.allocation(address))?.spec.holders).toEqual(before?.spec.holders);
    await has("tcp", [address]);
    await has("udp", [address]);
    await answeredByTcp();
  });

  test("leave it one after the other: it goes on for the last one, and cools down after him", async () => {
    const traffic = new Traffic(cluster.client, [`http://${address}/`]);
    await cluster.api.removeService("udp");
    await eventually("one holder", async () => (await holders()).join() === "tcp");
    const { failed, reasons } = await traffic.stop();
    expect({ failed, reasons }).toEqual({ failed: 0, reasons: [] });
    await cluster.api.removeService("tcp");
    await eventually("it cools down", async () => {
      return (await cluster.api.allocation(address))?.spec.state === "Cooling";
    });
    await eventually("silence", async () => (await answererOf(cluster, address)) === undefined);
  });
});

test("a Service has several addresses of one family, in the order it asks for, and clients reach it at each", async () => {
  const annotations = { "metallb.io/loadBalancerIPs": "192.0.2.25,192.0.2.22" };
  const spec = { selector: { app: "echo" }, ports: [tcp] };
  await cluster.api.createService({ name: "several", annotations, spec });
  await has("several", ["192.0.2.25", "192.0.2.22"]);
  await answeredByTcp("192.0.2.25");
  await answeredByTcp("192.0.2.22");
  const wanted = { "metallb.io/loadBalancerIPs": "192.0.2.22,192.0.2.99" };
  await cluster.api.patch(
    resources.services,
    "several",
    { metadata: { annotations: wanted } },
    "default",
  );
  await eventually("what is asked for cannot be had, and what it has stays", async () => {
    const service = await cluster.api.service("several");
    const condition = conditionOf(service, "AddressAssigned");
    return (
      condition?.reason === "AddressNotInPool" &&
      condition.status === "True" &&
      addressesOf(service).join() === "192.0.2.25,192.0.2.22"
    );
  });
  await answeredByTcp("192.0.2.25");
});
