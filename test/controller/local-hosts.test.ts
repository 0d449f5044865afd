import { expect, test } from "vitest";
import type { Sharer } from "../../src/controller/endpoint-hosts.ts";
import type { IpAddressPool } from "../../src/core/model/ip-address-pool.ts";
import type { L2Bundle } from "../../src/core/model/l2-bundle.ts";
import type { InterfaceState } from "../../src/core/net/network-interface.ts";
import { decodeEndpointNodes } from "../../src/kube/decode/endpoint-nodes.ts";
import { decodeL2Speaker } from "../../src/kube/decode/l2-speaker.ts";
import { decodeNode } from "../../src/kube/decode/node.ts";
import { decodeServiceL2Status } from "../../src/kube/decode/service-l2-status.ts";
import { ip } from "../core/net/arbitraries.ts";
import { Asked } from "./asked-work.ts";
import { configNamespace, KnownCluster } from "./known-cluster.ts";

const address = ip("192.0.2.10");
const local: Sharer = { key: "a/s1", labels: {}, localTraffic: true };
/** A cluster of nodes n1 to n4, all able to announce, and one advertisement for everything. */
class Nodes extends KnownCluster {
  #version = 50_000;

  constructor(
    rules: ConstructorParameters<typeof KnownCluster>[0] = {},
    spec: object = {},
    names: readonly string[] = ["n1", "n2", "n3", "n4"],
  ) {
    super(rules);
    const path = `/apis/metallb.io/v1beta1/namespaces/${configNamespace}/l2advertisements`;
    this.create(path, { namespace: configNamespace, name: "all" }, { spec });
    this.see();
    this.configuration.refresh();
    this.reports.load();
    for (const name of names) {
      this.putNode(name);
      this.putInterfaces(name, "Usable");
    }
    this.followAllocations();
  }

  /** The node's interface in the subnet of the addresses is as said; another one is usable. */
  putInterfaces(node: string, state: InterfaceState): void {
    const usable = state === "Usable";
    const lan = { name: "eth0", usable, carrier: usable, state, prefixes: ["192.0.2.240/24"] };
    const other = { name: "eth1", usable: true, carrier: true, state: "Usable" };
    const status = { interfaces: [lan, other] };
    this.stores.speakers.upsert(decodeL2Speaker({ metadata: this.#metadata(node), status }));
  }

  putNode(name: string, labels: object = {}, annotations: object = {}): void {
    const metadata = { ...this.#metadata(name), labels, annotations };
    this.stores.nodes.upsert(decodeNode({ metadata, status: {} }));
  }

  /** The Pods of the Service `a/s1` are on these nodes; `!` before those that only still serve. */
  putEndpoints(...nodes: readonly string[]): void {
    const endpoints = nodes.map((node) =>
      node.startsWith("!")
        ? { nodeName: node.slice(1), conditions: { ready: false, serving: true } }
        : { nodeName: node, conditions: { ready: true } },
    );
    const metadata = {
      ...this.#metadata("s1-x"),
      namespace: "a",
      labels: { "kubernetes.io/service-name": "s1" },
    };
    const slice = decodeEndpointNodes({ metadata, endpoints });
    if (slice !== undefined) {
      this.stores.endpoints.replace(new Map([[slice.key, slice]]), slice.resourceVersion);
    }
  }

  /** MetalLB's speaker on `node` announces the Service `a/s1`. */
  putStatus(node: string): void {
    const metadata = { ...this.#metadata("l2-x"), namespace: configNamespace };
    const status = { node, serviceName: "s1", serviceNamespace: "a" };
    this.stores.serviceL2Statuses.upsert(decodeServiceL2Status({ metadata, status }));
  }

  get pool(): IpAddressPool {
    return this.state.pools[0] as IpAddressPool;
  }

  /** Places the address, writes that down, and returns the bundle. */
  async put(sharer: Sharer): Promise<L2Bundle | undefined> {
    const place = await this.placement.place(address, [sharer], this.pool);
    const bundle = place.kind === "bundle" ? place.bundle : undefined;
    this.api.remove("others", "ipallocations", address);
    const holders = [{ namespace: "a", name: "s1", uid: "1", ports: [] }];
    const spec = { address, pool: "p1", holders, state: "Allocated", bundle };
    this.create("/apis/steelyard.dev/v1alpha1/ipallocations", { name: address }, { spec });
    this.see();
    return bundle === undefined ? undefined : this.stores.bundles.get(bundle)?.bundle;
  }

  /** Whether the address should stay where it was put. */
  isWell(sharer: Sharer): boolean {
    const known = this.stores.allocations.get(address)?.allocation;
    return known !== undefined && this.placement.isWellPlaced(known, [sharer], this.pool);
  }

  #metadata(name: string): { name: string; uid: string; resourceVersion: string } {
    this.#version += 1;
    return { name, uid: name, resourceVersion: String(this.#version) };
  }
}

const label = "node.kubernetes.io/exclude-from-external-load-balancers";

test("an address whose Pods are on more nodes than a bundle names is announced by one that may, wherever in the alphabet", async () => {
  const names = Array.from({ length: 100 }, (_, i) => `h${String(i).padStart(3, "0")}`);
  const cluster = new Nodes({}, { nodeSelectors: [{ matchLabels: { edge: "yes" } }] }, [
    ...names,
    "z1",
    "z2",
    "z3",
    "z4",
  ]);
  for (const edge of ["z1", "z2", "z3", "z4"]) {
    cluster.putNode(edge, { edge: "yes" });
  }
  cluster.putEndpoints(...names, "z1", "z2", "z3");
  await cluster.placement.reconcile();
  const place = await cluster.placement.place(address, [local], cluster.pool);
  expect(place.kind).toBe("bundle");
});

test("an address is placed without a look at the bundles of others, however many there are", async () => {
  const cluster = new Nodes();
  await cluster.placement.reconcile();
  let looks = 0;
  for (let i = 0; i < 500; i += 1) {
    const hosts = ["n4", `m${i}`];
    const owner = { node: "n4", interfaces: [] };
    const given = { name: `l${i}`, advertisements: ["all"], hosts, owner, standbys: [] };
    const bundle: L2Bundle = { ...given, version: { term: 1, sequence: 1 } };
    const watched = new Proxy(bundle, {
      get: (target, name) => {
        looks += 1;
        return Reflect.get(target, name);
      },
    });
    const stored = { key: given.name, uid: given.name, resourceVersion: cluster.api.version() };
    cluster.stores.bundles.upsert({ ...stored, bundle: watched });
  }
  cluster.putEndpoints("n2", "n3");
  looks = 0;
  const place = await cluster.placement.place(address, [local], cluster.pool);
  expect(place.kind).toBe("bundle");
  expect(looks).toBe(0);
});

test("Services that the same nodes serve share a bundle, and another for more nodes names them all", async () => {
  const cluster = new Nodes();
  const placed = async (...nodes: readonly string[]): Promise<L2Bundle | undefined> => {
    cluster.putEndpoints(...nodes);
    const place = await cluster.placement.place(address, [local], cluster.pool);
    cluster.see();
    return cluster.stores.bundles.get(place.kind === "bundle" ? place.bundle : "")?.bundle;
  };
  const two = await placed("n1", "n2");
  expect(two?.hosts).toEqual(["n1", "n2"]);
  expect((await placed("n1", "n2"))?.name).toBe(two?.name);
  const three = await placed("n1", "n2", "n3");
  expect(three?.hosts).toEqual(["n1", "n2", "n3"]);
  expect(three?.standbys).toHaveLength(2);
});

test("an address that no node with Pods could announce is looked at when one may again", async () => {
  const cluster = new Nodes();
  cluster.createService("s1");
  cluster.api.edit("user", "services", "a/s1", ({ spec }) => ({
    spec: { ...spec, externalTrafficPolicy: "Local" },
  }));
  cluster.see();
  cluster.putEndpoints("n1");
  await cluster.placement.reconcile();
  expect((await cluster.put(local))?.owner.node).toBe("n1");
  // The Pod moves to a node that may not announce for now.
  cluster.putNode("n2", { [label]: "" });
  cluster.putEndpoints("n2");
  expect(cluster.isWell(local)).toBe(true);
  const asked = new Asked(cluster);
  await asked.calm();
  cluster.putNode("n2");
  expect(await asked.of("bundles")).toEqual(["all"]);
  await cluster.placement.reconcile();
  expect(cluster.isWell(local)).toBe(false);
  expect(await asked.of("services")).toEqual(["a/s1"]);
});

test("an address without standby is looked at when another node with Pods may announce", async () => {
  const cluster = new Nodes();
  cluster.createService("s1");
  cluster.api.edit("user", "services", "a/s1", ({ spec }) => ({
    spec: { ...spec, externalTrafficPolicy: "Local" },
  }));
  cluster.see();
  cluster.putEndpoints("n1");
  await cluster.placement.reconcile();
  const bundle = await cluster.put(local);
  expect(bundle?.hosts).toEqual(["n1"]);
  cluster.putNode("n2", { [label]: "" });
  cluster.putEndpoints("n1", "n2");
  expect(cluster.isWell(local)).toBe(true);
  const asked = new Asked(cluster);
  await asked.calm();
  cluster.putNode("n2");
  await cluster.placement.reconcile();
  const afterReturn = await asked.of("services");
  expect(afterReturn).toEqual(["a/s1"]);
});

test("endpoints that go from one Service to another have both looked at", async () => {
  const cluster = new Nodes();
  for (const name of ["s1", "s2"]) {
    cluster.createService(name);
    cluster.api.edit("user", "services", `a/${name}`, ({ spec }) => ({
      spec: { ...spec, externalTrafficPolicy: "Local" },
    }));
  }
  cluster.see();
  cluster.putEndpoints("n1");
  const asked = new Asked(cluster);
  await asked.calm();
  const metadata = {
    name: "s1-x",
    namespace: "a",
    uid: "x",
    resourceVersion: "90000",
    labels: { "kubernetes.io/service-name": "s2" },
  };
  const endpoints = [{ nodeName: "n1", conditions: { ready: true } }];
  const slice = decodeEndpointNodes({ metadata, endpoints });
  if (slice !== undefined) {
    cluster.stores.endpoints.upsert(slice);
  }
  expect(await asked.of("services")).toEqual(["a/s1", "a/s2"]);
});

test("a node that announced a Service before gets nothing new while it is not Ready", async () => {
  const cluster = new Nodes();
  await cluster.placement.reconcile();
  cluster.putStatus("n3");
  const metadata = { name: "n3", uid: "n3", resourceVersion: "90001" };
  cluster.stores.nodes.upsert(
    decodeNode({ metadata, status: { conditions: [{ type: "Ready", status: "False" }] } }),
  );
  const bundle = await cluster.put({ key: "a/s1", labels: {} });
  expect(bundle?.owner.node).not.toBe("n3");
});
