import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { DenyList } from "../../../src/core/allocation/deny-list.ts";
import { Ledger } from "../../../src/core/allocation/ledger.ts";
import { Supply } from "../../../src/core/allocation/supply.ts";
import {
  comparePools,
  type IpAddressPool,
  poolOffers,
} from "../../../src/core/model/ip-address-pool.ts";
import type { IpAllocation } from "../../../src/core/model/ip-allocation.ts";
import {
  formatIpAddress,
  type IpAddress,
  type IpFamily,
  toNumber,
} from "../../../src/core/net/ip-address.ts";
import type { IpRange } from "../../../src/core/net/ip-range.ts";
import { ip, range as parsed } from "../net/arbitraries.ts";

/** Around a border between two /24, so that .0 and .255 are among the addresses. */
const lowest = { 4: toNumber(ip("192.0.1.250")), 6: toNumber(ip("2001:db8::fff8")) };
const universe = 16;
const names = ["one", "two", "three"];

const family = fc.constantFrom<IpFamily[]>(4, 6);
const address = fc
  .tuple(family, fc.nat({ max: universe - 1 }))
  .map(([of, at]) => formatIpAddress(of, lowest[of] + BigInt(at)));
const range: fc.Arbitrary<IpRange> = fc
  .tuple(family, fc.nat({ max: universe - 1 }), fc.nat({ max: 7 }))
  .map(([of, at, length]) => {
    const first = lowest[of] + BigInt(at);
    return { family: of, first, last: first + BigInt(length) };
  });

const pool: fc.Arbitrary<IpAddressPool> = fc
  .tuple(fc.constantFrom(...names), fc.array(range, { maxLength: 4 }), fc.boolean())
  .map(([name, ranges, avoidBuggyIPs]) => poolOf(name, ranges, avoidBuggyIPs));
const pools = fc
  .uniqueArray(pool, { selector: ({ name }) => name })
  .map((some) => some.sort(comparePools));

type Change = (parts: Parts) => void;

/** What a supply stands on. */
interface Parts {
  readonly ledger: Ledger;
  readonly denyList: DenyList;
  setPools(pools: readonly IpAddressPool[]): void;
}

const change: fc.Arbitrary<Change> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc
      .tuple(
        address,
        fc.constantFrom("Allocated", "Cooling", "Quarantined"),
        fc.constantFrom(...names),
      )
      .map(
        ([one, state, name]): Change =>
          ({ ledger }) =>
            ledger.put(allocation(one, state as IpAllocation["state"], name)),
      ),
  },
  {
    weight: 3,
    arbitrary: address.map(
      (one): Change =>
        ({ ledger }) =>
          ledger.remove(one),
    ),
  },
  {
    weight: 2,
    arbitrary: fc.tuple(address, fc.boolean(), fc.constantFrom("a/x", "b/y")).map(
      ([one, comes, key]): Change =>
        ({ denyList }) =>
          comes ? denyList.addClaim(one, key) : denyList.removeClaim(one, key),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.array(range, { maxLength: 3 }).map(
      (ranges): Change =>
        ({ denyList }) =>
          denyList.setRanges(ranges.map((one) => ({ ...one, why: "a node's" }))),
    ),
  },
  {
    weight: 1,
    arbitrary: pools.map(
      (some): Change =>
        ({ setPools }) =>
          setPools(some),
    ),
  },
);

function poolOf(name: string, ranges: readonly IpRange[], avoidBuggyIPs: boolean): IpAddressPool {
  const serviceAllocation = undefined;
  return { name, labels: {}, ranges, autoAssign: true, avoidBuggyIPs, serviceAllocation };
}

function allocation(one: IpAddress, state: IpAllocation["state"], name: string): IpAllocation {
  const holders = [{ namespace: "a", name: `of-${one}`, uid: one, ports: [] }];
  return { address: one, pool: name, state, holders, bundle: undefined };
}

/** All that can be asked of a supply. */
function answers(supply: Supply, known: readonly IpAddressPool[]): unknown {
  return {
    counts: names.map((name) => [supply.count(name, 4), supply.count(name, 6)]),
    lowest: names.map((name) => [supply.lowestFree(name, 4), supply.lowestFree(name, 6)]),
    room: [[4], [6], [4, 6]].map((families) =>
      [false, true].map((orCooling) =>
        [...supply.withRoom(known, families as IpFamily[], orCooling)].map(({ name }) => name),
      ),
    ),
  };
}

/** The same, by looking at each address. */
function counted(parts: Parts, known: readonly IpAddressPool[]): unknown {
  const named = (name: string): IpAddressPool | undefined => known.find((one) => one.name === name);
  const offered = (name: string, of: IpFamily): readonly IpAddress[] =>
    (named(name)?.ranges ?? [])
      .filter((one) => one.family === of)
      .flatMap(({ first, last }) => {
        const length = Number(last - first) + 1;
        return Array.from({ length }, (_, at) => formatIpAddress(of, first + BigInt(at)));
      })
      .filter((one) => poolOffers(named(name) as IpAddressPool, one));
  const isAllowed = (one: IpAddress): boolean =>
    parts.denyList.reasonAgainst(one, "nobody") === undefined;
  const free = (name: string, of: IpFamily): readonly IpAddress[] =>
    offered(name, of).filter((one) => isAllowed(one) && parts.ledger.get(one) === undefined);
  const cooling = (name: string, of: IpFamily): readonly IpAddress[] =>
    offered(name, of).filter((one) => isAllowed(one) && parts.ledger.get(one)?.state === "Cooling");
  const count = (list: readonly IpAddress[]): bigint => BigInt(new Set(list).size);
  const assigned = (name: string, of: IpFamily): bigint =>
    count(
      [...parts.ledger.allocations()]
        .filter((one) => one.pool === name && one.state === "Allocated")
        .map((one) => one.address)
        .filter((one) => one.includes(":") === (of === 6)),
    );
  const lowestOf = (name: string, of: IpFamily): IpAddress | undefined => free(name, of)[0];
  return {
    counts: names.map((name) =>
      ([4, 6] as const).map((of) => ({
        size: count(offered(name, of)),
        assigned: assigned(name, of),
        free: count(free(name, of)),
        cooling: count(cooling(name, of)),
      })),
    ),
    lowest: names.map((name) => [lowestOf(name, 4), lowestOf(name, 6)]),
    room: [[4], [6], [4, 6]].map((families) =>
      [false, true].map((orCooling) =>
        known
          .map(({ name }) => name)
          .filter((name) =>
            families.every(
              (of) =>
                free(name, of as IpFamily).length > 0 ||
                (orCooling && cooling(name, of as IpFamily).length > 0),
            ),
          ),
      ),
    ),
  };
}

describe("the supply of pools", () => {
  test("kept up change by change equals one made from scratch, and counting address by address", () => {
    fc.assert(
      fc.property(fc.array(change, { maxLength: 40 }), fc.boolean(), (changes, askOften) => {
        const [ledger, denyList] = [new Ledger(), new DenyList()];
        let known: readonly IpAddressPool[] = [];
        const supply = new Supply(ledger, denyList);
        const parts: Parts = {
          ledger,
          denyList,
          setPools: (some) => {
            known = some;
            supply.setPools(some);
          },
        };
        for (const carryOut of changes) {
          carryOut(parts);
          if (askOften) {
            supply.count("one", 4);
          }
        }
        const fresh = new Supply(ledger, denyList);
        fresh.setPools(known);
        const expected = counted(parts, known);
        expect(answers(supply, known)).toEqual(expected);
        expect(answers(fresh, known)).toEqual(expected);
      }),
    );
  });

  test("counts huge pools exactly, with the small range that stands behind", () => {
    const [supply] = supplyOf([
      poolOf("one", [parsed("fd00::/64"), parsed("192.0.2.0/24")], true),
      poolOf("two", ["fd01::/67", "fd01:0:0:0:2000::/67", "fd01::/66"].map(parsed), true),
      poolOf("three", [parsed("192.0.3.0/32"), parsed("192.0.3.255-192.0.4.1")], true),
    ]);
    expect(supply.count("one", 6).free).toBe(2n ** 64n);
    expect(supply.count("one", 4)).toMatchObject({ size: 254n, free: 254n });
    expect(supply.count("two", 6).size).toBe(2n ** 62n);
    expect(supply.count("three", 4)).toMatchObject({ size: 1n, free: 1n, assigned: 0n });
    expect(supply.lowestFree("three", 4)).toBe("192.0.4.1");
  });

  test("of a full pool that avoids .0 and .255 only the last address is left, found in one step", () => {
    const [supply, ledger] = supplyOf([poolOf("one", [parsed("10.0.0.0/16")], true)]);
    const first = toNumber(ip("10.0.0.0"));
    for (let at = 0n; at < 65_534n; at += 1n) {
      const host = at & 255n;
      if (host !== 0n && host !== 255n) {
        ledger.put(allocation(formatIpAddress(4, first + at), "Allocated", "one"));
      }
    }
    expect(supply.count("one", 4)).toEqual({
      size: 65_024n,
      assigned: 65_023n,
      free: 1n,
      cooling: 0n,
    });
    expect(supply.lowestFree("one", 4)).toBe("10.0.255.254");
    expect(supply.nextFree("one", 4, 5)).toEqual(["10.0.255.254"]);
  });

  test("what a pool gives next is in the order in which it gives it, without what it avoids or has given", () => {
    const [supply, ledger] = supplyOf([
      poolOf(
        "one",
        [parsed("10.0.1.0/30"), parsed("10.0.0.254-10.0.1.1"), parsed("fd00::/64")],
        true,
      ),
    ]);
    ledger.put(allocation(ip("10.0.1.2"), "Allocated", "one"));
    expect(supply.nextFree("one", 4, 3)).toEqual(["10.0.1.1", "10.0.1.3", "10.0.0.254"]);
    expect(supply.nextFree("one", 6, 2)).toEqual(["fd00::", "fd00::1"]);
    expect(supply.nextFree("other", 4, 2)).toEqual([]);
  });
});

function supplyOf(known: readonly IpAddressPool[]): readonly [Supply, Ledger] {
  const ledger = new Ledger();
  const supply = new Supply(ledger, new DenyList());
  supply.setPools([...known].sort(comparePools));
  return [supply, ledger];
}
