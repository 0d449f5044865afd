import { beforeEach, describe, expect, test } from "vitest";
import { judge } from "../../../src/controller/admission/admission-judge.ts";
import { AdmissionKnowledge } from "../../../src/controller/admission/admission-knowledge.ts";
import type { Finding } from "../../../src/core/admission/finding.ts";
import { decodeNamespace } from "../../../src/kube/decode/namespace.ts";
import { decodeNode } from "../../../src/kube/decode/node.ts";
import { configNamespace, KnownCluster } from "../known-cluster.ts";

let cluster: KnownCluster;
let knowledge: AdmissionKnowledge;

beforeEach(() => {
  cluster = new KnownCluster();
  const { pools, advertisements, policies } = cluster.stores;
  pools.replace(
    new Map([...pools.values()].map((pool) => [pool.key, pool])),
    cluster.api.version(),
  );
  advertisements.replace(new Map(), cluster.api.version());
  policies.replace(new Map(), cluster.api.version());
  knowledge = new AdmissionKnowledge(cluster.stores, configNamespace, cluster.clock);
});

/** What is said of a Service that asks for `address`. */
function wish(address: string): readonly Finding[] {
  const known = knowledge.cluster;
  const object = {
    metadata: { name: "new", namespace: "a" },
    spec: {
      type: "LoadBalancer",
      clusterIPs: ["10.96.0.9"],
      loadBalancerIP: address,
      ports: [{ protocol: "TCP", port: 80 }],
    },
  };
  const change = { group: "", resource: "services", object, oldObject: undefined };
  return known === undefined
    ? []
    : judge(change, known, { configNamespace, loadBalancerClass: "" });
}

describe("what a standby knows", () => {
  test("is nothing before it has seen the cluster", () => {
    expect(knowledge.cluster).toBeUndefined();
  });

  test("follows allocations, Services, pools and networks", () => {
    knowledge.start();
    expect(wish("192.0.2.10")).toEqual([]);
    cluster.createService("web");
    cluster.allocate("192.0.2.10", "web");
    cluster.see();
    expect(wish("192.0.2.10")).toMatchObject([
      { message: expect.stringContaining("AddressInUse") },
    ]);
    expect(wish("192.0.2.20")).toMatchObject([
      { message: expect.stringContaining("AddressNotInPool") },
    ]);
    cluster.create(
      `/apis/metallb.io/v1beta1/namespaces/${configNamespace}/ipaddresspools`,
      { namespace: configNamespace, name: "p2" },
      { spec: { addresses: ["192.0.2.20-192.0.2.21"] } },
    );
    cluster.see();
    expect(wish("192.0.2.20")).toEqual([]);
    const status = { addresses: [{ type: "InternalIP", address: "192.0.2.21" }] };
    cluster.stores.nodes.upsert(
      decodeNode({ metadata: { name: "n", uid: "n", resourceVersion: "900" }, status }),
    );
    expect(wish("192.0.2.21")).toMatchObject([
      { message: expect.stringContaining("AddressDenied") },
    ]);
  });

  test("includes policies", () => {
    knowledge.start();
    expect(wish("192.0.2.11")).toEqual([]);
    const spec = { excludedAddresses: ["192.0.2.11"] };
    cluster.create("/apis/steelyard.dev/v1alpha1/addresspolicies", { name: "lan" }, { spec });
    cluster.see();
    expect(wish("192.0.2.11")).toMatchObject([
      { message: expect.stringContaining("AddressExcluded") },
    ]);
  });

  test("is not derived anew for what others write beside it, such as counters of a pool", () => {
    knowledge.start();
    const pools = (): unknown => knowledge.cluster?.allocation.pools;
    const before = pools();
    cluster.api.edit("leader", "ipaddresspools", `${configNamespace}/p1`, () => ({
      status: { assignedIPv4: 7 },
    }));
    cluster.see();
    // A namespace that has nothing to do with us goes.
    const metadata = { name: "other", uid: "other", resourceVersion: "900" };
    cluster.stores.namespaces.upsert(decodeNamespace({ metadata }));
    expect(pools()).toBe(before);
    cluster.api.edit("admin", "ipaddresspools", `${configNamespace}/p1`, () => ({
      spec: { addresses: ["192.0.2.10-192.0.2.11"] },
    }));
    cluster.see();
    expect(pools()).not.toBe(before);
    expect(wish("192.0.2.12")).toMatchObject([
      { message: expect.stringContaining("AddressNotInPool") },
    ]);
  });

  test("is the leader's own knowledge once this replica leads", () => {
    knowledge.start();
    knowledge.useLeaders(cluster);
    expect(knowledge.cluster?.allocation).toBe(cluster.state);
  });
});
