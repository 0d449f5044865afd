import { describe, expect, test } from "vitest";
import { ServiceReconciler } from "../../src/controller/service-reconciler.ts";
import { UnreachableError } from "../../src/kube/api-error.ts";
import { silentLog } from "../../src/runtime/log.ts";
import { ip } from "../core/net/arbitraries.ts";
import { Asked } from "./asked-work.ts";
import { KnownCluster } from "./known-cluster.ts";

const policies = "/apis/steelyard.dev/v1alpha1/addresspolicies";

/** A cluster where another controller gave `shown` to the Service `a/s1`; nothing is recorded. */
class FoundCluster extends KnownCluster {
  constructor(shown: string) {
    super();
    this.followAllocations();
    this.createService("s1");
    this.show("s1", [shown]);
  }

  show(name: string, shown: readonly string[]): void {
    this.api.edit("MetalLB", "services", `a/${name}`, () => ({
      status: { loadBalancer: { ingress: shown.map((address) => ({ ip: address })) } },
    }));
    this.see();
  }

  exclude(excludedAddresses: readonly string[]): void {
    if (this.api.get("addresspolicies", "lan") === undefined) {
      this.create(policies, { name: "lan" }, { spec: { excludedAddresses } });
    } else {
      this.api.edit("admin", "addresspolicies", "lan", () => ({ spec: { excludedAddresses } }));
    }
    this.see();
  }

  ingressOf(name: string): unknown {
    return this.api.get("services", `a/${name}`)?.status.loadBalancer?.ingress;
  }

  condition(name: string): unknown {
    return this.api.get("services", `a/${name}`)?.status.conditions[0];
  }
}

/** A leader that begins in `cluster`: what it is asked to do, and its work on Services. */
async function begin(
  cluster: FoundCluster,
): Promise<{ readonly asked: Asked; readonly reconciler: ServiceReconciler }> {
  const { pools, advertisements, policies: known } = cluster.stores;
  const version = cluster.api.version();
  pools.replace(new Map([...pools.values()].map((pool) => [pool.key, pool])), version);
  advertisements.replace(new Map(), version);
  known.replace(new Map([...known.values()].map((policy) => [policy.key, policy])), version);
  cluster.state.load();
  cluster.state.takeOver(cluster.clock.wallTime());
  const asked = new Asked(cluster);
  await asked.calm();
  const reconciler = new ServiceReconciler({
    ...{ ...cluster, pending: asked.pending, events: { record: () => undefined } },
    ...{ loadBalancerClass: "", log: silentLog },
    onLiveEnded: (address) => asked.triggers.addressFreed(address),
  });
  return { asked, reconciler };
}

describe("at a first start", () => {
  test("what a policy excludes stays with who has it, and the condition says so as long as it does", async () => {
    const cluster = new FoundCluster("192.0.2.11");
    cluster.exclude(["192.0.2.11"]);
    const { asked, reconciler } = await begin(cluster);
    await reconciler.reconcile("a/s1");
    expect(cluster.ingressOf("s1")).toEqual([{ ip: "192.0.2.11" }]);
    expect(cluster.condition("s1")).toMatchObject({
      ...{ type: "steelyard.dev/AddressAssigned", status: "True", reason: "AddressExcluded" },
      message: expect.stringMatching(
        /^keeps 192\.0\.2\.11 from pool p1: 192\.0\.2\.11 is excluded by AddressPolicy lan, .*loadBalancerIPs/,
      ),
    });
    const before = cluster.asked.length;
    await reconciler.reconcile("a/s1");
    expect(cluster.asked.slice(before)).toEqual([]);
    await asked.calm();
    cluster.exclude([]);
    expect(await asked.of("services")).toEqual(["a/s1"]);
    await reconciler.reconcile("a/s1");
    expect(cluster.condition("s1")).toMatchObject({ status: "True", reason: "Assigned" });
  });

  test("nobody else is given what a Service has, while that cannot be recorded", async () => {
    const cluster = new FoundCluster("192.0.2.10");
    cluster.createService("s2");
    cluster.createService("s3");
    cluster.api.edit("user", "services", "a/s3", ({ metadata }) => ({
      metadata: { ...metadata, annotations: { "metallb.io/loadBalancerIPs": "192.0.2.10" } },
    }));
    cluster.see();
    const { reconciler } = await begin(cluster);
    cluster.beforeRequest = (request): void => {
      if (request.startsWith("POST") && request.endsWith("ipallocations")) {
        throw new UnreachableError("no answer");
      }
    };
    await expect(reconciler.reconcile("a/s1")).rejects.toThrow(UnreachableError);
    cluster.beforeRequest = () => undefined;
    await reconciler.reconcile("a/s2");
    await reconciler.reconcile("a/s3");
    await reconciler.reconcile("a/s1");
    expect(cluster.ingressOf("s2")).toEqual([{ ip: "192.0.2.11" }]);
    expect(cluster.ingressOf("s1")).toEqual([{ ip: "192.0.2.10" }]);
  });

  test("those who wait for an address are told when its Service did not get it", async () => {
    const cluster = new FoundCluster("192.0.2.10");
    const { asked, reconciler } = await begin(cluster);
    asked.pending.add("a/waits", { addresses: ["192.0.2.10"], wants: [] });
    cluster.api.edit("user", "services", "a/s1", () => ({ spec: { type: "ClusterIP" } }));
    cluster.see();
    await asked.calm();
    expect(cluster.state.denyList.reasonAgainst(ip("192.0.2.10"), "a/waits")).toBeDefined();
    await reconciler.reconcile("a/s1");
    expect(cluster.state.denyList.isLive(ip("192.0.2.10"), "a/s1")).toBe(false);
    expect(await asked.of("services")).toContain("a/waits");
  });

  test("nothing is judged before it can be: what is live stays so", async () => {
    const cluster = new FoundCluster("192.0.2.10");
    const { reconciler } = await begin(cluster);
    cluster.state.networksKnown = false;
    await reconciler.reconcile("a/s1");
    expect(cluster.state.denyList.isLive(ip("192.0.2.10"), "a/s1")).toBe(true);
    expect(cluster.ingressOf("s1")).toEqual([{ ip: "192.0.2.10" }]);
    cluster.state.networksKnown = true;
    await reconciler.reconcile("a/s1");
    expect(cluster.state.denyList.isLive(ip("192.0.2.10"), "a/s1")).toBe(false);
  });
});

describe("an address that is recorded", () => {
  /** How many Services a leader takes over where an address was first recorded `minutes` ago. */
  function takenOverAfter(minutes: number): number {
    const cluster = new FoundCluster("192.0.2.11");
    cluster.createService("s2");
    const born = new Date(cluster.clock.wallTime().getTime() - minutes * 60_000);
    cluster.allocate("192.0.2.10", "s2", "Allocated", "p1", born.toISOString());
    cluster.see();
    cluster.state.load();
    return cluster.state.takeOver(cluster.clock.wallTime());
  }

  test("ends the first start after ten minutes: then a status is a request, no more", () => {
    expect(takenOverAfter(9)).toBe(1);
    expect(takenOverAfter(11)).toBe(0);
  });
});

test("a Service is told when another begins to use what it has in spec.externalIPs, and when that ends", async () => {
  const cluster = new FoundCluster("192.0.2.10");
  const { asked, reconciler } = await begin(cluster);
  await reconciler.reconcile("a/s1");
  expect(cluster.condition("s1")).toMatchObject({ reason: "Assigned" });
  cluster.createService("s2");
  const claim = async (externalIPs: readonly string[]): Promise<void> => {
    await asked.calm();
    cluster.api.edit("user", "services", "a/s2", ({ spec }) => ({
      spec: { ...spec, externalIPs },
    }));
    cluster.see();
    expect(await asked.of("services")).toContain("a/s1");
    await reconciler.reconcile("a/s1");
  };
  await claim(["192.0.2.10"]);
  expect(cluster.condition("s1")).toMatchObject({ status: "True", reason: "AddressDenied" });
  expect(cluster.ingressOf("s1")).toEqual([{ ip: "192.0.2.10" }]);
  await claim([]);
  expect(cluster.condition("s1")).toMatchObject({ reason: "Assigned" });
});
