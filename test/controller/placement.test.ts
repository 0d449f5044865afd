import { describe, expect, test } from "vitest";
import type { Sharer } from "../../src/controller/endpoint-hosts.ts";
import type { Place } from "../../src/controller/placement.ts";
import type { IpAddressPool } from "../../src/core/model/ip-address-pool.ts";
import type { L2Bundle } from "../../src/core/model/l2-bundle.ts";
import type { InterfaceState } from "../../src/core/net/network-interface.ts";
import { decodeEndpointNodes } from "../../src/kube/decode/endpoint-nodes.ts";
import { decodeL2Speaker } from "../../src/kube/decode/l2-speaker.ts";
import { decodeNode } from "../../src/kube/decode/node.ts";
import { decodeServiceL2Status } from "../../src/kube/decode/service-l2-status.ts";
import { ip } from "../core/net/arbitraries.ts";
import { configNamespace, KnownCluster } from "./known-cluster.ts";

const address = ip("192.0.2.10");
const local: Sharer = { key: "a/s1", labels: {}, localTraffic: true };
const anyNode: Sharer = { key: "a/s1", labels: {} };

/** A cluster of nodes n1 to n4, all able to announce, and one advertisement for everything. */
class Nodes extends KnownCluster {
  #version = 50_000;

  constructor(rules: ConstructorParameters<typeof KnownCluster>[0] = {}, spec: object = {}) {
    super(rules);
    const path = `/apis/metallb.io/v1beta1/namespaces/${configNamespace}/l2advertisements`;
    this.create(path, { namespace: configNamespace, name: "all" }, { spec });
    this.see();
    this.configuration.refresh();
    this.reports.load();
    for (const name of ["n1", "n2", "n3", "n4"]) {
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

function ownerOf(bundle: L2Bundle | undefined): string | undefined {
  return bundle?.owner.node;
}

function standbysOf(bundle: L2Bundle | undefined): readonly string[] | undefined {
  return bundle?.standbys.map(({ node }) => node).sort();
}

describe("an address that only Pods on the announcing node serve", () => {
  test("is announced where they are, and would be by others where they are", async () => {
    const cluster = new Nodes();
    cluster.putEndpoints("n2", "n3");
    const bundle = await cluster.put(local);
    expect([ownerOf(bundle), standbysOf(bundle)].flat().sort()).toEqual(["n2", "n3"]);
    expect(bundle?.hosts).toEqual(["n2", "n3"]);
    expect(cluster.isWell(local)).toBe(true);
  });

  test("goes to a common bundle where Pods are on all of its nodes", async () => {
    const cluster = new Nodes();
    cluster.putEndpoints("n1", "n2", "n3", "n4");
    await cluster.placement.reconcile();
    expect((await cluster.put(local))?.hosts).toBeUndefined();
  });

  test("stays on its node as long as it has one there, and has standbys as far as there are", async () => {
    const cluster = new Nodes();
    cluster.putEndpoints("n2");
    expect(ownerOf(await cluster.put(local))).toBe("n2");
    cluster.putEndpoints("n1", "n2", "n4");
    expect(cluster.isWell(local)).toBe(false);
    const bundle = await cluster.put(local);
    expect([ownerOf(bundle), standbysOf(bundle)]).toEqual(["n2", ["n1", "n4"]]);
    cluster.putEndpoints("n1", "n2", "n3", "n4");
    expect(cluster.isWell(local)).toBe(true);
    cluster.putEndpoints("n2", "n3");
    expect(cluster.isWell(local)).toBe(false);
    expect(standbysOf(await cluster.put(local))).toEqual(["n3"]);
  });

  test("moves when its node has only Pods left that are about to end, and others have ready ones", async () => {
    const cluster = new Nodes();
    cluster.putEndpoints("n2");
    await cluster.put(local);
    cluster.putEndpoints("!n2", "n3");
    expect(cluster.isWell(local)).toBe(false);
    expect(ownerOf(await cluster.put(local))).toBe("n3");
  });

  test.each<[string, readonly string[]]>([
    ["there is no Pod anywhere", []],
    ["Pods that are about to end are all there is", ["!n2"]],
    ["Pods are on nodes only that may not announce", ["elsewhere"]],
  ])("stays where it is when %s", async (_, nodes) => {
    const cluster = new Nodes();
    cluster.putEndpoints("n2");
    await cluster.put(local);
    cluster.putEndpoints(...nodes);
    expect(cluster.isWell(local)).toBe(true);
    expect(ownerOf(await cluster.put(local))).toBe("n2");
  });

  test("is announced by nobody from the start where none of its nodes may", async () => {
    const cluster = new Nodes();
    cluster.putEndpoints("elsewhere");
    const place = await cluster.placement.place(address, [local], cluster.pool);
    expect(place).toEqual({ kind: "none", reason: "NoEligibleNode" });
  });

  test("is announced anywhere until endpoints are known, and then moves there", async () => {
    const cluster = new Nodes();
    const before = await cluster.put(local);
    expect(before?.hosts).toBeUndefined();
    expect(cluster.isWell(local)).toBe(true);
    const other = ownerOf(before) === "n3" ? "n4" : "n3";
    cluster.putEndpoints(other);
    expect(cluster.isWell(local)).toBe(false);
    expect(ownerOf(await cluster.put(local))).toBe(other);
  });

  test("leaves its own bundle, on the same node, once all nodes serve it", async () => {
    const cluster = new Nodes();
    cluster.putEndpoints("n4");
    const own = await cluster.put(local);
    expect(cluster.isWell(anyNode)).toBe(false);
    const common = await cluster.put(anyNode);
    expect([ownerOf(common), common?.hosts]).toEqual(["n4", undefined]);
    await cluster.clock.advance(60_001);
    await cluster.placement.reconcile();
    expect(cluster.stores.bundles.get(own?.name ?? "")).toBeUndefined();
  });

  test("gets a bundle that no plan made at the same time takes away for being empty", async () => {
    const cluster = new Nodes();
    cluster.putEndpoints("n2");
    const [bundle] = await Promise.all([cluster.put(local), cluster.placement.reconcile()]);
    cluster.see();
    expect(cluster.stores.bundles.get(bundle?.name ?? "")).toBeDefined();
    expect(cluster.isWell(local)).toBe(true);
  });

  test("goes to one of them that can, when its node leaves", async () => {
    const cluster = new Nodes();
    cluster.putEndpoints("n2", "n3");
    const before = await cluster.put(local);
    const [owner = "", other = ""] = [ownerOf(before), standbysOf(before)?.[0]];
    cluster.putNode(owner, {}, { "steelyard.dev/drain": "true" });
    await cluster.placement.reconcile();
    const after = cluster.stores.bundles.get(before?.name ?? "")?.bundle;
    expect(after).toMatchObject({ owner: { node: other }, moved: { reason: "NodeDraining" } });
    expect(cluster.isWell(local)).toBe(true);
  });
});

test("with --withdraw-without-endpoints nobody announces what nobody serves, whatever its policy", async () => {
  const cluster = new Nodes({ withdrawWithoutEndpoints: true });
  const placeOf = async (): Promise<Place> =>
    await cluster.placement.place(address, [anyNode], cluster.pool);
  expect((await placeOf()).kind).toBe("bundle");
  cluster.putEndpoints();
  expect(await placeOf()).toEqual({ kind: "none", reason: "NoEndpoints" });
  expect(await cluster.put(anyNode)).toBeUndefined();
  expect(cluster.isWell(anyNode)).toBe(true);
  cluster.putEndpoints("!n1");
  expect(cluster.isWell(anyNode)).toBe(false);
  expect((await placeOf()).kind).toBe("bundle");
});

test("an address moves to a node with a link to its subnet, and not back when the other has its own again", async () => {
  const cluster = new Nodes();
  await cluster.placement.reconcile();
  const before = await cluster.put(anyNode);
  const owner = ownerOf(before) ?? "";
  cluster.putInterfaces(owner, "NoCarrier");
  await cluster.placement.reconcile();
  const bundle = (): L2Bundle | undefined => cluster.stores.bundles.get(before?.name ?? "")?.bundle;
  const heir = ownerOf(bundle());
  expect(heir).not.toBe(owner);
  expect(bundle()?.moved?.reason).toBe("NoUsableInterface");
  cluster.putInterfaces(owner, "Usable");
  await cluster.placement.reconcile();
  expect(ownerOf(bundle())).toBe(heir);
});

test("falls silent when its Service's labels are selected no longer, and is announced again when they are", async () => {
  const cluster = new Nodes({}, { serviceSelectors: [{ matchLabels: { team: "edge" } }] });
  const edge: Sharer = { ...anyNode, labels: { team: "edge" } };
  expect(ownerOf(await cluster.put(edge))).toBeDefined();
  const place = await cluster.placement.place(address, [anyNode], cluster.pool);
  expect(place).toEqual({ kind: "none", reason: "NoAdvertisement" });
  expect(await cluster.put(anyNode)).toBeUndefined();
  expect(cluster.isWell(edge)).toBe(false);
  expect(ownerOf(await cluster.put(edge))).toBeDefined();
});

describe("a node is chosen", () => {
  const label = "node.kubernetes.io/exclude-from-external-load-balancers";
  const preferredNodeSelectors = [{ weight: 5, preference: { matchLabels: { edge: "yes" } } }];

  test("that the advertisement prefers, but nothing that is announced moves there at once", async () => {
    const cluster = new Nodes({}, { preferredNodeSelectors });
    cluster.putNode("n2", { edge: "yes" });
    await cluster.placement.reconcile();
    expect(ownerOf(await cluster.put(anyNode))).toBe("n2");
    cluster.putNode("n2");
    cluster.putNode("n3", { edge: "yes" });
    await cluster.placement.reconcile();
    expect(cluster.isWell(anyNode)).toBe(true);
    expect(ownerOf(await cluster.put(anyNode))).toBe("n2");
  });

  test("that it is to move to, once", async () => {
    const cluster = new Nodes();
    await cluster.placement.reconcile();
    const before = ownerOf(await cluster.put(anyNode));
    const other = before === "n1" ? "n4" : "n1";
    cluster.placement.wishMove(address, other);
    expect(cluster.isWell(anyNode)).toBe(false);
    expect(ownerOf(await cluster.put(anyNode))).toBe(other);
    cluster.placement.wishMove(address, "gone");
    expect(ownerOf(await cluster.put(anyNode))).toBe(other);
    expect(cluster.isWell(anyNode)).toBe(true);
  });

  test.each(["n1", "n2", "n3", "n4"])("that announced it under MetalLB: %s", async (node) => {
    const cluster = new Nodes();
    await cluster.placement.reconcile();
    cluster.putStatus(node);
    expect(ownerOf(await cluster.put(anyNode))).toBe(node);
  });

  test("though it is excluded, with --ignore-exclude-lb", async () => {
    for (const ignoreExcludeLabel of [false, true]) {
      const cluster = new Nodes({ ignoreExcludeLabel });
      for (const name of ["n1", "n2", "n3", "n4"]) {
        cluster.putNode(name, { [label]: "" });
      }
      const place = await cluster.placement.place(address, [anyNode], cluster.pool);
      expect(place.kind).toBe(ignoreExcludeLabel ? "bundle" : "none");
    }
  });
});
