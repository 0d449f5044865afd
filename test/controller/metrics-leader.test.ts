import { beforeEach, describe, expect, test } from "vitest";
import { describeLeader, type LeaderSources } from "../../src/controller/metrics-leader.ts";
import { WorkQueue } from "../../src/kube/work-queue.ts";
import { silentLog } from "../../src/runtime/log.ts";
import { Metrics } from "../../src/runtime/metrics.ts";
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
