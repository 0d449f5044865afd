import { beforeEach, describe, expect, test } from "vitest";
import { Configuration, type ConfigurationStores } from "../../src/controller/configuration.ts";
import { configurationKinds, definitionName, ownKinds } from "../../src/controller/definitions.ts";
import {
  type AddressPolicyObject,
  decodeAddressPolicy,
} from "../../src/kube/decode/address-policy.ts";
import { type DefinitionObject, decodeDefinition } from "../../src/kube/decode/definition.ts";
import { decodeIpAddressPool } from "../../src/kube/decode/ip-address-pool.ts";
import { decodeL2Advertisement } from "../../src/kube/decode/l2-advertisement.ts";
import { decodeNamespace } from "../../src/kube/decode/namespace.ts";
import type { Resource } from "../../src/kube/resource.ts";
import { Store, type Stored } from "../../src/kube/store.ts";
import { HandClock } from "../kube/hand-clock.ts";

const namespace = "metallb-system";
const going = { deletionTimestamp: "2026-01-01T00:00:00Z" };

let version = 0;
let clock: HandClock;
let stores: ConfigurationStores;
let configuration: Configuration;

function metadata(name: string, more: object = {}): object {
  version += 1;
  return { metadata: { name, uid: name, resourceVersion: `${version}`, ...more } };
}

function synced<T extends Stored>(...objects: readonly T[]): Store<T> {
  const store = new Store<T>();
  store.replace(new Map(objects.map((object) => [object.key, object])), `${version}`);
  return store;
}

function definition(kind: Resource): Store<DefinitionObject> {
  return synced(decodeDefinition(metadata(definitionName(kind))));
}

function remove<T extends Stored>(store: Store<T>, key: string): void {
  version += 1;
  store.remove(key, store.get(key)?.uid ?? "", `${version}`);
}

const pool = (name: string): ReturnType<typeof decodeIpAddressPool> =>
  decodeIpAddressPool({ ...metadata(name), spec: { addresses: ["192.0.2.0/24"] } });

/** Long enough for the set of pools and advertisements to count as settled. */
async function settle(): Promise<void> {
  configuration.refresh();
  await clock.advance(10_000);
}

beforeEach(async () => {
  clock = new HandClock();
  const { pools, advertisements, policies } = configurationKinds;
  stores = {
    pools: synced(pool("production")),
    advertisements: synced(decodeL2Advertisement({ ...metadata("default"), spec: {} })),
    policies: synced<AddressPolicyObject>(),
    namespaces: synced(decodeNamespace(metadata(namespace))),
    definitions: {
      pools: definition(pools),
      advertisements: definition(advertisements),
      policies: definition(policies),
      allocations: definition(ownKinds.allocations),
      bundles: definition(ownKinds.bundles),
      speakers: definition(ownKinds.speakers),
    },
  };
  configuration = new Configuration(stores, namespace, clock);
  await settle();
});

describe("the configuration", () => {
  test("is there with a pool, an advertisement, their kinds and their namespace", () => {
    expect(configuration.whyLost).toBeUndefined();
    expect(configuration.advertisementsMayReturn).toBe(false);
  });

  test.each<[string, () => void]>([
    ["there is no IPAddressPool", () => remove(stores.pools, "production")],
    [
      "CustomResourceDefinition ipaddresspools.metallb.io is missing",
      () => remove(stores.definitions.pools, "ipaddresspools.metallb.io"),
    ],
    [
      "CustomResourceDefinition l2advertisements.metallb.io is being deleted",
      () => {
        const raw = metadata("l2advertisements.metallb.io", going);
        stores.definitions.advertisements.upsert(decodeDefinition(raw));
      },
    ],
    [
      "CustomResourceDefinition addresspolicies.steelyard.dev is missing",
      () => remove(stores.definitions.policies, "addresspolicies.steelyard.dev"),
    ],
    ["namespace metallb-system is missing", () => remove(stores.namespaces, namespace)],
    [
      "namespace metallb-system is being deleted",
      () => stores.namespaces.upsert(decodeNamespace(metadata(namespace, going))),
    ],
  ])("is lost when %s", async (why, lose) => {
    lose();
    await settle();
    expect(configuration.whyLost).toBe(why);
    expect(configuration.lost).toBe(true);
    expect(configuration.advertisementsMayReturn).toBe(true);
  });

  test("counts as lost before it was read for the first time", () => {
    const unread = { ...stores, pools: new Store<ReturnType<typeof pool>>() };
    expect(new Configuration(unread, namespace, clock).lost).toBe(true);
  });

  test("is there without any advertisement: that is a choice", async () => {
    remove(stores.advertisements, "default");
    configuration.refresh();
    expect(configuration.advertisementsMayReturn).toBe(true);
    await settle();
    expect(configuration.lost).toBe(false);
    expect(configuration.advertisementsMayReturn).toBe(false);
  });
});

describe("a policy", () => {
  const put = (spec: object): void => {
    stores.policies.upsert(decodeAddressPolicy({ ...metadata("lan"), spec }));
    configuration.refreshPolicies();
  };
  const delay = (): number => configuration.policyFor("production").reuseDelayMs;

  test("is in force for the pools that it selects, until it goes", () => {
    put({ ipAddressPools: ["production"], reuseDelaySeconds: 60 });
    expect(delay()).toBe(60_000);
    expect(configuration.policyFor("another").reuseDelayMs).toBe(30_000);
    remove(stores.policies, "lan");
    configuration.refreshPolicies();
    expect(delay()).toBe(30_000);
  });

  test("that cannot be read stays as it was read last, until it can be", () => {
    put({ reuseDelaySeconds: 60 });
    put({ reuseDelaySeconds: 90, excludedAddresses: ["nonsense"] });
    expect(delay()).toBe(60_000);
    put({ reuseDelaySeconds: 90 });
    expect(delay()).toBe(90_000);
  });

  test("that could never be read counts as far as it can be", () => {
    put({ excludedAddresses: ["nonsense", "192.0.2.7"] });
    expect(configuration.excluded).toMatchObject([{ reason: "AddressExcluded" }]);
  });

  test("stays in force while its kind is gone", () => {
    put({ reuseDelaySeconds: 60 });
    remove(stores.definitions.policies, definitionName(configurationKinds.policies));
    remove(stores.policies, "lan");
    configuration.refresh();
    expect(delay()).toBe(60_000);
  });

  test("says of a pool that is gone what it says of its name", () => {
    put({ ipAddressPools: ["gone"], reuseDelaySeconds: 60 });
    expect(configuration.policyFor("gone").reuseDelayMs).toBe(60_000);
  });
});

describe("advertisements that went with their kind", () => {
  test("may return until there is one again, however long after their kind", async () => {
    const name = definitionName(configurationKinds.advertisements);
    remove(stores.definitions.advertisements, name);
    configuration.refresh();
    remove(stores.advertisements, "default");
    await settle();
    stores.definitions.advertisements.upsert(decodeDefinition(metadata(name)));
    await settle();
    expect(configuration.lost).toBe(false);
    expect(configuration.advertisementsMayReturn).toBe(true);
    stores.advertisements.upsert(decodeL2Advertisement({ ...metadata("other"), spec: {} }));
    await settle();
    expect(configuration.advertisementsMayReturn).toBe(false);
  });
});
