import { afterAll, beforeAll, describe, expect, test } from "vitest";
import * as resources from "../../../src/kube/resources.ts";
import { configNamespace } from "../../e2e/cluster-api.ts";
import { addressesOf, conditionOf, type WantedService } from "../../e2e/cluster-objects.ts";
import {
  decided,
  eventually,
  type InstalledCluster,
  kubectl,
  startInstalled,
} from "../../e2e/installed-cluster.ts";

let cluster: InstalledCluster;

beforeAll(async () => {
  cluster = await startInstalled({ nodes: 2 });
  const { api } = cluster;
  await api.createPool("production", ["192.0.2.0/25", "2001:db8:0:2::1000-2001:db8:0:2::10ff"]);
  await api.createPool("second", ["192.0.2.128-192.0.2.159"], { autoAssign: false });
  await api.createPool("lonely", ["192.0.2.160-192.0.2.170"], { autoAssign: false });
});

afterAll(async () => {
  await cluster?.stop();
});

const granted: readonly (readonly [string, WantedService, string, readonly RegExp[]])[] = [
  [
    "spec.loadBalancerIP",
    { name: "by-spec", spec: { loadBalancerIP: "192.0.2.4" } },
    "production",
    [/^192\.0\.2\.4$/],
  ],
  [
    "metallb.io/loadBalancerIPs",
    { name: "by-annotation", annotations: { "metallb.io/loadBalancerIPs": "192.0.2.50" } },
    "production",
    [/^192\.0\.2\.50$/],
  ],
  [
    "metallb.universe.tf/loadBalancerIPs",
    { name: "by-old", annotations: { "metallb.universe.tf/loadBalancerIPs": "192.0.2.51" } },
    "production",
    [/^192\.0\.2\.51$/],
  ],
  [
    "metallb.io/address-pool",
    { name: "by-pool", annotations: { "metallb.io/address-pool": "second" } },
    "second",
    [/^192\.0\.2\.12[89]$/],
  ],
  [
    "metallb.universe.tf/address-pool",
    { name: "by-old-pool", annotations: { "metallb.universe.tf/address-pool": "second" } },
    "second",
    [/^192\.0\.2\.12[89]$/],
  ],
  ["nothing in particular", { name: "automatic" }, "production", [/^192\.0\.2\.\d+$/]],
  [
    "IPv6",
    { name: "six", spec: { ipFamilies: ["IPv6"] } },
    "production",
    [/^2001:db8:0:2::10[0-9a-f]{2}$/],
  ],
  [
    "both families",
    { name: "dual", spec: { ipFamilyPolicy: "RequireDualStack" } },
    "production",
    [/^192\.0\.2\.\d+$/, /^2001:db8:0:2::10[0-9a-f]{2}$/],
  ],
  [
    "both families by address",
    {
      name: "dual-by-annotation",
      annotations: { "metallb.io/loadBalancerIPs": "192.0.2.60,2001:db8:0:2::1060" },
      spec: { ipFamilyPolicy: "PreferDualStack" },
    },
    "production",
    [/^192\.0\.2\.60$/, /^2001:db8:0:2::1060$/],
  ],
];

const refused: readonly (readonly [WantedService, string, string])[] = [
  [
    {
      name: "two-wishes",
      annotations: { "metallb.io/loadBalancerIPs": "192.0.2.70" },
      spec: { loadBalancerIP: "192.0.2.71" },
    },
    "RequestMalformed",
    "service can not have both metallb.io/loadBalancerIPs and spec.loadBalancerIP",
  ],
  [
    { name: "no-address", annotations: { "metallb.io/loadBalancerIPs": "010.0.0.1" } },
    "RequestMalformed",
    'invalid metallb.io/loadBalancerIPs: "010.0.0.1" is not an IP address or a list of them',
  ],
  [
    { name: "elsewhere", spec: { loadBalancerIP: "203.0.113.9" } },
    "AddressNotInPool",
    '203.0.113.9 is not in any IPAddressPool ("203.0.113.9" is not allowed in config)',
  ],
  [
    { name: "no-pool", annotations: { "metallb.io/address-pool": "nonesuch" } },
    "PoolUnknown",
    'unknown pool "nonesuch"',
  ],
  [
    { name: "wrong-family", spec: { loadBalancerIP: "2001:db8:0:2::1001" } },
    "RequestFamilyMismatch",
    "requested 2001:db8:0:2::1001 does not match the ipFamily of the service: it has cluster IPs of IPv4",
  ],
];

describe("a Service", () => {
  test.each(granted)("that asks by %s gets it", async (_, wanted, pool, patterns) => {
    const { api } = cluster;
    const { metadata } = await api.createService(wanted);
    const service = await decided(api, "True", wanted.name);
    const addresses = addressesOf(service);
    expect(addresses).toHaveLength(patterns.length);
    for (const [index, pattern] of patterns.entries()) {
      expect(addresses[index]).toMatch(pattern);
    }
    expect(service.metadata?.annotations?.["metallb.io/ip-allocated-from-pool"]).toBe(pool);
    expect(conditionOf(service, "AddressAssigned")).toMatchObject({
      reason: "Assigned",
      message: `${addresses.join(", ")} from pool ${pool}`,
    });
    const held = (await api.allocations()).filter(({ spec }) =>
      spec.holders.some(({ uid }) => uid === metadata?.uid),
    );
    expect(held.map(({ spec }) => spec.address).sort()).toEqual([...addresses].sort());
  });

  test.each(["six", "dual", "dual-by-annotation"])(
    "with an IPv6 address is announced (%s)",
    async (name) => {
      const service = await eventually("the condition Announced", async () => {
        const now = await cluster.api.service(name);
        return conditionOf(now, "Announced")?.status === "True" ? now : undefined;
      });
      const condition = conditionOf(service, "Announced");
      expect(condition?.reason).toBe("Announced");
      for (const address of addressesOf(service)) {
        expect(condition?.message).toContain(address);
      }
    },
  );

  test.each(refused)("is refused what cannot be had: $name", async (wanted, reason, message) => {
    const { api } = cluster;
    await api.createService(wanted);
    const service = await decided(api, "False", wanted.name);
    expect(addressesOf(service)).toEqual([]);
    expect(conditionOf(service, "AddressAssigned")).toMatchObject({ reason, message });
    expect(conditionOf(service, "Announced")).toBeUndefined();
    expect(service.metadata?.annotations ?? {}).not.toHaveProperty(
      "metallb.io/ip-allocated-from-pool",
    );
  });

  test("of another class, or of no load balancer, is left alone", async () => {
    const { api } = cluster;
    await api.createService({ name: "classed", spec: { loadBalancerClass: "example.com/other" } });
    await api.createService({ name: "inner", spec: { type: "ClusterIP" } });
    await api.createService({ name: "witness" });
    await decided(api, "True", "witness");
    const writes = (await cluster.sandbox.audit()).filter(
      ({ name, user }) => /^(classed|inner)$/.test(name ?? "") && user.includes("steelyard"),
    );
    expect(writes).toEqual([]);
  });

  test("keeps its address when the wish changes to one that cannot be met, and is told", async () => {
    const { api } = cluster;
    const annotations = { "metallb.io/loadBalancerIPs": "192.0.2.4" };
    await api.patch(resources.services, "automatic", { metadata: { annotations } }, "default");
    const service = await eventually("the refusal", async () => {
      const now = await api.service("automatic");
      return conditionOf(now, "AddressAssigned")?.reason === "AddressInUse" ? now : undefined;
    });
    const [address] = addressesOf(service);
    expect(address).not.toBe("192.0.2.4");
    expect(conditionOf(service, "AddressAssigned")).toMatchObject({
      status: "True",
      message: `keeps ${address} from pool production: 192.0.2.4 is in use by Service default/by-spec`,
    });
  });

  test("keeps its address when every pool is gone; a new one waits for a pool", async () => {
    const { api } = cluster;
    const before = addressesOf(await api.service("by-spec"));
    for (const pool of ["production", "second", "lonely"]) {
      await api.remove(resources.ipAddressPools, pool, configNamespace);
    }
    await eventually("by-spec is told", async () => {
      const service = await api.service("by-spec");
      return conditionOf(service, "AddressAssigned")?.reason === "ConfigurationLost";
    });
    expect(addressesOf(await api.service("by-spec"))).toEqual(before);
    await api.createService({ name: "late" });
    const late = await decided(api, "False", "late");
    expect(conditionOf(late, "AddressAssigned")?.reason).toBe("ConfigurationLost");
    await api.createPool("production", ["192.0.2.0/24"]);
    await decided(api, "True", "late");
    await eventually("all is well again", async () => {
      const service = await api.service("by-spec");
      return conditionOf(service, "AddressAssigned")?.reason === "Assigned";
    });
    expect(addressesOf(await api.service("by-spec"))).toEqual(before);
  });

  test("is shown by kubectl with its address, and why it has none", async () => {
    const { sandbox } = cluster;
    const table = await kubectl(sandbox, ["get", "services", "by-spec", "elsewhere"]);
    expect(table).toMatch(/^by-spec +LoadBalancer +\S+ +192\.0\.2\.4 /m);
    expect(table).toMatch(/^elsewhere +LoadBalancer +\S+ +<pending> /m);
    const allocations = await kubectl(sandbox, ["get", "ipallocations"]);
    expect(allocations).toMatch(
      /^192\.0\.2\.4 +192\.0\.2\.4 +production +Allocated +default\/by-spec +l2-\S+/m,
    );
    const text = await kubectl(sandbox, ["describe", "service", "elsewhere"]);
    expect(text).toMatch(
      /Warning +AllocationFailed .*AddressNotInPool: 203\.0\.113\.9 is not in any IPAddressPool/,
    );
  });
});
