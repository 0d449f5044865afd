import { beforeEach, describe, expect, test } from "vitest";
import { PendingServices } from "../../src/controller/pending-services.ts";
import { WakeUps } from "../../src/controller/wake-ups.ts";
import type { IpAddressPool } from "../../src/core/model/ip-address-pool.ts";
import type { IpAddress } from "../../src/core/net/ip-address.ts";
import { parseIpRange } from "../../src/core/net/ip-range.ts";
import { AllocationWorld } from "../core/allocation/allocation-world.ts";
import { ip } from "../core/net/arbitraries.ts";
import { anyOf } from "./asked-work.ts";

let world: AllocationWorld;
let pending: PendingServices;
let wakeUps: WakeUps;
let woken: string[];

function pool(name: string, ...ranges: readonly string[]): IpAddressPool {
  return {
    name,
    labels: {},
    ranges: ranges.map((text) => {
      const parsed = parseIpRange(text);
      return parsed.ok ? parsed.range : expect.unreachable(parsed.error);
    }),
    autoAssign: true,
    avoidBuggyIPs: false,
    serviceAllocation: undefined,
  };
}

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
  world.putPool(pool("web", "192.0.2.4/30"));
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
    world.denyList.setRanges([{ ...pool("", "192.0.2.5/32").ranges[0], why: "a node's" } as never]);
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
  world.putPool(pool("web", "192.0.2.4/30", "2001:db8::/127"));
  wakeUps.addressFreed(ip("2001:db8::1"));
  expect(taken()).toEqual(["a/both"]);
});

test("an address that only its last holder may have while it cools wakes nobody else", () => {
  pending.add("a/any", { addresses: [], wants: [anyOf("web", 4)] });
  const [known] = [world.ledger.get(ip("192.0.2.5"))];
  world.ledger.put({ ...(known as NonNullable<typeof known>), state: "Cooling" });
  world.policies.set("p", {
    name: "p",
    pools: [],
    poolSelectors: [],
    profile: "Strict",
    excluded: [],
    reuseDelayMs: undefined,
    sharingScope: undefined,
  } as never);
  wakeUps.addressFreed(ip("192.0.2.5"));
  expect(taken()).toEqual([]);
  world.policies.clear();
  wakeUps.addressFreed(ip("192.0.2.5"));
  expect(taken()).toEqual(["a/any"]);
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

test("who shares by the same key is woken when the holders of an address leave room", () => {
  pending.add("a/friend", { addresses: [], wants: [], sharingKey: "x" });
  pending.add("a/named", { addresses: ["192.0.2.5"], wants: [] });
  pending.add("a/stranger", { addresses: [], wants: [], sharingKey: "y" });
  wakeUps.holdersChanged(ip("192.0.2.5"), ["x"]);
  expect(taken()).toEqual(["a/named", "a/friend"]);
});
