import { beforeEach, describe, expect, test } from "vitest";
import { PendingServices, type Waiting } from "../../src/controller/pending-services.ts";
import { waitingFor } from "../../src/controller/waiting-for.ts";
import { WakeUps } from "../../src/controller/wake-ups.ts";
import type { AddressPolicy } from "../../src/core/model/address-policy.ts";
import type { IpAllocation } from "../../src/core/model/ip-allocation.ts";
import { absentService, type Service } from "../../src/core/model/service.ts";
import type { IpAddress } from "../../src/core/net/ip-address.ts";
import { AllocationWorld } from "../core/allocation/allocation-world.ts";
import { poolOf } from "../core/allocation/pools.ts";
import { ip } from "../core/net/arbitraries.ts";
import { anyOf } from "./asked-work.ts";

let world: AllocationWorld;
let pending: PendingServices;
let wakeUps: WakeUps;
let woken: string[];

function hold(...addresses: readonly string[]): void {
  const holders = [{ namespace: "b", name: "other", uid: "1", ports: [] }];
  for (const address of addresses) {
    const allocation = { address: ip(address), pool: "web", holders, bundle: undefined };
    world.ledger.put({ ...allocation, state: "Allocated" });
  }
}

function free(address: IpAddress): void {
  world.ledger.remove(address);
  wakeUps.addressFreed(address);
}

const strict: AddressPolicy = {
  name: "p",
  pools: [],
  poolSelectors: [],
  profile: "Strict",
  excluded: [],
  reuseDelayMs: undefined,
  sharingScope: undefined,
  refusedAtAdmission: undefined,
};

/** Who was woken since the last call. */
function taken(): readonly string[] {
  return woken.splice(0);
}

beforeEach(() => {
  world = new AllocationWorld();
  pending = new PendingServices();
  woken = [];
  const queue = { add: (key: string): void => void woken.push(key) };
  wakeUps = new WakeUps({ state: world, pending, queue });
  world.putPool(poolOf("web", ["192.0.2.4/30"]));
  hold("192.0.2.4", "192.0.2.5", "192.0.2.6", "192.0.2.7");
});

describe("ten thousand Services that wait for a full pool", () => {
  beforeEach(() => {
    for (let at = 1; at <= 10_000; at += 1) {
      pending.add(`a/${at}`, { addresses: [], wants: [anyOf("web", 4)] });
    }
  });

  test("are left alone but for one when an address is freed, and for the next when he does not take it", () => {
    free(ip("192.0.2.5"));
    expect(taken()).toEqual(["a/1"]);
    wakeUps.lookedAt("a/1");
    expect(taken()).toEqual(["a/2"]);
    pending.remove("a/2");
    hold("192.0.2.5");
    wakeUps.lookedAt("a/2");
    expect(taken()).toEqual([]);
  });

  test("are woken one for each of several addresses", () => {
    free(ip("192.0.2.5"));
    free(ip("192.0.2.7"));
    expect(taken()).toEqual(["a/1", "a/2"]);
  });

  test("are left alone by a change of the network that frees nothing", () => {
    const node = ip("192.0.2.5");
    world.nodes.set("n1", {
      name: "n1",
      labels: {},
      addresses: [node],
      podCidrs: [],
      excluded: false,
    } as never);
    world.networksChanged();
    wakeUps.networksChanged();
    expect(taken()).toEqual([]);
  });

  test("are served as far as it goes when a change of the network frees something", () => {
    world.denyList.setRanges([
      { ...poolOf("", ["192.0.2.5/32"]).ranges[0], why: "a node's" } as never,
    ]);
    world.ledger.remove(ip("192.0.2.5"));
    wakeUps.networksChanged();
    expect(taken()).toEqual([]);
    world.denyList.setRanges([]);
    wakeUps.networksChanged();
    expect(taken()).toEqual(["a/1"]);
  });

  test("are all woken when other rules are in force", () => {
    wakeUps.everyone();
    expect(taken()).toHaveLength(10_000);
  });
});

test("who needs both families is not woken by an address of one", () => {
  pending.add("a/both", { addresses: [], wants: [{ pools: [{ name: "web" }], families: [4, 6] }] });
  free(ip("192.0.2.5"));
  expect(taken()).toEqual([]);
  world.putPool(poolOf("web", ["192.0.2.4/30", "2001:db8::/127"]));
  wakeUps.addressFreed(ip("2001:db8::1"));
  expect(taken()).toEqual(["a/both"]);
});

test("an address that only its last holder may have while it cools wakes nobody else", () => {
  pending.add("a/any", { addresses: [], wants: [anyOf("web", 4)] });
  const [known] = [world.ledger.get(ip("192.0.2.5"))];
  world.ledger.put({ ...(known as NonNullable<typeof known>), state: "Cooling" });
  world.policies.set("p", strict);
  wakeUps.addressFreed(ip("192.0.2.5"));
  expect(taken()).toEqual([]);
  world.policies.clear();
  wakeUps.addressFreed(ip("192.0.2.5"));
  expect(taken()).toEqual(["a/any"]);
});

test("an address is counted as nobody's where the pool that gave it keeps it for its last holder", () => {
  pending.add("a/any", { addresses: [], wants: [anyOf("web", 4)] });
  const known = world.ledger.get(ip("192.0.2.5")) as IpAllocation;
  world.ledger.put({ ...known, pool: "before", state: "Cooling" });
  world.policies.set("p", { ...strict, pools: ["before"] });
  wakeUps.addressFreed(ip("192.0.2.5"));
  expect(taken()).toEqual([]);
  free(ip("192.0.2.5"));
  expect(taken()).toEqual(["a/any"]);
});

test("a little room in each of many pools is counted as far as anybody can go on with, not in all at each look", () => {
  const addresses = Array.from({ length: 300 }, (_, at) => `198.51.${100 + (at >> 8)}.${at & 255}`);
  for (const address of addresses) {
    world.putPool(poolOf(`pool ${address}`, [`${address}/32`]));
  }
  hold(...addresses);
  const pools = world.pools.map(({ name }) => ({ name }));
  for (let at = 1; at <= 1_000; at += 1) {
    pending.add(`a/${at}`, { addresses: [], wants: [{ pools, families: [4] }] });
  }
  let counts = 0;
  const { supply } = world;
  const count = supply.count.bind(supply);
  supply.count = (...asked) => {
    counts += 1;
    return count(...asked);
  };
  for (const address of addresses) {
    free(ip(address));
  }
  const looked: string[] = [];
  for (let keys = taken(); keys.length > 0; keys = taken()) {
    for (const key of keys) {
      looked.push(key);
      const [place] = supply.withRoom(pools, [4], false);
      hold(...(place?.name.slice("pool ".length).split(" ") ?? []));
      pending.remove(key);
      wakeUps.lookedAt(key);
    }
  }
  expect(looked).toEqual(addresses.map((_, at) => `a/${at + 1}`));
  expect(counts).toBeLessThan(2 * 100 * addresses.length);
});

test("who asks for an address by name is woken when it is freed, or when it may be denied for another reason", () => {
  pending.add("a/named", { addresses: ["192.0.2.5"], wants: [] });
  wakeUps.networksChanged();
  expect(taken()).toEqual([]);
  free(ip("192.0.2.5"));
  expect(taken()).toEqual(["a/named"]);
  wakeUps.networksChanged();
  expect(taken()).toEqual(["a/named"]);
});

test("who held an address until a moment ago is woken when it is denied no more, and nobody else", () => {
  pending.add("a/any", { addresses: [], wants: [anyOf("web", 4)] });
  pending.add("b/other", { addresses: [], wants: [anyOf("web", 4)] });
  const known = world.ledger.get(ip("192.0.2.5"));
  world.ledger.put({ ...(known as NonNullable<typeof known>), state: "Cooling" });
  world.policies.set("p", strict);
  wakeUps.addressFreed(ip("192.0.2.5"));
  expect(taken()).toEqual(["b/other"]);
  wakeUps.networksChanged();
  expect(taken()).toEqual(["b/other"]);
});

describe("Services with a sharing key", () => {
  const sharing = { key: "x", backend: "" };

  function holdAs(name: string, port: number, address: string): void {
    const holder = { namespace: "b", name, uid: "1", sharing, ports: [{ protocol: "TCP", port }] };
    const allocation = { address: ip(address), pool: "web", bundle: undefined, holders: [holder] };
    world.ledger.put({ ...allocation, state: "Allocated" });
  }

  /** It waits as what it got makes it wait. */
  function wait(part: Partial<Service>): void {
    const base = {
      ...absentService(part.key ?? "a/one"),
      wantsAddress: true,
      families: [4 as const],
    };
    const service: Service = { ...base, sharing, ports: [{ protocol: "TCP", port: 80 }], ...part };
    world.putService(service.key, service);
    const decision = world.decide(service.key);
    pending.add(service.key, waitingFor(service, decision, world) as Waiting);
  }

  beforeEach(() => {
    holdAs("one", 80, "192.0.2.4");
    holdAs("two", 80, "192.0.2.5");
  });

  test("are woken one by one when a port of theirs is given up, not all ten thousand of them", () => {
    for (let at = 1; at <= 10_000; at += 1) {
      wait({ key: `a/${at}` });
    }
    wakeUps.holdersChanged(ip("192.0.2.4"), ["x"]);
    expect(taken()).toEqual([]);
    holdAs("one", 443, "192.0.2.4");
    wakeUps.holdersChanged(ip("192.0.2.4"), ["x"]);
    expect(taken()).toEqual(["a/1"]);
    wakeUps.lookedAt("a/1");
    expect(taken()).toEqual(["a/2"]);
    pending.remove("a/2");
    holdAs("one", 80, "192.0.2.4");
    wakeUps.lookedAt("a/2");
    expect(taken()).toEqual([]);
  });

  test("cost no look at the pools where nobody has a key of theirs", () => {
    for (let at = 1; at <= 100; at += 1) {
      wait({ key: `a/${at}`, sharing: { key: `mine ${at}`, backend: "" } });
    }
    let looks = 0;
    const policyFor = world.policyFor.bind(world);
    world.policyFor = (name) => {
      looks += 1;
      return policyFor(name);
    };
    wakeUps.networksChanged();
    expect(looks).toBe(0);
    world.decide("a/1");
    // For the words of the refusal.
    expect(looks).toBe(1);
  });

  test("are woken one for each address that is freed, whatever keys they have", () => {
    for (let at = 1; at <= 10_000; at += 1) {
      wait({ key: `a/${at}`, sharing: { key: `mine ${at}`, backend: "" } });
    }
    free(ip("192.0.2.6"));
    expect(taken()).toEqual(["a/1"]);
    wakeUps.lookedAt("a/1");
    expect(taken()).toEqual(["a/2"]);
    pending.remove("a/2");
    wakeUps.lookedAt("a/2");
    expect(taken()).toEqual(["a/3"]);
    wakeUps.networksChanged();
    expect(taken()).toEqual([]);
  });

  test("are woken by what friends released a moment ago, where all others have to wait for that", () => {
    holdAs("one", 443, "192.0.2.4");
    wait({ key: "a/any", sharing: undefined });
    wait({ key: "a/stranger", sharing: { key: "y", backend: "" } });
    const ports = [80, 443].map((port) => ({ protocol: "TCP", port }));
    wait({ key: "a/friend", ports });
    world.policies.set("p", { ...strict, reuseDelayMs: 0, sharingScope: "Cluster" });
    wakeUps.networksChanged();
    expect(taken()).toEqual([]);
    const [holder] = world.ledger.get(ip("192.0.2.4"))?.holders ?? [];
    const holders = [{ ...(holder as NonNullable<typeof holder>), ports: [] }];
    const released = { address: ip("192.0.2.4"), pool: "web", bundle: undefined, holders };
    world.ledger.put({ ...released, state: "Cooling" });
    wakeUps.addressFreed(ip("192.0.2.4"));
    expect(taken()).toEqual(["a/friend"]);
  });

  test("are left alone by holders of another key, and told of what they asked for by name", () => {
    wait({ key: "a/friend" });
    pending.add("a/named", { addresses: ["192.0.2.4"], wants: [] });
    wakeUps.holdersChanged(ip("192.0.2.4"), ["y"]);
    expect(taken()).toEqual(["a/named"]);
  });

  test("are woken when what friends hold is denied no more", () => {
    holdAs("one", 443, "192.0.2.4");
    world.denyList.addClaim(ip("192.0.2.4"), "b/foreign");
    wait({ key: "a/friend" });
    world.denyList.removeClaim(ip("192.0.2.4"), "b/foreign");
    wakeUps.addressFreed(ip("192.0.2.4"));
    expect(taken()).toEqual(["a/friend"]);
    wakeUps.lookedAt("a/friend");
    pending.add("a/named", { addresses: ["192.0.2.4"], wants: [] });
    wakeUps.networksChanged();
    expect(taken()).toEqual(["a/friend", "a/named"]);
  });

  test("are woken by an address of one family where the other one can be shared", () => {
    world.putPool(poolOf("web", ["192.0.2.4/30", "2001:db8::8/128"]));
    hold("2001:db8::8");
    holdAs("one", 443, "192.0.2.4");
    wait({ key: "a/both", families: [4, 6], familyPolicy: "RequireDualStack" });
    free(ip("2001:db8::8"));
    expect(taken()).toEqual(["a/both"]);
  });
});
