import { beforeEach, describe, expect, test } from "vitest";
import { describeLeader, type LeaderSources } from "../../src/controller/metrics-leader.ts";
import { allocationName } from "../../src/core/model/ip-allocation.ts";
import type { Service } from "../../src/core/model/service.ts";
import type { IpAllocationObject } from "../../src/kube/decode/ip-allocation.ts";
import type { ServiceObject } from "../../src/kube/decode/service.ts";
import { WorkQueue } from "../../src/kube/work-queue.ts";
import { silentLog } from "../../src/runtime/log.ts";
import { Metrics } from "../../src/runtime/metrics.ts";
import { ip } from "../core/net/arbitraries.ts";
import { configNamespace, KnownCluster } from "./known-cluster.ts";

let cluster: KnownCluster;
let metrics: Metrics;

beforeEach(() => {
  cluster = new KnownCluster();
  metrics = new Metrics();
  cluster.stores.pools.onChange(() => cluster.configuration.refresh());
  const queue = new WorkQueue({ clock: cluster.clock, log: silentLog });
  const sources = {
    ...cluster,
    configNamespace,
    reporter: { conflicts: () => [{ pool: "p1", reason: "PoolHasGateway" }] },
    pending: { size: 0 },
    placement: { unplaced: () => [] },
    liveness: { verdict: () => "alive" },
    queues: { services: queue },
    term: { value: 1 },
  };
  describeLeader(metrics, sources as unknown as LeaderSources);
});

/** The value of a series, as it is written. */
function value(series: string): string | undefined {
  const line = metrics
    .text()
    .split("\n")
    .find((one) => one.startsWith(`${series} `));
  return line?.slice(series.length + 1);
}

function edit(addresses: readonly string[]): void {
  cluster.api.edit("admin", "ipaddresspools", `${configNamespace}/p1`, () => ({
    spec: { addresses },
  }));
  cluster.see();
}

describe("the metrics of a leader", () => {
  const stale = "metallb_k8s_client_config_stale_bool";

  test("W11: stale ends with a return to exactly the last good configuration", () => {
    expect([value("metallb_k8s_client_config_loaded_bool"), value(stale)]).toEqual(["1", "0"]);
    edit(["192.0.2.10-192.0.2.1"]);
    expect([value("metallb_k8s_client_config_loaded_bool"), value(stale)]).toEqual(["1", "1"]);
    edit(["192.0.2.10-192.0.2.12"]);
    expect([value("metallb_k8s_client_config_loaded_bool"), value(stale)]).toEqual(["1", "0"]);
  });

  test("count what two pools name in the one that gives it", () => {
    cluster.create(
      `/apis/metallb.io/v1beta1/namespaces/${configNamespace}/ipaddresspools`,
      { namespace: configNamespace, name: "p2" },
      { spec: { addresses: ["192.0.2.12-192.0.2.13"] } },
    );
    cluster.see();
    expect(value('metallb_allocator_addresses_total{pool="p1"}')).toBe("3");
    expect(value('metallb_allocator_addresses_total{pool="p2"}')).toBe("1");
  });

  const inUse = (family: 4 | 6): readonly (string | undefined)[] =>
    ["addresses", `ipv${family}_addresses`, `ipv${family === 4 ? 6 : 4}_addresses`].map((what) =>
      value(`metallb_allocator_${what}_in_use_total{pool="p1"}`),
    );

  test.each<[4 | 6, string, string]>([
    [4, "1.2.3.4", "1.2.3.5"],
    [6, "1000::4", "1000::5"],
  ])(
    "count what is in use of IPv%i: each address once, until its last holder has left it",
    async (family, one, other) => {
      const { allocations, stores } = cluster;
      const serviceOf = (name: string): Service =>
        (stores.services.get(`a/${name}`) as ServiceObject).service;
      const take = (name: string, address: string): Promise<void> =>
        allocations.acquire(serviceOf(name), [ip(address)]);
      const leave = (name: string, address: string): Promise<void> =>
        allocations.release(
          `a/${name}`,
          stores.allocations.get(allocationName(ip(address))) as IpAllocationObject,
        );
      cluster.followAllocations();
      edit(["1.2.3.4/30", "1000::4/126"]);
      for (const name of ["s1", "s2"]) {
        cluster.createService(name);
      }
      for (const [index, name] of ["t1", "t2", "t3"].entries()) {
        cluster.createService(name, { key: "k", port: 80 + index });
      }
      cluster.see();
      const counted = [inUse(family)];
      for (const step of [
        () => take("s1", one),
        () => take("s2", other),
        () => leave("s1", one),
        () => leave("s2", other),
        () => take("t1", one),
        () => take("t2", one),
        () => take("t3", one),
        () => leave("t2", one),
        () => leave("t1", one),
        () => leave("t3", one),
      ]) {
        await step();
        counted.push(inUse(family));
      }
      const expected = [0, 1, 2, 1, 0, 1, 1, 1, 1, 1, 0];
      expect(counted).toEqual(expected.map((count) => [`${count}`, `${count}`, "0"]));
      const families = ["", "ipv4_", "ipv6_"];
      const totals = families.map((of) =>
        value(`metallb_allocator_${of}addresses_total{pool="p1"}`),
      );
      expect(totals).toEqual(["8", "4", "4"]);
    },
  );

  test("have no series of a pool that is gone, also of the last one and while it is held from", async () => {
    const pools = `/apis/metallb.io/v1beta1/namespaces/${configNamespace}/ipaddresspools`;
    const spec = { addresses: ["2001:db8::/126"] };
    cluster.create(pools, { namespace: configNamespace, name: "p2" }, { spec });
    cluster.createService("s1");
    cluster.see();
    cluster.allocate("192.0.2.10", "s1");
    cluster.see();
    const named = (): readonly string[] =>
      metrics.text().match(/^metallb_allocator_\w+\{pool="p\d"\}/gm) ?? [];
    expect(named()).toHaveLength(12);
    for (const [gone, left] of [
      ["p1", 6],
      ["p2", 0],
    ] as const) {
      cluster.api.remove("admin", "ipaddresspools", `${configNamespace}/${gone}`);
      cluster.see();
      expect(named()).toHaveLength(left);
      expect(named().join()).not.toContain(gone);
    }
  });

  test("name the conflicts of pools", () => {
    expect(value('steelyard_pool_conflicts{pool="p1",reason="PoolHasGateway"}')).toBe("1");
  });

  test("count changes of pools, and not what is written to their status", () => {
    const updates = "metallb_k8s_client_updates_total";
    edit(["192.0.2.10-192.0.2.11"]);
    expect(value(updates)).toBe("1");
    cluster.api.edit("leader", "ipaddresspools", `${configNamespace}/p1`, () => ({
      status: { assignedIPv4: 1 },
    }));
    cluster.see();
    expect(value(updates)).toBe("1");
    expect(value("metallb_k8s_client_update_errors_total")).toBe("0");
  });
});
