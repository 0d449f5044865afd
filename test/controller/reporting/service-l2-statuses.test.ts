import { beforeEach, expect, test, vi } from "vitest";
import { ServiceL2Statuses } from "../../../src/controller/reporting/service-l2-statuses.ts";
import { decodeL2Bundle } from "../../../src/kube/decode/l2-bundle.ts";
import { decodeL2Speaker } from "../../../src/kube/decode/l2-speaker.ts";
import { decodeNode } from "../../../src/kube/decode/node.ts";
import { decodeServiceL2Status } from "../../../src/kube/decode/service-l2-status.ts";
import { silentLog } from "../../../src/runtime/log.ts";
import { configNamespace, KnownCluster } from "../known-cluster.ts";

const address = "192.0.2.10";
const path = `/apis/metallb.io/v1beta1/namespaces/${configNamespace}/servicel2statuses`;

let cluster: KnownCluster;
let busy: boolean;

beforeEach(async () => {
  cluster = new KnownCluster();
  cluster.followAllocations();
  busy = false;
  const options = { configNamespace, isBusy: (): boolean => busy, log: silentLog };
  const statuses = new ServiceL2Statuses({ ...cluster, ...options });
  statuses.start();
  void statuses.run(new AbortController().signal);
  for (const name of ["n1", "n2"]) {
    cluster.create("/api/v1/nodes", { name });
    const { metadata } = cluster.api.get("nodes", name) ?? {};
    cluster.stores.nodes.upsert(decodeNode({ metadata }));
    report(name);
  }
  cluster.createService("web");
  putBundle("n1");
  cluster.allocate(address, "web");
  cluster.api.edit("leader", "ipallocations", address, ({ spec }) => ({
    spec: { ...spec, bundle: "b1" },
  }));
  cluster.see();
  report("n1");
  await tellAnnounced(`${address} by n1`);
});

/** The bundle `b1` is the node's, on these interfaces; its speaker knows nothing of it yet. */
function putBundle(node: string, ...interfaces: readonly string[]): void {
  const versions = { term: 1, sequence: Number(cluster.api.version()) };
  const spec = { advertisements: ["lan"], owner: { node, interfaces }, standbys: [], ...versions };
  if (cluster.api.get("l2bundles", "b1") === undefined) {
    cluster.create("/apis/steelyard.dev/v1alpha1/l2bundles", { name: "b1" }, { spec });
  }
  cluster.api.edit("leader", "l2bundles", "b1", () => ({ spec }));
  cluster.see();
}

/** The node's speaker has put in force all that there is, but for what fails. */
function report(node: string, ...failing: readonly string[]): void {
  const applied = { allocations: newVersion(), bundles: newVersion() };
  const failures = failing.map((one) => ({ address: one, reason: "LinkFailed", message: "no" }));
  const metadata = { name: node, uid: node, resourceVersion: newVersion() };
  cluster.stores.speakers.upsert(decodeL2Speaker({ metadata, status: { applied, failures } }));
}

/** A version of the API that nothing has had yet. */
function newVersion(): string {
  const name = `n${cluster.api.version()}`;
  cluster.create("/api/v1/namespaces", { name });
  return cluster.api.version();
}

/** The Service's status says something else than before about who announces it. */
async function tellAnnounced(message: string, status = "True"): Promise<void> {
  const conditions = [{ type: "steelyard.dev/Announced", status, reason: "Announced", message }];
  cluster.api.edit("leader", "services", "a/web", () => ({ status: { conditions } }));
  cluster.see();
  await settle();
}

/** What is written to the kind is seen, and time passes. */
async function settle(ms = 1_000): Promise<void> {
  for (let round = 0; round < 4; round += 1) {
    const known = cluster.api.list("servicel2statuses").map(decodeServiceL2Status);
    cluster.stores.serviceL2Statuses.replace(
      new Map(known.map((one) => [one.key, one])),
      newVersion(),
    );
    await cluster.clock.advance(ms);
  }
}

function told(): readonly unknown[] {
  return cluster.api.list("servicel2statuses").map(({ status }) => status);
}

function ofWeb(node: string, ...interfaces: readonly string[]): object {
  const names = interfaces.map((name) => ({ name }));
  return { node, serviceName: "web", serviceNamespace: "a", interfaces: names };
}

test("says as MetalLB's which node announces the Service, with its labels, and goes with the Node", async () => {
  const [object] = cluster.api.list("servicel2statuses");
  expect(object?.status).toEqual(ofWeb("n1"));
  expect(object?.metadata).toMatchObject({
    name: expect.stringMatching(/^l2-[0-9a-f]{16}$/),
    namespace: configNamespace,
    labels: {
      "metallb.io/node": "n1",
      "metallb.io/service-name": "web",
      "metallb.io/service-namespace": "a",
    },
    ownerReferences: [{ kind: "Node", name: "n1" }],
  });
});

test("another node gets an object of its own once it has reported; no status ever changes its node", async () => {
  const [before] = cluster.api.list("servicel2statuses");
  cluster.asked.length = 0;
  putBundle("n2");
  await tellAnnounced("n2 was chosen", "Unknown");
  expect(cluster.api.list("servicel2statuses")).toEqual([before]);
  report("n2");
  await tellAnnounced(`${address} by n2`);
  expect(told()).toEqual([ofWeb("n2")]);
  const [after] = cluster.api.list("servicel2statuses");
  expect(after?.metadata.name).not.toBe(before?.metadata.name);
  expect(cluster.asked.map((one) => one.split(" ")[0])).toEqual(["POST", "PATCH", "DELETE"]);
});

test("back on the first node the object has its first name again: names are made of Service and node", async () => {
  const name = (): string | undefined => cluster.api.list("servicel2statuses")[0]?.metadata.name;
  const first = name();
  for (const node of ["n2", "n1"]) {
    putBundle(node);
    report(node);
    await tellAnnounced(`${address} by ${node}`);
  }
  expect(name()).toBe(first);
});

test("of all allocations only those in a bundle are looked at when that comes or changes", () => {
  const all = vi.spyOn(cluster.stores.allocations, "values");
  for (const name of ["b1", "b2"]) {
    const owner = { node: "n1", interfaces: ["eth1"] };
    const spec = { advertisements: ["lan"], owner, standbys: [], term: 1, sequence: 9 };
    const metadata = { name, uid: name, resourceVersion: newVersion() };
    cluster.stores.bundles.upsert(decodeL2Bundle({ metadata, spec }));
    expect(cluster.stores.bundles.get(name)?.bundle.owner).toEqual(owner);
  }
  expect(all).not.toHaveBeenCalled();
});

test("names the interfaces that advertisements name, sorted, and follows a change of them", async () => {
  putBundle("n1", "eth1", "eth0");
  report("n1");
  await settle();
  expect(told()).toEqual([ofWeb("n1", "eth0", "eth1")]);
});

test("is gone when the address is not announced any more, and when the Service is gone", async () => {
  report("n1", address);
  await tellAnnounced("the link failed", "False");
  expect(told()).toEqual([]);
  report("n1");
  await tellAnnounced(`${address} by n1`);
  expect(told()).toEqual([ofWeb("n1")]);
  cluster.api.remove("user", "services", "a/web");
  cluster.see();
  await settle();
  expect(told()).toEqual([]);
});

test("nothing is written while nothing changes, whatever else changes at the Service", async () => {
  cluster.asked.length = 0;
  cluster.api.edit("user", "services", "a/web", ({ metadata }) => ({
    metadata: { ...metadata, labels: { a: "b" } },
  }));
  cluster.see();
  await settle();
  expect(cluster.asked).toEqual([]);
});

test("one that somebody wrote for another node under our name is made anew instead of failing for ever", async () => {
  const [object] = cluster.api.list("servicel2statuses");
  const key = `${configNamespace}/${object?.metadata.name}`;
  cluster.api.edit("user", "servicel2statuses", key, () => ({ status: ofWeb("n9") }));
  await settle();
  expect(told()).toEqual([ofWeb("n1")]);
  expect(cluster.api.get("servicel2statuses", key)?.metadata.uid).not.toBe(object?.metadata.uid);
});

test("one that was left without an owner goes, also of a Service that is none any more", async () => {
  const labels = { "metallb.io/service-name": "old", "metallb.io/service-namespace": "a" };
  const metadata = { name: "l2-left", namespace: configNamespace, labels };
  cluster.create(path, metadata, { status: { ...ofWeb("n2"), serviceName: "old" } });
  cluster.create(path, { ...metadata, name: "l2-abcde" }, { status: ofWeb("n2") });
  await settle();
  expect(told()).toEqual([ofWeb("n1")]);
});

test("MetalLB's own, of a speaker's Pod, is let alone, and ours waits until the garbage collector has taken it", async () => {
  const metadata = {
    name: "l2-x7k2p",
    namespace: configNamespace,
    ownerReferences: [{ apiVersion: "v1", kind: "Pod", name: "speaker-1", uid: "gone" }],
  };
  cluster.create(path, metadata, { status: ofWeb("n2") });
  await settle();
  expect(told()).toEqual([ofWeb("n1"), ofWeb("n2")]);
  cluster.asked.length = 0;
  putBundle("n2");
  report("n2");
  await tellAnnounced(`${address} by n2`);
  expect(cluster.asked).toEqual([expect.stringMatching(/^DELETE servicel2statuses /)]);
  expect(told()).toEqual([ofWeb("n2")]);
  cluster.api.remove("gc", "servicel2statuses", `${configNamespace}/l2-x7k2p`);
  await settle();
  expect(told()).toEqual([ofWeb("n2")]);
  expect(cluster.api.list("servicel2statuses")[0]?.metadata.name).not.toBe("l2-x7k2p");
});

test("writes at most 50 a second, and gives way to more urgent work", async () => {
  const writesWithin = async (ms: number): Promise<number> => {
    cluster.asked.length = 0;
    await cluster.clock.advance(ms);
    return cluster.asked.length;
  };
  for (let i = 0; i < 200; i += 1) {
    const left = { name: `l2-left${i}`, namespace: configNamespace };
    cluster.create(path, left, { status: { ...ofWeb("n2"), serviceName: `old${i}` } });
  }
  const known = cluster.api.list("servicel2statuses").map(decodeServiceL2Status);
  cluster.stores.serviceL2Statuses.replace(
    new Map(known.map((one) => [one.key, one])),
    newVersion(),
  );
  expect(await writesWithin(1_000)).toBeLessThanOrEqual(51);
  busy = true;
  await cluster.clock.advance(100);
  expect(await writesWithin(1_000)).toBeLessThanOrEqual(10);
});
