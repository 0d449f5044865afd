import type { V1Condition, V1ObjectMeta } from "@kubernetes/client-node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import * as resources from "../../../src/kube/resources.ts";
import { addressesOf, conditionOf } from "../../e2e/cluster-objects.ts";
import { findLeader, leaderOtherThan } from "../../e2e/controller-leader.ts";
import {
  breakGlass,
  decided,
  eventually,
  type InstalledCluster,
  kubectl,
  startInstalled,
  writeUnjudged,
} from "../../e2e/installed-cluster.ts";

interface AddressPolicyObject {
  readonly metadata: V1ObjectMeta;
  readonly status?: {
    readonly observedGeneration?: number;
    readonly pools?: number;
    readonly conditions?: readonly V1Condition[];
  };
}

let cluster: InstalledCluster;

beforeAll(async () => {
  cluster = await startInstalled({ nodes: 2 });
  const { api } = cluster;
  await api.createPool("web", ["192.0.2.10-192.0.2.19"]);
  await api.createPool("mail", ["192.0.2.30-192.0.2.39"], { autoAssign: false });
});

afterAll(async () => {
  await cluster?.stop();
});

async function createPolicy(name: string, spec: object): Promise<void> {
  await cluster.api.create(resources.addressPolicies, { metadata: { name }, spec } as object);
}

/** The policy once its status is about its spec as it is now, and a condition of this status is there. */
async function reported(name: string, type: string, status: string): Promise<AddressPolicyObject> {
  return await eventually(`${type}=${status} on AddressPolicy ${name}`, async () => {
    const now = await cluster.api.get<AddressPolicyObject>(resources.addressPolicies, name);
    const isAboutNow = now?.status?.observedGeneration === now?.metadata.generation;
    return isAboutNow && conditionIn(now, type)?.status === status ? now : undefined;
  });
}

function conditionIn(policy: AddressPolicyObject | undefined, type: string) {
  return policy?.status?.conditions?.find((condition) => condition.type === type);
}

describe("the API server", () => {
  const rejected: readonly (readonly [what: string, spec: object, words: RegExp])[] = [
    ["a word", { excludedAddresses: ["gateway"] }, /must be an IP address, a CIDR prefix/],
    ["two families", { excludedAddresses: ["192.0.2.1-2001:db8::1"] }, /of one IP family/],
    ["leading zeros", { excludedAddresses: ["192.0.2.010"] }, /must be an IP address/],
    ["host bits", { excludedAddresses: ["192.0.2.1/24"] }, /has host bits set/],
    ["one address twice", { excludedAddresses: ["192.0.2.1", "192.0.2.1"] }, /Duplicate value/],
    ["a profile of its own", { profile: "Paranoid" }, /"Compatible", "Strict"/],
    ["a scope of its own", { sharingScope: "Team" }, /"Cluster", "Namespace", "None"/],
    ["what it cannot refuse", { refusedAtAdmission: ["Everything"] }, /"PoolInUse", "UnmetWish"/],
    ["more than a week", { reuseDelaySeconds: 604_801 }, /less than or equal to 604800/],
    [
      "a selector without values",
      { ipAddressPoolSelectors: [{ matchExpressions: [{ key: "a", operator: "In" }] }] },
      /operators In and NotIn need values/,
    ],
    [
      "quotas",
      { quota: { perNamespace: { ipv4: 3 } } },
      /this version of Steelyard cannot enforce/,
    ],
    [
      "requesters",
      { requesters: { namespaces: ["a"] } },
      /this version of Steelyard cannot enforce/,
    ],
    ["conflict checks", { conflicts: {} }, /this version of Steelyard cannot enforce/],
  ];

  test.each(rejected)("refuses %s", async (_, spec, words) => {
    await expect(createPolicy("wrong", spec)).rejects.toThrow(words);
  });

  test("takes addresses, prefixes and ranges of both families, and says for what the columns are", async () => {
    await createPolicy("full", {
      ipAddressPools: ["nowhere"],
      ipAddressPoolSelectors: [{ matchExpressions: [{ key: "none", operator: "Exists" }] }],
      excludedAddresses: [
        ...["192.0.2.1", "192.0.2.0/30", "192.0.2.4-192.0.2.9"],
        ...["2001:db8::1", "2001:db8::/64", "2001:db8::1-2001:db8::5"],
      ],
      reuseDelaySeconds: 90,
      sharingScope: "None",
      refusedAtAdmission: ["PoolInUse", "UnmetWish"],
    });
    const { status } = await reported("full", "Accepted", "True");
    expect(status?.pools).toBe(0);
    const [header = "", row = ""] = (
      await kubectl(cluster.sandbox, ["get", "addresspolicies", "full"])
    ).split("\n");
    expect(header.split(/ {2,}/).slice(0, -1)).toEqual([
      ...["NAME", "PROFILE", "POOLS", "REUSE DELAY", "SHARING", "ACCEPTED", "EXCLUDED IN USE"],
    ]);
    expect(row).toMatch(/^full +Compatible +0 +90 +None +True /);
    await cluster.api.remove(resources.addressPolicies, "full");
  });

  test("lets only the leader write the status", async () => {
    await createPolicy("untouched", {});
    const patch = ["--type=merge", "-p", '{"status":{"pools":99}}', "--dry-run=server"];
    const write = ["patch", "addresspolicy", "untouched", "--subresource=status", ...patch];
    const { stderr } = await cluster.sandbox.kubectl(write);
    expect(stderr).toContain("only system:serviceaccount:steelyard-system:steelyard-controller");
    await kubectl(cluster.sandbox, [...breakGlass, ...write]);
    await cluster.api.remove(resources.addressPolicies, "untouched");
  });
});

describe("the webhook", () => {
  const rehearse = async (command: string, object: object): Promise<string> => {
    const input = JSON.stringify(object);
    const args = [command, "--dry-run=server", "-f", "-"];
    const { stderr } = await cluster.sandbox.kubectl(args, { input });
    return stderr;
  };
  const written = (spec: object): object => ({
    apiVersion: "steelyard.dev/v1alpha1",
    kind: "AddressPolicy",
    metadata: { name: "rehearsed" },
    spec,
  });

  test("refuses what the API server cannot see, and warns of what is surely no use", async () => {
    await eventually("a webhook that answers", async () =>
      (await rehearse("create", written({ excludedAddresses: ["192.0.2.9-192.0.2.1"] }))).includes(
        "ends before it starts",
      ),
    );
    const warned = await rehearse("create", written({ ipAddressPools: ["nowhere"] }));
    expect(warned).toContain("Warning: spec.ipAddressPools[0]: there is no IPAddressPool nowhere");
  });

  test("refuses wishes that cannot be met where a policy wants it so, else it warns", async () => {
    const wish = {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: "rehearsed", namespace: "default" },
      spec: { type: "LoadBalancer", ports: [{ port: 80 }], loadBalancerIP: "203.0.113.1" },
    };
    expect(await rehearse("create", wish)).toContain("Warning: spec.loadBalancerIP: the Service");
    await createPolicy("careful", { refusedAtAdmission: ["UnmetWish"] });
    await eventually("a refusal", async () =>
      (await rehearse("create", wish)).includes("denied the request: spec.loadBalancerIP"),
    );
    await cluster.api.remove(resources.addressPolicies, "careful");
  });
});

describe("an address that a policy excludes", () => {
  test("stays with who holds it, is named by a condition and an Event, and then nobody gets it", async () => {
    const { api } = cluster;
    await api.createService({ name: "held", spec: { loadBalancerIP: "192.0.2.10" } });
    expect(addressesOf(await decided(api, "True", "held"))).toEqual(["192.0.2.10"]);
    await createPolicy("lan", { ipAddressPools: ["web"], excludedAddresses: ["192.0.2.8/30"] });
    const policy = await reported("lan", "ExcludedInUse", "True");
    expect(policy.status?.pools).toBe(1);
    const condition = conditionIn(policy, "ExcludedInUse");
    expect(condition?.reason).toBe("AddressExcluded");
    expect(condition?.message).toMatch(/: 192\.0\.2\.10$/);
    await eventually("its Event", async () =>
      (await api.eventsOf(policy.metadata.uid)).some(
        ({ reason, message }) => reason === "AddressExcluded" && message === condition?.message,
      ),
    );
    expect(addressesOf(await api.service("held"))).toEqual(["192.0.2.10"]);

    await api.createService({ name: "asks", spec: { loadBalancerIP: "192.0.2.11" } });
    const refused = conditionOf(await decided(api, "False", "asks"), "AddressAssigned");
    expect(refused?.reason).toBe("AddressExcluded");
    expect(refused?.message).toBe("192.0.2.11 is excluded by AddressPolicy lan");
    await api.createService({ name: "any" });
    expect(addressesOf(await decided(api, "True", "any"))).toEqual(["192.0.2.12"]);

    await api.removeService("held");
    await eventually("no excluded address in use", async () => {
      const now = await api.get<AddressPolicyObject>(resources.addressPolicies, "lan");
      return conditionIn(now, "ExcludedInUse") === undefined;
    });
    await api.remove(resources.addressPolicies, "lan");
    expect(addressesOf(await decided(api, "True", "asks"))).toEqual(["192.0.2.11"]);
    await Promise.all(["any", "asks"].map((name) => api.removeService(name)));
  });
});

describe("a reuse delay that a policy sets", () => {
  const address = "192.0.2.30";

  async function release(name: string): Promise<void> {
    const { api } = cluster;
    await api.createService({ name, spec: { loadBalancerIP: address } });
    expect(addressesOf(await decided(api, "True", name))).toEqual([address]);
    await api.removeService(name);
    await eventually(`${address} cools down`, async () => {
      return (await api.allocation(address))?.spec.state === "Cooling";
    });
  }

  test("keeps an address from who asks for it by name, under a new leader too, until it is over", async () => {
    const { api } = cluster;
    await createPolicy("slow", { ipAddressPools: ["mail"], reuseDelaySeconds: 86_400 });
    await reported("slow", "Accepted", "True");
    await release("first");
    await api.createService({ name: "second", spec: { loadBalancerIP: address } });
    const refused = conditionOf(await decided(api, "False", "second"), "AddressAssigned");
    expect(refused?.reason).toBe("AddressCooling");

    const before = await findLeader(cluster);
    process.kill(before.pid, "SIGKILL");
    await leaderOtherThan(cluster, before.identity);
    await api.createService({ name: "third", spec: { loadBalancerIP: address } });
    const again = conditionOf(await decided(api, "False", "third"), "AddressAssigned");
    expect(again?.reason).toBe("AddressCooling");
    await api.removeService("third");

    await api.patch(resources.addressPolicies, "slow", { spec: { reuseDelaySeconds: 1 } });
    expect(addressesOf(await decided(api, "True", "second"))).toEqual([address]);
    await api.removeService("second");
    await api.remove(resources.addressPolicies, "slow");
  });
});

test("an edit of a policy that cannot be read leaves the version before in force, and says so", async () => {
  const { api } = cluster;
  await createPolicy("edited", { ipAddressPools: ["web"], excludedAddresses: ["192.0.2.15"] });
  await reported("edited", "Accepted", "True");
  // The API server cannot compare addresses: without the webhook it lets this one through.
  const spec = { excludedAddresses: ["192.0.2.16-192.0.2.12"] };
  await writeUnjudged(cluster, () => api.patch(resources.addressPolicies, "edited", { spec }));
  const policy = await reported("edited", "Accepted", "False");
  const condition = conditionIn(policy, "Accepted");
  expect(condition?.reason).toBe("ConfigurationInvalid");
  expect(condition?.message).toContain('"192.0.2.16-192.0.2.12" ends before it starts');
  await eventually("its Event", async () =>
    (await api.eventsOf(policy.metadata.uid)).some(
      ({ reason }) => reason === "ConfigurationInvalid",
    ),
  );
  await api.createService({ name: "asks", spec: { loadBalancerIP: "192.0.2.15" } });
  const refused = conditionOf(await decided(api, "False", "asks"), "AddressAssigned");
  expect(refused?.reason).toBe("AddressExcluded");
});
