import assert from "node:assert/strict";
import fc from "fast-check";
import {
  type AllocationDecision,
  targetOf,
} from "../../../src/core/allocation/allocation-decision.ts";
import type { IpAddressPool } from "../../../src/core/model/ip-address-pool.ts";
import type { Holder } from "../../../src/core/model/ip-allocation.ts";
import type { Service } from "../../../src/core/model/service.ts";
import { familyOf, type IpAddress, toNumber } from "../../../src/core/net/ip-address.ts";
import type { IpRange } from "../../../src/core/net/ip-range.ts";
import { watched, writesNothingWithout } from "../../simulation/stores-first.ts";
import { history, play, type Step, service, take } from "./allocation-history.ts";
import { AllocationWorld } from "./allocation-world.ts";

/** How thoroughly to look: a failing run is repeated by its seed. */
export interface Trials {
  readonly numRuns?: number;
  readonly seed?: number;
}

/**
 * What must hold whatever happens, by the names that the reference on code gives it. Each throws
 * with the history that breaks it. They are said without the code that decides, as far as can be.
 * A6 needs a whole controller: test/simulation/stores-first.test.ts has it, kind by kind.
 */
export const invariants = {
  A1: sharersAgree,
  A2: everyAddressIsAdmitted,
  A3: decidingTwiceChangesNothing,
  A4: orderPlaysNoPart,
  A5: removalMovesNobody,
  A6: nothingIsWrittenTooEarly,
} as const satisfies Record<string, (trials?: Trials) => void | Promise<void>>;

/** A1: two Services hold one address only with equal sharing keys, the same Pods and no port in common. */
function sharersAgree(trials?: Trials): void {
  holdsAlong(trials, (world, _, decideNow) => {
    decideNow();
    for (const { address, holders, state } of world.ledger.allocations()) {
      for (const [index, one] of state === "Allocated" ? holders.entries() : []) {
        for (const other of holders.slice(index + 1)) {
          assert.ok(agree(one, other), `${address}: ${one.uid} and ${other.uid} share it`);
        }
      }
    }
  });
}

function agree(a: Holder, b: Holder): boolean {
  const pods = ({ sharing, namespace }: Holder): string =>
    sharing === undefined || sharing.backend === "" ? "" : `${namespace} ${sharing.backend}`;
  const ports = new Set(a.ports.map(({ protocol, port }) => `${protocol}/${port}`));
  return (
    a.sharing !== undefined &&
    a.sharing.key === b.sharing?.key &&
    pods(a) === pods(b) &&
    b.ports.every(({ protocol, port }) => !ports.has(`${protocol}/${port}`))
  );
}

/**
 * A2: what a Service gets is in a pool that admits it, given by one pool only, is denied to nobody and
 * not avoided; what it keeps without a complaint still is in such a pool.
 */
function everyAddressIsAdmitted(trials?: Trials): void {
  holdsAlong(trials, (world, key, decideNow) => {
    const held = world.ledger.heldBy(key);
    const decision = world.decide(key);
    const asking = world.services.get(key);
    const live = world.live.get(key) ?? [];
    if (asking !== undefined && "addresses" in decision) {
      const gained = decision.addresses.filter((it) => !held.includes(it));
      const content = decision.refusal === undefined ? decision.addresses : gained;
      for (const it of content) {
        assert.ok(
          [...world.pools].some((pool) => names(pool, it) && admits(pool, asking)),
          `${key} gets or keeps ${it}, which no pool has for it`,
        );
      }
      for (const it of gained) {
        const pools = world.pools.filter((pool) => names(pool, it) && admits(pool, asking));
        const chosen = ![...asking.wish.addresses, ...asking.statusAddresses].includes(it);
        const isOpen = pools.some(
          ({ autoAssign, name }) => !chosen || autoAssign || name === asking.wish.pool,
        );
        assert.equal(
          world.pools.filter(({ ranges }) => isIn(ranges, it)).length,
          1,
          `who gives ${it}`,
        );
        assert.ok(isOpen, `${key} was given ${it} of a pool that only gives when it is named`);
        assert.ok(!world.apiServers.includes(it), `${key} gets ${it}, which is denied`);
        assert.ok(live.includes(it) || !world.policies.has(it), `${key} gets ${it}, excluded`);
        const rival = rivalFor(world, it, asking);
        assert.ok(rival === undefined, `${key} gets ${it}, which ${rival} has since before us`);
        assert.ok(world.networksKnown, `${key} gets ${it} before the networks are known`);
      }
    }
    decideNow();
  });
}

/** Another Service that has had the address since before us, and with which this one may not have it. */
function rivalFor(world: AllocationWorld, it: IpAddress, asking: Service): string | undefined {
  return [...world.live.keys()].find((key) => {
    const other = world.services.get(key);
    const isFriend = asking.sharing !== undefined && asking.sharing.key === other?.sharing?.key;
    return key !== asking.key && world.live.get(key)?.includes(it) === true && !isFriend;
  });
}

function names(pool: IpAddressPool, address: IpAddress): boolean {
  const avoided = pool.avoidBuggyIPs && /^\d.*\.(0|255)$/.test(address);
  return isIn([...pool.ranges, ...(pool.yielded ?? [])], address) && !avoided;
}

function isIn(ranges: readonly IpRange[], address: IpAddress): boolean {
  const value = toNumber(address);
  return ranges.some(
    ({ family, first, last }) => family === familyOf(address) && first <= value && value <= last,
  );
}

function admits({ serviceAllocation }: IpAddressPool, { namespace }: Service): boolean {
  const namespaces = serviceAllocation?.namespaces ?? [];
  return namespaces.length === 0 || namespaces.includes(namespace);
}

/** A3: deciding again, after what was decided was carried out, changes nothing. */
function decidingTwiceChangesNothing(trials?: Trials): void {
  holdsAlong(trials, (world, key) => {
    const first = settleWithPools(world, key);
    const before = facts(world);
    const again = world.settle(key);
    assert.ok(again.kind === "keep" || again.kind === "refuse", `${key}: ${again.kind} again`);
    assert.deepEqual(targetOf(again), targetOf(first), `${key}: its addresses change places`);
    assert.deepEqual(facts(world), before);
  });
}

/** Decides until no grant makes another of the pools that overlap the giving one, which is soon. */
function settleWithPools(world: AllocationWorld, key: string): AllocationDecision {
  const given = (): string => text(world.pools.map(({ name, ranges }) => [name, ranges]));
  for (let tries = 0; tries < 9; tries += 1) {
    const before = given();
    const decision = world.settle(key);
    if (given() === before) {
      return decision;
    }
  }
  return assert.fail(`${key} moves from pool to pool without an end`);
}

/** A4: in whatever order pools, Services, allocations and denials became known, the decision is the same. */
function orderPlaysNoPart(trials?: Trials): void {
  fc.assert(
    fc.property(history, service, fc.infiniteStream(fc.nat()), (steps, asking, chance) => {
      const world = worldAfter(steps);
      const copy = copyOf(world, () => chance.next().value as number);
      assert.deepEqual(copy.pools, world.pools);
      for (const one of [world, copy]) {
        one.putService(asking.key, asking);
      }
      assert.deepEqual(copy.decide(asking.key), world.decide(asking.key));
      for (const { name } of world.pools) {
        for (const family of [4, 6] as const) {
          assert.deepEqual(copy.supply.count(name, family), world.supply.count(name, family));
        }
      }
    }),
    trials,
  );
}

/** A5: when a Service goes, nobody who asks for nothing in particular loses or changes an address. */
function removalMovesNobody(trials?: Trials): void {
  fc.assert(
    fc.property(history, fc.nat(), (steps, chance) => {
      const world = worldAfter(steps);
      const keys = [...world.services.keys()];
      for (const key of [...keys, ...keys]) {
        settleWithPools(world, key);
      }
      const undemanding = keys.filter((key) => {
        const { wish, statusAddresses } = world.services.get(key) as Service;
        return wish.addresses.length === 0 && wish.pool === undefined && !statusAddresses.length;
      });
      const before = new Map(undemanding.map((key) => [key, world.ledger.heldBy(key)]));
      const gone = keys[chance % Math.max(1, keys.length)] ?? "nobody/knows";
      world.putService(gone, undefined);
      world.settle(gone);
      for (const key of undemanding.filter((one) => one !== gone)) {
        settleWithPools(world, key);
        for (const address of before.get(key) ?? []) {
          assert.ok(
            world.ledger.heldBy(key).includes(address),
            `${key} lost ${address} when ${gone} went`,
          );
        }
      }
    }),
    trials,
  );
}

/** A6: nothing is written before every store has synced, whichever is the last one. */
async function nothingIsWrittenTooEarly(): Promise<void> {
  for (const kind of watched) {
    await writesNothingWithout(kind);
  }
}

/** Runs histories, calling `check` around each decision. */
function holdsAlong(
  trials: Trials | undefined,
  check: (world: AllocationWorld, key: string, decideNow: () => void) => void,
): void {
  fc.assert(
    fc.property(history, (steps) => play(steps, check)),
    trials,
  );
}

function worldAfter(steps: readonly Step[]): AllocationWorld {
  const world = new AllocationWorld();
  for (const it of steps) {
    world.settle(take(world, it) ?? "nobody/knows");
  }
  return world;
}

/** The same world, made from its facts in another order. */
function copyOf(world: AllocationWorld, chance: () => number): AllocationWorld {
  const shuffled = <T>(items: Iterable<T>): readonly T[] =>
    [...items]
      .map((item) => ({ item, rank: chance() }))
      .sort((a, b) => a.rank - b.rank)
      .map(({ item }) => item);
  const copy = new AllocationWorld();
  for (const { pool, createdAt } of shuffled(world.written)) {
    copy.putPool(pool, createdAt);
  }
  for (const it of shuffled(world.ledger.allocations())) {
    copy.ledger.put(it);
  }
  for (const it of shuffled(world.services.values())) {
    copy.putService(it.key, it);
  }
  for (const [key, addresses] of shuffled(world.live)) {
    copy.live.set(key, addresses);
    copy.denyList.setLive(key, addresses);
  }
  for (const it of shuffled(world.policies.values())) {
    copy.policies.set(it.name, it);
  }
  copy.apiServers.push(...shuffled(world.apiServers));
  copy.networksChanged();
  copy.networksKnown = world.networksKnown;
  return copy;
}

/** All that is allocated, as values. */
function facts(world: AllocationWorld): unknown {
  return [...world.ledger.allocations()].sort((a, b) => (a.address < b.address ? -1 : 1));
}

function text(value: unknown): string {
  return JSON.stringify(value, (_, item) => (typeof item === "bigint" ? `${item}` : item));
}
