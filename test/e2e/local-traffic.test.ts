import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { apply } from "../../sandbox/installation.ts";
import * as resources from "../../src/kube/resources.ts";
import { configNamespace } from "./cluster-api.ts";
import { addressesOf } from "./cluster-objects.ts";
import {
  answererOf,
  decided,
  eventually,
  type InstalledCluster,
  kubectl,
  startInstalled,
} from "./installed-cluster.ts";

const file = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
const role = "example.com/role";

let cluster: InstalledCluster;

// The app runs where the label lets it, so that its Pods can be sent from node to node.
beforeAll(async () => {
  const images = new Map([["echo-app", [process.execPath, file("echo-app.ts")]]]);
  cluster = await startInstalled({ nodes: 3, images });
  const { sandbox, api } = cluster;
  await api.createPool("production", ["192.0.2.10-192.0.2.29"]);
  await apply(sandbox, file("echo-app.yaml"));
  const selector = { spec: { template: { spec: { nodeSelector: { [role]: "echo" } } } } };
  await kubectl(sandbox, ["patch", "daemonset", "echo", "--patch", JSON.stringify(selector)]);
});

afterAll(async () => {
  await cluster?.stop();
});

/** Has the app run on these nodes and no others. */
async function runOn(...nodes: readonly string[]): Promise<void> {
  for (const { name } of cluster.sandbox.nodes) {
    const value = nodes.includes(name) ? "echo" : null;
    await cluster.api.patch(resources.nodes, name, { metadata: { labels: { [role]: value } } });
  }
}

async function create(name: string, externalTrafficPolicy: string): Promise<string> {
  const port = { protocol: "TCP", port: 80, targetPort: 8080 };
  const spec = { selector: { app: "echo" }, ports: [port as never], externalTrafficPolicy };
  await cluster.api.createService({ name, spec: spec as never });
  return addressesOf(await decided(cluster.api, "True", name))[0] ?? "";
}

/** Waits until `node` answers for the address, and a client gets through to a Pod there. */
async function servedBy(address: string, node: string): Promise<void> {
  await eventually(`${node} answers for ${address}`, async () => {
    return (await answererOf(cluster, address))?.name === node;
  });
  await eventually(`${address} leads to a Pod on ${node}`, async () => {
    return (await cluster.client.curl(`http://${address}/`)).body === `echo on ${node}`;
  });
}

describe("an address with externalTrafficPolicy Local", () => {
  test("is announced by the node with a Pod, and moves with it", async () => {
    await runOn("node-2");
    const address = await create("local", "Local");
    await servedBy(address, "node-2");
    await runOn("node-3");
    await servedBy(address, "node-3");
    await runOn("node-1", "node-3");
    await eventually("node-1 stands by", async () => {
      const name = (await cluster.api.allocation(address))?.spec.bundle;
      const bundle = (await cluster.api.bundles()).find(({ metadata }) => metadata?.name === name);
      return bundle?.spec.standbys.map(({ node }) => node).join() === "node-1";
    });
    await servedBy(address, "node-3");
  });

  test("stays where it is when its last Pod ends", async () => {
    const address = addressesOf(await cluster.api.service("local"))[0] ?? "";
    await runOn();
    await eventually("no Pod is left", async () => {
      const args = ["get", "pods", "-l", "app=echo", "-o", "name"];
      return (await kubectl(cluster.sandbox, args)).trim() === "";
    });
    expect(await cluster.api.ownerOf(address)).toBe("node-3");
    expect((await answererOf(cluster, address))?.name).toBe("node-3");
  });
});

test("a new address goes to the node that an advertisement prefers", async () => {
  const { api } = cluster;
  await runOn("node-1", "node-2", "node-3");
  const edge = { metadata: { labels: { "example.com/edge": "yes" } } };
  await api.patch(resources.nodes, "node-2", edge);
  const preference = { matchLabels: { "example.com/edge": "yes" } };
  const spec = { preferredNodeSelectors: [{ weight: 100, preference }] };
  await api.patch(resources.l2Advertisements, "default", { spec }, configNamespace);
  for (const name of ["p1", "p2", "p3", "p4"]) {
    const address = await create(name, "Cluster");
    expect(await api.ownerOf(address)).toBe("node-2");
  }
});
