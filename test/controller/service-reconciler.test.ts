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
    onLiveEnded: () => undefined,
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

test("an overwritten status is told of once it is put right, however often that had to be tried", async () => {
  const told: EventNote[] = [];
  const [cluster, reconciler] = await wishfulService(told);
  await setPool(cluster, `192.0.2.10-${beyond}`);
  await reconciler.reconcile("a/s1");
  cluster.api.edit("k3s", "services", "a/s1", ({ status }) => ({
    status: { ...status, loadBalancer: { ingress: [{ ip: "192.0.2.241" }] } },
  }));
  cluster.see();
  cluster.beforeRequest = (asked): void => {
    if (asked.startsWith("PATCH")) {
      throw new UnreachableError("no answer");
    }
  };
  const overwritten = (): number =>
    told.filter(({ reason }) => reason === "StatusOverwritten").length;
  await expect(reconciler.reconcile("a/s1")).rejects.toThrow(UnreachableError);
  expect(overwritten()).toBe(0);
  cluster.beforeRequest = (): void => undefined;
  await reconciler.reconcile("a/s1");
  expect(overwritten()).toBe(1);
});

test("a host name that another controller adds to a status is taken out again, and an Event says so", async () => {
  const told: EventNote[] = [];
  const [cluster, reconciler] = await wishfulService(told);
  await setPool(cluster, `192.0.2.10-${beyond}`);
  await reconciler.reconcile("a/s1");
  cluster.api.edit("cloud", "services", "a/s1", ({ status }) => ({
    status: {
      ...status,
      loadBalancer: { ingress: [{ ip: beyond }, { hostname: "lb.example.com" }] },
    },
  }));
  cluster.see();
  await reconciler.reconcile("a/s1");
  expect(told.filter(({ reason }) => reason === "StatusOverwritten")).toEqual([
    expect.objectContaining({ message: expect.stringMatching(/^the status had lb\.example\.com/) }),
  ]);
  const ingress = cluster.api.get("services", "a/s1")?.status.loadBalancer.ingress;
  expect(ingress).toEqual([{ ip: beyond }]);
});

test("while nothing can be judged yet a status stays as another controller left it, whatever is wrong with the wish", async () => {
  const [cluster, reconciler] = await wishfulService();
  const ingress = [{ ip: "192.0.2.11" }, { hostname: "lb.example.com" }];
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
  expect(status.loadBalancer.ingress).toEqual(ingress.slice(0, 1));
  expect(status.conditions[0]).toMatchObject({ status: "True", reason: "AddressNotInPool" });
});

test("Services that share an address and are satisfied cost no request; one that collides loses it with an Event", async () => {
  const told: EventNote[] = [];
  const [cluster, reconciler] = await wishfulService(told);
  cluster.createService("s2", { key: "x", port: 80 });
  cluster.createService("s3", { key: "x", port: 81 });
  cluster.see();
  const look = async (): Promise<readonly string[]> => {
    const before = cluster.asked.length;
    await reconciler.reconcile("a/s2");
    await reconciler.reconcile("a/s3");
    return cluster.asked.slice(before);
  };
  const ingress = (name: string): object =>
    cluster.api.get("services", `a/${name}`)?.status.loadBalancer.ingress;
  await look();
  expect([ingress("s2"), ingress("s3")]).toEqual([[{ ip: "192.0.2.10" }], [{ ip: "192.0.2.10" }]]);
  expect(await look()).toEqual([]);
  cluster.api.edit("user", "services", "a/s3", ({ spec }) => ({
    spec: { ...spec, ports: [{ protocol: "TCP", port: 80 }] },
  }));
  cluster.see();
  await look();
  expect([ingress("s2"), ingress("s3")]).toEqual([[{ ip: "192.0.2.10" }], [{ ip: "192.0.2.11" }]]);
  expect(told.filter(({ reason }) => reason === "ClearAssignment")).toEqual([
    expect.objectContaining({
      type: "Warning",
      object: expect.objectContaining({ name: "s3" }),
      message: expect.stringMatching(
        /^SharingConflict: .*192\.0\.2\.10 is in use by Service a\/s2, and port TCP\/80/,
      ),
    }),
  ]);
});

/** `s2` has .10 on port 80 and wants port 81, with which `s3` is about to join: that write is under way. */
async function joinUnderWay(): Promise<{
  readonly cluster: KnownCluster;
  readonly reconciler: ServiceReconciler;
  readonly joined: Promise<unknown>;
  readonly end: (error?: Error) => void;
}> {
  const [cluster, reconciler] = await wishfulService();
  cluster.createService("s2", { key: "x", port: 80 });
  cluster.createService("s3", { key: "x", port: 81 });
  cluster.see();
  await reconciler.reconcile("a/s2");
  cluster.api.edit("user", "services", "a/s2", ({ spec }) => ({
    spec: { ...spec, ports: [{ protocol: "TCP", port: 81 }] },
  }));
  cluster.see();
  const underWay = Promise.withResolvers<void>();
  const replace = cluster.writer.replace.bind(cluster.writer);
  cluster.writer.replace = async (...request): Promise<unknown> => {
    cluster.writer.replace = replace;
    await underWay.promise;
    return replace(...request);
  };
  const joined = reconciler.reconcile("a/s3");
  const end = (error?: Error): void =>
    error === undefined ? underWay.resolve() : underWay.reject(error);
  return { cluster, reconciler, joined, end };
}

const held = (cluster: KnownCluster, address: string): object =>
  (cluster.api.get("ipallocations", address)?.spec.holders ?? []).map(
    ({ name, ports }: { name: string; ports: { port: number }[] }) => `${name}:${ports[0]?.port}`,
  );

test("who changes so that it collides with a join that is never written keeps its address, and its status all the while", async () => {
  const { cluster, reconciler, joined, end } = await joinUnderWay();
  const shown: unknown[] = [];
  cluster.beforeRequest = (): void => {
    shown.push(cluster.api.get("services", "a/s2")?.status.loadBalancer.ingress);
  };
  const changed = reconciler.reconcile("a/s2");
  end(new Error("refused"));
  await expect(joined).rejects.toThrow("refused");
  await changed;
  expect(held(cluster, "192.0.2.10")).toEqual(["s2:81"]);
  expect(shown).toEqual(shown.map(() => [{ ip: "192.0.2.10" }]));
  expect(cluster.api.get("ipallocations", "192.0.2.11")).toBeUndefined();
});

test("who changes so that it collides with a join that is written gives way to it", async () => {
  const { cluster, reconciler, joined, end } = await joinUnderWay();
  const changed = reconciler.reconcile("a/s2");
  end();
  await Promise.all([joined, changed]);
  expect(held(cluster, "192.0.2.10")).toEqual(["s3:81"]);
  expect(held(cluster, "192.0.2.11")).toEqual(["s2:81"]);
});
