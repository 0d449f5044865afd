import { beforeEach, describe, expect, test } from "vitest";
import { explainService } from "../../../src/cli/explain/explain-service.ts";
import { formatExplanation } from "../../../src/cli/explain/format-explanation.ts";
import type { ServiceExplanation } from "../../../src/cli/explain/service-explanation.ts";
import { readServiceFacts } from "../../../src/cli/explain/service-facts.ts";
import { expectGolden } from "../golden.ts";
import { addNode, ago, inspectSettings, now, RawCluster } from "../inspect/raw-cluster.ts";

const { configNamespace: namespace } = inspectSettings;

let cluster: RawCluster;

beforeEach(() => {
  cluster = new RawCluster();
});

async function explain(name: string): Promise<ServiceExplanation> {
  const reading = cluster.reading();
  const target = { namespace: "shop", name };
  const facts = await readServiceFacts(reading, inspectSettings, target, () => now);
  if (facts === undefined) {
    throw new Error("there is no such Service");
  }
  return explainService(facts, reading.unread);
}

async function expectTold(golden: string, name: string): Promise<void> {
  const explanation = await explain(name);
  for (const [form, width] of [
    ["wide", Number.POSITIVE_INFINITY],
    ["narrow", 80],
  ] as const) {
    const file = new URL(`${golden}.${form}.txt`, import.meta.url);
    expectGolden(file, formatExplanation(explanation, now, width));
  }
}

function addService(name: string, ingress: readonly string[], more: object = {}): void {
  const conditions = [
    { type: "steelyard.dev/AddressAssigned", status: "True", reason: "Assigned" },
    { type: "steelyard.dev/Announced", status: "True", reason: "Announced" },
    { type: "example.com/Other", status: "False", reason: "Whatever" },
  ].map((one) => ({ message: "", lastTransitionTime: ago(600), ...one }));
  cluster.put("services", {
    metadata: { name, namespace: "shop", uid: `uid-${name}` } as { name: string },
    ...{ spec: { type: "LoadBalancer", externalTrafficPolicy: "Cluster" } },
    status: { loadBalancer: { ingress: ingress.map((ip) => ({ ip })) }, conditions },
    ...more,
  } as never);
}

function addAllocation(address: string, more: object, ...services: readonly string[]): void {
  const holders = services.map((name) => ({ namespace: "shop", name, uid: name, ports: [] }));
  const metadata = { name: address, resourceVersion: "500", creationTimestamp: ago(90_000) };
  const spec = { address, pool: "public", state: "Allocated", holders, ...more };
  cluster.put("ipallocations", { metadata, spec } as never);
}

function addPool(): void {
  cluster.put("ipaddresspools", {
    metadata: { name: "public", namespace },
    spec: { addresses: ["192.0.2.0/28", "192.0.2.64-192.0.2.79"] },
    status: { assignedIPv4: 2, availableIPv4: 28, assignedIPv6: 0, availableIPv6: 0 },
  } as never);
}

/** An advertisement for nodes of rack 1, which prefers those with ssds. */
function addAdvertisement(): void {
  const selected = { matchLabels: { rack: "1" } };
  cluster.put("l2advertisements", {
    metadata: { name: "lan", namespace },
    spec: {
      nodeSelectors: [selected],
      preferredNodeSelectors: [{ weight: 10, preference: { matchLabels: { disk: "ssd" } } }],
    },
  } as never);
}

function addBundle(node: string, standbys: readonly string[], moved?: object): void {
  const spec = {
    advertisements: ["lan"],
    owner: { node, interfaces: [] },
    standbys: standbys.map((one) => ({ node: one, interfaces: [] })),
    ...{ term: 1, sequence: 2 },
    ...(moved === undefined ? {} : { moved }),
  };
  const metadata = { name: "l2-b1", resourceVersion: "510", creationTimestamp: ago(100_000) };
  cluster.put("l2bundles", { metadata, spec } as never);
}

/** Twenty nodes of all sorts, the Service `web` on two addresses, one of them shared. */
function addBusyCluster(): void {
  const rack1 = { rack: "1" };
  addNode(cluster, "node-1", { labels: rack1, heardAgo: 8_100 });
  addNode(cluster, "node-2", { labels: { ...rack1, disk: "ssd" }, announced: 2 });
  addNode(cluster, "node-3", { labels: { ...rack1, disk: "ssd" } });
  addNode(cluster, "node-4", { labels: rack1 });
  const excluded = { "node.kubernetes.io/exclude-from-external-load-balancers": "" };
  addNode(cluster, "node-5", { labels: { ...rack1, ...excluded } });
  addNode(cluster, "node-6", { labels: rack1, annotations: { "steelyard.dev/drain": "true" } });
  for (let i = 0; i < 14; i += 1) {
    addNode(cluster, `rack2-node-${String(i).padStart(2, "0")}`, { labels: { rack: "2" } });
  }
  addPool();
  addAdvertisement();
  addBundle("node-2", ["node-3", "node-1", "node-4"], {
    ...{ from: "node-1", reason: "SpeakerSilent", at: ago(8_094) },
  });
  addService("web", ["192.0.2.3", "192.0.2.4"]);
  addService("api", ["192.0.2.3"]);
  addAllocation("192.0.2.3", { bundle: "l2-b1" }, "web", "api");
  addAllocation("192.0.2.4", { bundle: "l2-b1" }, "web");
  cluster.put("addresspolicies", {
    metadata: { name: "tenants" },
    spec: { profile: "Strict" },
  } as never);
  cluster.put("servicel2statuses", {
    metadata: { name: "l2-1", namespace, creationTimestamp: ago(8_092) },
    status: { node: "node-2", serviceName: "web", serviceNamespace: "shop" },
  } as never);
  const event = (seconds: number, reason: string, message: string, count = 1): object => ({
    metadata: { name: `web.${seconds}`, namespace: "shop" },
    involvedObject: { kind: "Service", name: "web", uid: "uid-web" },
    source: { component: "steelyard-controller" },
    ...{ type: "Normal", reason, message, count, lastTimestamp: ago(seconds) },
  });
  cluster.put(
    "events",
    event(90_000, "IPAllocated", "Assigned: 192.0.2.3, 192.0.2.4 from pool public") as never,
    event(
      89_998,
      "nodeAssigned",
      "Announced: 192.0.2.3 by node-1; 192.0.2.4 by node-1",
      3,
    ) as never,
  );
}

describe("one screen tells of a Service", () => {
  test("with two addresses, one of them shared, that moved when their node died", async () => {
    addBusyCluster();
    await expectTold("moved", "web");
  });

  test("whose address nobody can announce", async () => {
    addNode(cluster, "node-1", { labels: { rack: "1" }, heardAgo: 60 });
    addNode(cluster, "node-2", { labels: { rack: "2" } });
    addPool();
    addAdvertisement();
    addService("web", ["192.0.2.3"]);
    addAllocation("192.0.2.3", {}, "web");
    await expectTold("nobody", "web");
  });

  test("whose traffic is local, by the nodes with Pods of it", async () => {
    for (const name of ["node-1", "node-2", "node-3"]) {
      addNode(cluster, name, { labels: { rack: "1" } });
    }
    addPool();
    addAdvertisement();
    addBundle("node-1", ["node-2", "node-3"]);
    addService("web", ["192.0.2.3"], {
      spec: { type: "LoadBalancer", externalTrafficPolicy: "Local" },
    });
    addAllocation("192.0.2.3", { bundle: "l2-b1" }, "web");
    cluster.put("endpointslices", {
      metadata: {
        ...{ name: "web-1", namespace: "shop" },
        labels: { "kubernetes.io/service-name": "web" },
      },
      endpoints: [
        { nodeName: "node-1", conditions: { ready: true } },
        { nodeName: "node-3", conditions: { ready: true } },
      ],
    } as never);
    await expectTold("local", "web");
  });

  test("that did not get what it asks for", async () => {
    const message = "192.0.2.9 is in use by another Service";
    const condition = { status: "False", reason: "AddressInUse", message };
    addPool();
    addService("web", [], {
      status: {
        conditions: [
          {
            ...{ type: "steelyard.dev/AddressAssigned", lastTransitionTime: ago(75) },
            ...condition,
          },
        ],
      },
    });
    await expectTold("refused", "web");
  });

  test("that is none of ours", async () => {
    addService("web", [], { spec: { type: "ClusterIP" }, status: {} });
    await expectTold("not-ours", "web");
  });

  test("as far as the user may know, and says what he lacks", async () => {
    addBusyCluster();
    for (const plural of ["nodes", "leases", "l2speakers", "ipaddresspools", "events"]) {
      cluster.forbidden.add(plural);
    }
    await expectTold("unread", "web");
  });
});

test("for programs it is this, which docs/commands.md describes", async () => {
  addBusyCluster();
  const explanation = await explain("web");
  const text = `${JSON.stringify(explanation, undefined, 2)}\n`;
  expectGolden(new URL("moved.json", import.meta.url), text);
});

test("names every node exactly once for every address", async () => {
  addBusyCluster();
  const { addresses } = await explain("web");
  expect(addresses).toHaveLength(2);
  for (const { nodes } of addresses) {
    expect(new Set(nodes.map(({ node }) => node)).size).toBe(20);
    expect(nodes.filter(({ role, reason }) => role !== "owner" && reason === undefined)).toEqual(
      [],
    );
  }
});

test("that a bundle moved before it had the address is not told of the address", async () => {
  addNode(cluster, "node-2", { labels: { rack: "1" } });
  addPool();
  addAdvertisement();
  addBundle("node-2", [], { from: "node-1", reason: "SpeakerSilent", at: ago(90_001) });
  addService("web", ["192.0.2.3"]);
  addAllocation("192.0.2.3", { bundle: "l2-b1" }, "web");
  const { addresses, changes } = await explain("web");
  expect(addresses[0]?.announcer?.from).toBeUndefined();
  expect(changes).toEqual([]);
});

test("an address that Steelyard did not give is told to be a stranger's", async () => {
  addPool();
  addService("web", ["203.0.113.7"]);
  const { addresses } = await explain("web");
  expect(addresses).toMatchObject([{ announced: "False", reason: "NotAllocated", holders: [] }]);
});
