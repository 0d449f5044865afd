import { describe, expect, test } from "vitest";
import { AllocationChangedError } from "../../src/controller/allocation-writer.ts";
import { ServiceReconciler } from "../../src/controller/service-reconciler.ts";
import type { Service } from "../../src/core/model/service.ts";
import type { IpAddress } from "../../src/core/net/ip-address.ts";
import { silentLog } from "../../src/runtime/log.ts";
import { Asked } from "./asked-work.ts";
import { configNamespace, KnownCluster } from "./known-cluster.ts";

const address = "192.0.2.10" as IpAddress;

function serviceOf(cluster: KnownCluster, name: string): Service {
  const object = cluster.stores.services.get(`a/${name}`);
  expect(object).toBeDefined();
  return (object as NonNullable<typeof object>).service;
}

const stateOf = (cluster: KnownCluster): unknown =>
  cluster.api.get("ipallocations", address)?.spec.state;

describe("the write of a grant that fails", () => {
  /** Address .10 cools down; `s1` and `s2` could share it. What is written next comes to nothing. */
  function coolingFriends(): KnownCluster {
    const cluster = new KnownCluster();
    cluster.followAllocations();
    cluster.createService("s1", { key: "x", port: 80 });
    cluster.createService("s2", { key: "x", port: 81 });
    cluster.allocate(address, "s1", "Cooling");
    cluster.see();
    cluster.beforeRequest = (): void => {
      cluster.beforeRequest = (): void => undefined;
      throw new Error("refused");
    };
    return cluster;
  }

  test("leaves to nobody alone what he was to join: he might not have it without the other", async () => {
    const cluster = coolingFriends();
    const first = cluster.allocations.acquire(serviceOf(cluster, "s1"), [address]);
    const second = cluster.allocations.acquire(serviceOf(cluster, "s2"), [address]);
    const outcomes = await Promise.allSettled([first, second]);
    expect(outcomes.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    expect(outcomes[1]).toMatchObject({ reason: expect.any(AllocationChangedError) });
    expect(stateOf(cluster)).toBe("Cooling");
  });

  test("does not keep the address from cooling to its end, though it was about to be taken then", async () => {
    const cluster = coolingFriends();
    const taking = cluster.allocations.acquire(serviceOf(cluster, "s1"), [address]);
    const freed = cluster.allocations.free(address);
    await expect(taking).rejects.toThrow("refused");
    await freed;
    expect(cluster.api.get("ipallocations", address)).toBeUndefined();
  });

  test("is told with what was reserved and what is so now", async () => {
    const cluster = coolingFriends();
    const told: unknown[] = [];
    cluster.allocations.onReservationEnded((which, before, after) =>
      told.push([which, before?.state, after?.state]),
    );
    const taking = cluster.allocations.acquire(serviceOf(cluster, "s1"), [address]);
    await expect(taking).rejects.toThrow("refused");
    expect(told).toEqual([[address, "Allocated", "Cooling"]]);
    await cluster.allocations.acquire(serviceOf(cluster, "s1"), [address]);
    expect(told).toHaveLength(1);
  });
});

/** A leader that has looked at everything, where there is one address in all. */
async function leaderOf(
  cluster: KnownCluster,
): Promise<{ readonly asked: Asked; readonly reconciler: ServiceReconciler }> {
  cluster.api.edit("admin", "ipaddresspools", `${configNamespace}/p1`, () => ({
    spec: { addresses: [`${address}/32`], autoAssign: true },
  }));
  cluster.see();
  const { pools, advertisements, policies } = cluster.stores;
  const version = cluster.api.version();
  pools.replace(new Map([...pools.values()].map((pool) => [pool.key, pool])), version);
  advertisements.replace(new Map(), version);
  policies.replace(new Map(), version);
  cluster.state.load();
  const asked = new Asked(cluster);
  await asked.calm();
  const reconciler = new ServiceReconciler({
    ...{ ...cluster, pending: asked.pending, events: { record: () => undefined } },
    ...{ loadBalancerClass: "", log: silentLog, onLiveEnded: () => undefined },
  });
  return { asked, reconciler };
}

describe("who waits while others are being given an address", () => {
  /** Service `s1` is being given the one address there is; `waiting` is refused meanwhile. */
  async function waitsFor(
    sharing: { readonly key: string; readonly port: number } | undefined,
  ): Promise<{
    readonly asked: Asked;
    readonly fail: () => Promise<void>;
  }> {
    const cluster = new KnownCluster();
    cluster.createService("s1", sharing);
    cluster.createService("waiting", sharing);
    const { asked, reconciler } = await leaderOf(cluster);
    const answer = Promise.withResolvers<unknown>();
    cluster.writer.create = () => answer.promise;
    const taking = reconciler.reconcile("a/s1");
    await reconciler.reconcile("a/waiting");
    expect(asked.pending.has("a/waiting")).toBe(true);
    await asked.calm();
    const fail = async (): Promise<void> => {
      answer.reject(new Error("refused"));
      await expect(taking).rejects.toThrow("refused");
    };
    return { asked, fail };
  }

  test("is looked at when that comes to nothing: the address is free", async () => {
    const { asked, fail } = await waitsFor(undefined);
    await fail();
    expect(await asked.of("services")).toEqual(["a/waiting"]);
  });

  test("is looked at also if it could not share with them: same port, same key", async () => {
    const { asked, fail } = await waitsFor({ key: "x", port: 80 });
    await fail();
    expect(await asked.of("services")).toEqual(["a/waiting"]);
  });
});

test("who waits for the other family is not woken by his own grant that fails: he would try without a pause", async () => {
  const cluster = new KnownCluster();
  cluster.createService("s1");
  cluster.api.edit("user", "services", "a/s1", ({ spec }) => ({
    spec: { ...spec, clusterIPs: ["10.96.0.7", "fd00::7"], ipFamilyPolicy: "PreferDualStack" },
  }));
  cluster.allocate(address, "s1", "Cooling");
  const { asked, reconciler } = await leaderOf(cluster);
  cluster.beforeRequest = (): void => {
    throw new Error("refused");
  };
  await expect(reconciler.reconcile("a/s1")).rejects.toThrow("refused");
  expect(await asked.of("services")).toEqual([]);
  cluster.beforeRequest = (): void => undefined;
  await reconciler.reconcile("a/s1");
  expect(asked.pending.has("a/s1")).toBe(true);
  expect(stateOf(cluster)).toBe("Allocated");
});
