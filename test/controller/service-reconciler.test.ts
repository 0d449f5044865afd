import { expect, test } from "vitest";
import { PendingServices } from "../../src/controller/pending-services.ts";
import { ServiceReconciler } from "../../src/controller/service-reconciler.ts";
import { UnreachableError } from "../../src/kube/api-error.ts";
import type { EventNote } from "../../src/kube/event-note.ts";
import { silentLog } from "../../src/runtime/log.ts";
import { configNamespace, KnownCluster } from "./known-cluster.ts";

const beyond = "192.0.2.13";

/** The leader's work on the Service `a/s1`, which asks for an address beyond the pool. */
async function wishfulService(told: EventNote[] = []): Promise<[KnownCluster, ServiceReconciler]> {
  const cluster = new KnownCluster();
  cluster.followAllocations();
  cluster.createService("s1");
  cluster.api.edit("user", "services", "a/s1", ({ metadata }) => ({
    metadata: { ...metadata, annotations: { "metallb.io/loadBalancerIPs": beyond } },
  }));
  cluster.see();
  const { pools, advertisements, policies } = cluster.stores;
  pools.replace(
    new Map([...pools.values()].map((pool) => [pool.key, pool])),
    cluster.api.version(),
  );
  advertisements.replace(new Map(), cluster.api.version());
  policies.replace(new Map(), cluster.api.version());
  await cluster.settle();
  const reconciler = new ServiceReconciler({
    ...cluster,
    pending: new PendingServices(),
    events: { record: (note) => told.push(note) },
    loadBalancerClass: "",
    log: silentLog,
  });
  return [cluster, reconciler];
}

async function setPool(cluster: KnownCluster, range: string): Promise<void> {
  cluster.api.edit("admin", "ipaddresspools", `${configNamespace}/p1`, () => ({
    spec: { addresses: [range], autoAssign: true },
  }));
  cluster.see();
  cluster.configuration.refresh();
  await cluster.settle();
}

test("a status that nobody heard of can show an address no longer once it is given back", async () => {
  const [cluster, reconciler] = await wishfulService();
  const { api } = cluster;
  await reconciler.reconcile("a/s1");
  await setPool(cluster, `192.0.2.10-${beyond}`);
  // The write that shows the address is under way, for long.
  cluster.beforeRequest = (asked): void => {
    if (asked.startsWith("PATCH")) {
      throw new UnreachableError("no answer");
    }
  };
  await expect(reconciler.reconcile("a/s1")).rejects.toThrow(UnreachableError);
  const asksFor = api.get("services", "a/s1")?.metadata.resourceVersion;
  expect(api.get("ipallocations", beyond)?.spec.state).toBe("Allocated");
  // The pool is again what it was, of which the status that we know speaks already.
  let atRelease = asksFor;
  cluster.beforeRequest = (asked): void => {
    if (asked.startsWith("PUT")) {
      atRelease = api.get("services", "a/s1")?.metadata.resourceVersion;
    }
  };
  await setPool(cluster, "192.0.2.10-192.0.2.12");
  await reconciler.reconcile("a/s1");
  expect(api.get("ipallocations", beyond)?.spec.state).toBe("Cooling");
  expect(atRelease).not.toBe(asksFor);
  expect(api.get("services", "a/s1")?.status.loadBalancer.ingress).toEqual([]);
});

test("a Service that is refused is told once, and not tried again", async () => {
  const [cluster, reconciler] = await wishfulService();
  await reconciler.reconcile("a/s1");
  const [condition] = cluster.api.get("services", "a/s1")?.status.conditions ?? [];
  expect(condition).toMatchObject({ status: "False", reason: "AddressNotInPool" });
  // What rejects is tried again; this does not, and writes nothing more.
  const asked = cluster.asked.length;
  await reconciler.reconcile("a/s1");
  expect(cluster.asked.slice(asked)).toEqual([]);
});

test("W19: what an old MetalLB left under its former prefix is no matter of an Event, nor of a second write", async () => {
  const told: EventNote[] = [];
  const [cluster, reconciler] = await wishfulService(told);
  cluster.api.edit("user", "services", "a/s1", ({ metadata }) => ({
    metadata: {
      ...metadata,
      annotations: {
        "metallb.universe.tf/ip-allocated-from-pool": "old",
        "metallb.universe.tf/address-pool": "p1",
      },
    },
  }));
  cluster.see();
  await reconciler.reconcile("a/s1");
  expect(cluster.api.get("services", "a/s1")?.status.loadBalancer.ingress).toHaveLength(1);
  expect(JSON.stringify(told)).not.toContain("universe");
  cluster.see();
  const [asked, said] = [cluster.asked.length, told.length];
  await reconciler.reconcile("a/s1");
  expect(cluster.asked.slice(asked)).toEqual([]);
  expect(told.slice(said)).toEqual([]);
});

test("a status that somebody else overwrote is written again, and an Event says so", async () => {
  const told: EventNote[] = [];
  const [cluster, reconciler] = await wishfulService(told);
  await setPool(cluster, `192.0.2.10-${beyond}`);
  await reconciler.reconcile("a/s1");
  expect(told.map(({ reason }) => reason)).not.toContain("StatusOverwritten");
  cluster.api.edit("k3s", "services", "a/s1", ({ status }) => ({
    status: { ...status, loadBalancer: { ingress: [{ ip: "192.0.2.241" }] } },
  }));
  cluster.see();
  await reconciler.reconcile("a/s1");
  expect(told.filter(({ reason }) => reason === "StatusOverwritten")).toEqual([
    expect.objectContaining({ type: "Warning", message: expect.stringMatching(/192\.0\.2\.241/) }),
  ]);
  const ingress = cluster.api.get("services", "a/s1")?.status.loadBalancer.ingress;
  expect(ingress).toEqual([{ ip: beyond }]);
});

test("while nothing can be judged yet a status stays as another controller left it, whatever is wrong with the wish", async () => {
  const [cluster, reconciler] = await wishfulService();
  const ingress = [{ ip: "192.0.2.11" }];
  cluster.api.edit("MetalLB", "services", "a/s1", () => ({
    status: { loadBalancer: { ingress } },
  }));
  cluster.see();
  cluster.state.networksKnown = false;
  await reconciler.reconcile("a/s1");
  expect(cluster.api.get("services", "a/s1")?.status.loadBalancer.ingress).toEqual(ingress);
  expect(cluster.api.list("ipallocations")).toEqual([]);
  cluster.state.networksKnown = true;
  await reconciler.reconcile("a/s1");
  expect(cluster.api.get("ipallocations", "192.0.2.11")?.spec.state).toBe("Allocated");
  const { status } = cluster.api.get("services", "a/s1") ?? {};
  expect(status.loadBalancer.ingress).toEqual(ingress);
  expect(status.conditions[0]).toMatchObject({ status: "True", reason: "AddressNotInPool" });
});
