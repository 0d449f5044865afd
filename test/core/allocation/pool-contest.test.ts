import fc from "fast-check";
import { beforeEach, describe, expect, test } from "vitest";
import { type DatedPool, PoolContest } from "../../../src/core/allocation/pool-contest.ts";
import { poolKeeps, poolOffers } from "../../../src/core/model/ip-address-pool.ts";
import type { IpAllocation } from "../../../src/core/model/ip-allocation.ts";
import { formatIpAddress, type IpAddress } from "../../../src/core/net/ip-address.ts";
import { formatIpRange } from "../../../src/core/net/ip-range.ts";
import { ip } from "../net/arbitraries.ts";
import { poolOf } from "./pools.ts";

function dated(name: string, createdAt: string, ...texts: readonly string[]): DatedPool {
  return { createdAt, pool: poolOf(name, texts) };
}

function held(address: IpAddress, pool: string, state = "Allocated"): IpAllocation {
  return { address, pool, holders: [], state, bundle: undefined } as IpAllocation;
}

let contest: PoolContest;

/** The ranges that a pool gives, as text. */
function given(name: string): readonly string[] | undefined {
  return contest.pools.find((pool) => pool.name === name)?.ranges.map(formatIpRange);
}

function yielded(name: string): readonly string[] {
  return contest
    .yieldedBy(name)
    .map(({ to, because, ranges }) => `${ranges.map(formatIpRange)} to ${to}: ${because}`);
}

beforeEach(() => {
  contest = new PoolContest();
});

describe("pools that overlap", () => {
  const small = dated("a", "2026-02-01T00:00:00Z", "192.0.2.0/28");
  const large = dated("b", "2026-01-01T00:00:00Z", "192.0.2.8-192.0.2.99");
  const overlap = "192.0.2.8-192.0.2.15";

  test("yield to the older one, whatever their names", () => {
    contest.setPools([small, large], []);
    expect(given("a")).toEqual(["192.0.2.0-192.0.2.7"]);
    expect(given("b")).toEqual(["192.0.2.8-192.0.2.99"]);
    expect(yielded("a")).toEqual([`${overlap} to b: Older`]);
    expect(yielded("b")).toEqual([]);
  });

  test("of the same age yield to the first by name", () => {
    contest.setPools([small, { ...large, createdAt: small.createdAt }], []);
    expect(yielded("b")).toEqual([`${overlap} to a: Older`]);
  });

  test("yield to the one with addresses in use there, also when it is younger", () => {
    contest.setPools([small, large], [held(ip("192.0.2.9"), "a")]);
    expect(given("a")).toEqual(["192.0.2.0-192.0.2.15"]);
    expect(given("b")).toEqual(["192.0.2.16-192.0.2.99"]);
    expect(yielded("b")).toEqual([`${overlap} to a: InUse`]);
  });

  test("do not care for what is in use elsewhere, or cools down", () => {
    contest.setPools(
      [small, large],
      [held(ip("192.0.2.1"), "a"), held(ip("192.0.2.9"), "a", "Cooling")],
    );
    expect(yielded("a")).toEqual([`${overlap} to b: Older`]);
  });

  test("with addresses in use on both sides yield to the older one; what each gave it keeps", () => {
    contest.setPools([small, large], [held(ip("192.0.2.9"), "a"), held(ip("192.0.2.10"), "b")]);
    expect(yielded("a")).toEqual([`${overlap} to b: Older`]);
    const [loser] = contest.pools;
    expect(loser !== undefined && poolKeeps(loser, ip("192.0.2.9"))).toBe(true);
    expect(loser !== undefined && poolOffers(loser, ip("192.0.2.9"))).toBe(false);
  });

  test("change places when the last address in use goes, and not before", () => {
    const [one, two] = [held(ip("192.0.2.9"), "a"), held(ip("192.0.2.10"), "a")];
    contest.setPools([small, large], [one, two]);
    const { pools } = contest;
    expect(contest.allocationChanged(one, undefined)).toBe(false);
    expect(contest.pools).toBe(pools);
    expect(contest.allocationChanged(two, { ...two, state: "Cooling" })).toBe(true);
    expect(yielded("a")).toEqual([`${overlap} to b: Older`]);
    expect(contest.allocationChanged(undefined, held(ip("192.0.2.10"), "b"))).toBe(true);
    expect(contest.allocationChanged(undefined, held(ip("192.0.2.99"), "b"))).toBe(false);
  });
});

test("pools that do not overlap are what they were, whatever happens to their addresses", () => {
  const pools = [
    dated("a", "", "192.0.2.0-192.0.2.7", "192.0.2.4/30"),
    dated("b", "", "192.0.2.8/29", "2001:db8::/120"),
  ];
  contest.setPools(pools, []);
  expect(contest.pools).toEqual(pools.map(({ pool }) => pool));
  expect(contest.allocationChanged(undefined, held(ip("192.0.2.1"), "a"))).toBe(false);
});

test("of any pools, exactly one gives an address that any of them names; the others keep theirs", () => {
  const name = fc.constantFrom("p", "q", "r", "s");
  const host = fc.nat({ max: 15 });
  const at = (n: number): IpAddress => formatIpAddress(4, 0xc000_0200n + BigInt(n));
  const pool = fc
    .tuple(name, fc.constantFrom("1", "2"), fc.array(fc.tuple(host, host), { minLength: 1 }))
    .map(([name, createdAt, ends]) =>
      dated(
        name,
        createdAt,
        ...ends.map(([a, b]) => `${at(Math.min(a, b))}-${at(Math.max(a, b))}`),
      ),
    );
  const pools = fc.uniqueArray(pool, { selector: ({ pool }) => pool.name });
  const use = fc.array(fc.tuple(host, name).map(([n, name]) => held(at(n), name)));
  fc.assert(
    fc.property(pools, use, use, (all, before, later) => {
      const started = new PoolContest();
      started.setPools(all, before);
      const known = new Map(before.map((one) => [one.address, one]));
      started.setPools(all, known.values());
      for (const one of later) {
        started.allocationChanged(known.get(one.address), one);
        known.set(one.address, one);
      }
      const anew = new PoolContest();
      anew.setPools(all, known.values());
      expect(started.pools).toEqual(anew.pools);
      for (let n = 0; n < 16; n += 1) {
        const naming = all.filter(({ pool }) => poolOffers(pool, at(n)));
        expect(anew.pools.filter((pool) => poolOffers(pool, at(n))).length).toBe(
          Math.min(1, naming.length),
        );
        expect(anew.pools.filter((pool) => poolKeeps(pool, at(n))).length).toBe(naming.length);
      }
    }),
  );
});
