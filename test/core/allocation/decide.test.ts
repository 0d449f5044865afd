import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { candidatePools } from "../../../src/core/allocation/choose.ts";
import { poolOffers } from "../../../src/core/model/ip-address-pool.ts";
import { type Holder, holderOf } from "../../../src/core/model/ip-allocation.ts";
import { absentService, type Service } from "../../../src/core/model/service.ts";
import {
  familyOf,
  formatIpAddress,
  type IpAddress,
  toNumber,
} from "../../../src/core/net/ip-address.ts";
import { ip } from "../net/arbitraries.ts";
import { history, play } from "./allocation-history.ts";
import { AllocationWorld } from "./allocation-world.ts";
import { poolOf } from "./pools.ts";

/** Who holds what, as text. */
function holdings(world: AllocationWorld): readonly string[] {
  return [...world.ledger.allocations()]
    .filter(({ state }) => state === "Allocated")
    .flatMap(({ address: held, holders }) => holders.map(({ uid }) => `${held} ${uid}`))
    .sort();
}

/** Whether two may have one address: said without the code that decides. */
function mayShare(a: Holder, b: Holder): boolean {
  const ports = new Set(b.ports.map(({ port }) => port));
  const pods = ({ sharing, namespace }: Holder): string =>
    sharing === undefined || sharing.backend === "" ? "" : `${namespace} ${sharing.backend}`;
  return (
    a.sharing !== undefined &&
    a.sharing.key === b.sharing?.key &&
    pods(a) === pods(b) &&
    !a.ports.some(({ port }) => ports.has(port))
  );
}

/** Whether the Service may have an address beside those that hold it, if anybody does. */
function fitsOn(world: AllocationWorld, key: string, it: IpAddress): boolean {
  const allocation = world.ledger.get(it);
  const asking = world.services.get(key);
  return (
    allocation?.state !== "Allocated" ||
    (asking !== undefined &&
      allocation.holders.every(
        (holder) => holder.uid === asking.uid || mayShare(holderOf(asking), holder),
      ))
  );
}

/** Whether what a Service has had since before us can stay with it, whatever policies or claims say of it. */
function canStay(world: AllocationWorld, key: string, it: IpAddress): boolean {
  const asking = world.services.get(key);
  const pool = world.poolOf(it);
  const open = pool?.serviceAllocation?.namespaces ?? [];
  return (
    asking?.families.includes(familyOf(it)) === true &&
    pool !== undefined &&
    (open.length === 0 || open.includes(asking.namespace)) &&
    !world.apiServers.includes(it) &&
    fitsOn(world, key, it)
  );
}

describe("whatever happens to pools, Services and networks", () => {
  test("an address that is denied, taken or in no pool is never granted", () => {
    fc.assert(
      fc.property(history, (steps) => {
        play(steps, (world, key, decideNow) => {
          const held = new Set(world.ledger.heldBy(key));
          const decision = world.decide(key);
          const gained =
            "addresses" in decision ? decision.addresses.filter((it) => !held.has(it)) : [];
          for (const it of gained) {
            expect(world.denyList.reasonAgainst(it, key)).toBeUndefined();
            expect(fitsOn(world, key, it)).toBe(true);
            expect(world.poolOf(it)).toBeDefined();
            expect(world.networksKnown).toBe(true);
          }
          decideNow();
        });
      }),
    );
  });

  test("what a Service has had since before us it keeps, unless the cluster uses it or its pool is not for it", () => {
    fc.assert(
      fc.property(history, (steps) => {
        play(steps, (world, key, decideNow) => {
          const asking = world.services.get(key);
          const shown = asking?.statusAddresses ?? [];
          const it = world.live
            .get(key)
            ?.find((one) => shown.includes(one) && canStay(world, key, one));
          const asks = asking?.wish.addresses.length !== 0 || asking.wish.pool !== undefined;
          const both = asking?.familyPolicy === "RequireDualStack";
          const isReady = world.networksKnown && !world.configurationLost;
          const hasNone = world.ledger.heldBy(key).length === 0;
          if (it !== undefined && isReady && hasNone && !asks && !both) {
            expect(world.decide(key)).toMatchObject({ addresses: expect.arrayContaining([it]) });
          }
          decideNow();
        });
      }),
    );
  });

  test("a decision about one Service moves no other's address", () => {
    fc.assert(
      fc.property(history, (steps) => {
        play(steps, (world, key, decideNow) => {
          const others = (): readonly string[] => holdings(world).filter((it) => !it.endsWith(key));
          const before = others();
          decideNow();
          expect(others()).toEqual(before);
        });
      }),
    );
  });

  test("nobody gets a free address of a pool who could have joined friends in one that serves him", () => {
    fc.assert(
      fc.property(history, (steps) => {
        play(steps, (world, key, decideNow) => {
          const decision = world.decide(key);
          const asking = world.services.get(key);
          const leaves = asking?.wish.addresses.length === 0 && asking.statusAddresses.length === 0;
          const [got, ...more] = decision.kind === "grant" ? decision.addresses : [];
          if (asking !== undefined && leaves && got !== undefined && more.length === 0) {
            const pools = candidatePools(asking, world);
            const friends = [...world.ledger.allocations()].filter(
              ({ address: it, state }) =>
                state === "Allocated" &&
                familyOf(it) === familyOf(got) &&
                !("reason" in pools) &&
                pools.some((one) => poolOffers(one, it)) &&
                !world.denyList.blocks(it) &&
                fitsOn(world, key, it) &&
                world.ledger.heldBy(key).length === 0,
            );
            expect(world.ledger.get(got) !== undefined || friends.length === 0).toBe(true);
          }
          decideNow();
        });
      }),
    );
  });

  test("an address is only lost with a reason", () => {
    fc.assert(
      fc.property(history, (steps) => {
        play(steps, (world, key, decideNow) => {
          const held = world.ledger.heldBy(key);
          const decision = world.decide(key);
          const target = "addresses" in decision ? decision.addresses : [];
          const lost = held.filter((it) => !target.includes(it));
          const reason =
            decision.kind === "revoke"
              ? decision.reason
              : decision.kind === "grant"
                ? decision.revoked
                : undefined;
          expect(reason !== undefined).toBe(lost.length > 0);
          decideNow();
        });
      }),
    );
  });

  test("another namespace's Service is never named", () => {
    fc.assert(
      fc.property(history, (steps) => {
        play(steps, (world, key, decideNow) => {
          const decision = world.decide(key);
          const refusal = decision.kind === "refuse" ? decision : decision.refusal;
          const foreign = key.startsWith("a/") ? "b/" : "a/";
          expect(refusal?.message ?? "").not.toMatch(new RegExp(`\\b${foreign}`));
          decideNow();
        });
      }),
    );
  });
});

describe("a Service that holds two addresses, because a leader died between taking and giving back", () => {
  const key = "a/twice";
  const wish: Service["wish"] = { addresses: [], source: "", pool: undefined, error: undefined };
  const twice = (change: Partial<Service>): AllocationWorld => {
    const world = new AllocationWorld();
    world.putPool(poolOf("p", ["192.0.2.0-192.0.2.9"]));
    const service: Service = {
      ...absentService(key),
      wantsAddress: true,
      families: [4],
      ...change,
    };
    world.putService(key, service);
    const holders = [{ namespace: "a", name: "twice", uid: "", ports: [] }];
    for (const address of ["192.0.2.1", "192.0.2.2"].map(ip)) {
      world.ledger.put({ address, pool: "p", holders, state: "Allocated", bundle: undefined });
    }
    return world;
  };

  test.each([
    { shown: ["192.0.2.2"], kept: ["192.0.2.2"] },
    { shown: [], kept: ["192.0.2.1"] },
    { shown: ["192.0.2.2", "192.0.2.1"], kept: ["192.0.2.2", "192.0.2.1"] },
  ])("keeps of them what its status shows, in its order: $shown", ({ shown, kept }) => {
    const world = twice({ statusAddresses: shown.map(ip) });
    const expected = { addresses: kept, ...(kept.length < 2 ? { reason: "RequestChanged" } : {}) };
    expect(world.decide(key)).toMatchObject(expected);
  });

  test("keeps of them what it asks for, where that cannot be met as a whole and its status is not written yet", () => {
    const addresses = ["192.0.2.2", "192.0.2.200"].map(ip);
    const world = twice({ wish: { ...wish, addresses } });
    expect(world.decide(key)).toMatchObject({ kind: "revoke", addresses: ["192.0.2.2"] });
  });

  test("keeps none that no pool offers, whatever pool it asks for", () => {
    const world = twice({ wish: { ...wish, pool: "unknown" }, statusAddresses: [ip("192.0.2.1")] });
    expect(world.decide(key)).toMatchObject({ kind: "revoke", addresses: ["192.0.2.1"] });
    world.putPool(poolOf("p", ["198.51.100.0/24"]));
    expect(world.decide(key)).toMatchObject({
      kind: "revoke",
      addresses: [],
      refusal: { reason: "PoolUnknown" },
    });
  });
});

test("an address that is quarantined is joined by nobody, whoever stands in it", () => {
  const world = new AllocationWorld();
  world.putPool(poolOf("p", ["192.0.2.1/32"]));
  const sharing = { key: "x", backend: "" };
  const service: Service = {
    ...absentService("a/one"),
    wantsAddress: true,
    families: [4],
    sharing,
  };
  world.putService("a/one", service);
  world.putService("a/two", {
    ...service,
    ...{ key: "a/two", name: "two" },
    wish: { addresses: [ip("192.0.2.1")], source: "", pool: undefined, error: undefined },
  });
  const friend = { namespace: "a", name: "friend", uid: "f", ports: [], sharing };
  for (const holders of [[], [friend]]) {
    world.ledger.put({
      ...{ address: ip("192.0.2.1"), pool: "p", holders },
      ...{ state: "Quarantined", bundle: undefined },
    });
    expect(world.decide("a/one")).toMatchObject({ kind: "refuse", reason: "PoolExhausted" });
    expect(world.decide("a/two")).toMatchObject({ kind: "refuse", reason: "AddressConflict" });
  }
});

test("ten thousand Services from a /16 are decided in one go, each with its own address", () => {
  const world = new AllocationWorld();
  world.putPool(poolOf("big", ["10.1.0.0/16"]));
  const all = Array.from({ length: 10_000 }, (_, n) => n);
  const decisions = all.map((n) => {
    const key = `a/service-${n}`;
    world.putService(key, { ...absentService(key), wantsAddress: true, families: [4] });
    return world.settle(key);
  });
  const first = toNumber(ip("10.1.0.0"));
  expect(decisions).toEqual(
    all.map((n) => ({ kind: "grant", addresses: [formatIpAddress(4, first + BigInt(n))] })),
  );
  expect(world.ledger.get(ip("10.1.39.15"))?.holders[0]?.name).toBe("service-9999");
});
