import { beforeEach, describe, expect, test } from "vitest";
import {
  type ConfigurationChange,
  onConfigurationChange,
} from "../../src/controller/configuration-changes.ts";
import { decodeDefinition } from "../../src/kube/decode/definition.ts";
import { decodeNamespace } from "../../src/kube/decode/namespace.ts";
import { configNamespace, KnownCluster } from "./known-cluster.ts";

const inNamespace = `/apis/metallb.io/v1beta1/namespaces/${configNamespace}`;
const going = { deletionTimestamp: "2026-01-01T00:00:00Z" };

let cluster: KnownCluster;
let told: ConfigurationChange[];

beforeEach(() => {
  cluster = new KnownCluster();
  cluster.create(
    `${inNamespace}/l2advertisements`,
    { namespace: configNamespace, name: "a1" },
    { spec: {} },
  );
  cluster.create("/apis/steelyard.dev/v1alpha1/addresspolicies", { name: "lan" }, { spec: {} });
  cluster.see();
  told = [];
  onConfigurationChange(cluster.stores, configNamespace, (change) => told.push(change));
});

function edit(plural: string, key: string, fields: Readonly<Record<string, unknown>>): void {
  cluster.api.edit("others", plural, key, () => fields);
  cluster.see();
}

function whatWasTold(): readonly string[] {
  return told.splice(0).map(({ what, isUnreadable }) => (isUnreadable ? `${what}, bad` : what));
}

describe("a change of the configuration", () => {
  test("is what a pool, an advertisement or a policy says, also that it cannot be read", () => {
    edit("ipaddresspools", `${configNamespace}/p1`, { spec: { addresses: ["192.0.2.10/32"] } });
    edit("l2advertisements", `${configNamespace}/a1`, { spec: { ipAddressPools: ["p1"] } });
    edit("addresspolicies", "lan", { spec: { reuseDelaySeconds: 5 } });
    expect(whatWasTold()).toEqual(["pool", "advertisement", "policy"]);
    edit("ipaddresspools", `${configNamespace}/p1`, { spec: { addresses: ["nonsense"] } });
    expect(whatWasTold()).toEqual(["pool, bad"]);
    cluster.api.remove("others", "ipaddresspools", `${configNamespace}/p1`);
    cluster.see();
    expect(whatWasTold()).toEqual(["pool"]);
  });

  test("is that its namespace or one of its kinds goes, or that a kind was read at last", () => {
    const { namespaces, definitions, policies } = cluster.stores;
    const namespace = { name: configNamespace, uid: "n", resourceVersion: "9000000", ...going };
    namespaces.upsert(decodeNamespace({ metadata: namespace }));
    const kind = {
      name: "ipaddresspools.metallb.io",
      uid: "k",
      resourceVersion: "9000000",
      ...going,
    };
    definitions.pools.upsert(decodeDefinition({ metadata: kind }));
    policies.replace(new Map([...policies.values()].map((one) => [one.key, one])), "9000000");
    expect(whatWasTold()).toEqual(["presence", "presence", "presence"]);
  });

  test("is nothing that is written to a status, and nothing of other kinds and namespaces", () => {
    const status = { status: { conditions: [], assignedIPv4: 7, pools: 1 } };
    edit("ipaddresspools", `${configNamespace}/p1`, status);
    edit("l2advertisements", `${configNamespace}/a1`, status);
    edit("addresspolicies", "lan", status);
    const { namespaces, definitions } = cluster.stores;
    const other = { name: "a", uid: "a", resourceVersion: "9000000", ...going };
    namespaces.upsert(decodeNamespace({ metadata: other }));
    const ours = {
      name: configNamespace,
      uid: "n",
      resourceVersion: "9000001",
      labels: { a: "b" },
    };
    namespaces.upsert(decodeNamespace({ metadata: ours }));
    const kind = {
      name: "l2bundles.steelyard.dev",
      uid: "k",
      resourceVersion: "9000002",
      ...going,
    };
    definitions.bundles.upsert(decodeDefinition({ metadata: kind }));
    expect(namespaces.get("a")?.terminating).toBe(true);
    expect(namespaces.get(configNamespace)?.labels).toEqual({ a: "b" });
    expect(whatWasTold()).toEqual([]);
  });
});
