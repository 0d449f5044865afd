import { describe, expect, test } from "vitest";
import { ip } from "../core/net/arbitraries.ts";
import { Asked, address, begun } from "./asked-work.ts";
import { configNamespace, KnownCluster } from "./known-cluster.ts";

const excluded = ip("192.0.2.12");

describe("a policy", () => {
  const path = "/apis/steelyard.dev/v1alpha1/addresspolicies";

  test("that comes or changes wakes who waits; nobody else is looked at", async () => {
    const asked = await begun();
    const { cluster, pending } = asked;
    pending.add("a/s3", { addresses: ["192.0.2.12"], wants: [] });
    cluster.create(path, { name: "lan" }, { spec: { excludedAddresses: ["192.0.2.12"] } });
    cluster.see();
    expect(cluster.state.denyList.reasonAgainst(excluded, "a/s3")?.reason).toBe("AddressExcluded");
    expect(await asked.of("services")).toEqual(["a/s3"]);
    expect(await asked.of("bundles")).toEqual([]);
    cluster.api.edit("admin", "addresspolicies", "lan", () => ({ spec: {} }));
    cluster.see();
    expect(cluster.state.denyList.reasonAgainst(excluded, "a/s3")).toBeUndefined();
    expect(await asked.of("services")).toEqual(["a/s3"]);
  });

  test("that was there before the leader is in force from its first look on", async () => {
    const cluster = new KnownCluster();
    cluster.create(path, { name: "lan" }, { spec: { excludedAddresses: ["192.0.2.12"] } });
    cluster.see();
    await new Asked(cluster).calm(0);
    expect(cluster.state.denyList.reasonAgainst(excluded, "a/s3")?.reason).toBe("AddressExcluded");
  });

  test("whose status was written wakes nobody", async () => {
    const asked = await begun();
    const { cluster, pending } = asked;
    pending.add("a/s3", { addresses: ["192.0.2.12"], wants: [] });
    cluster.create(path, { name: "lan" }, { spec: {} });
    cluster.see();
    await asked.calm();
    cluster.api.edit("leader", "addresspolicies", "lan", () => ({ status: { pools: 1 } }));
    cluster.see();
    expect(await asked.of("services")).toEqual([]);
  });

  test("says how long an address cools down, also one that cools down already", async () => {
    const asked = await begun();
    const { cluster } = asked;
    cluster.api.edit("another", "ipallocations", address, ({ spec }) => ({
      spec: { ...spec, state: "Cooling", bundle: undefined },
    }));
    cluster.see();
    await asked.calm(10_000);
    cluster.create(path, { name: "lan" }, { spec: { reuseDelaySeconds: 60 } });
    cluster.see();
    expect(await asked.of("cooling", 49_999)).toEqual([]);
    expect(await asked.of("cooling", 2)).toEqual([address]);
  });

  test("reaches a pool that changes so that it selects it", async () => {
    const asked = await begun();
    const { cluster } = asked;
    const ipAddressPoolSelectors = [{ matchLabels: { tier: "public" } }];
    const spec = { ipAddressPoolSelectors, excludedAddresses: ["192.0.2.12"] };
    cluster.create(path, { name: "lan" }, { spec });
    cluster.see();
    await asked.calm();
    const { denyList } = cluster.state;
    expect(denyList.reasonAgainst(excluded, "a/s3")).toBeUndefined();
    cluster.api.edit("admin", "ipaddresspools", `${configNamespace}/p1`, ({ metadata }) => ({
      metadata: { ...metadata, labels: { tier: "public" } },
    }));
    cluster.see();
    expect(denyList.reasonAgainst(excluded, "a/s3")?.reason).toBe("AddressExcluded");
  });
});
