import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Ledger } from "../../../src/core/allocation/ledger.ts";
import type { IpAllocation } from "../../../src/core/model/ip-allocation.ts";
import { formatIpAddress, type IpAddress, toNumber } from "../../../src/core/net/ip-address.ts";
import type { IpRange } from "../../../src/core/net/ip-range.ts";
import { ip } from "../net/arbitraries.ts";

const names = ["a/one", "a/two", "b/one"];

/** Few addresses, so that they are overwritten often. */
const address = fc
  .tuple(fc.constantFrom(4 as const, 6 as const), fc.nat({ max: 11 }))
  .map(([family, n]) =>
    formatIpAddress(family, BigInt(n) + (family === 4 ? 0xc000_0200n : 0x2001_0db8n << 96n)),
  );

const allocation: fc.Arbitrary<IpAllocation> = fc
  .tuple(
    address,
    fc.constantFrom("Allocated" as const, "Cooling" as const, "Quarantined" as const),
    fc.subarray(names, { minLength: 1 }),
  )
  .map(([it, state, holders]) => ({
    address: it,
    pool: "web",
    state,
    bundle: undefined,
    holders: holders.map((key) => {
      const [namespace = "", name = ""] = key.split("/");
      return { namespace, name, uid: key, ports: [] };
    }),
  }));

type Change = { readonly put: IpAllocation } | { readonly remove: IpAddress };

const change: fc.Arbitrary<Change> = fc.oneof(
  { weight: 3, arbitrary: allocation.map((put) => ({ put })) },
  { weight: 1, arbitrary: address.map((remove) => ({ remove })) },
);

function feed(changes: readonly Change[]): Ledger {
  const ledger = new Ledger();
  for (const it of changes) {
    if ("put" in it) {
      ledger.put(it.put);
    } else {
      ledger.remove(it.remove);
    }
  }
  return ledger;
}

/** What is left after all changes, worked out without a ledger. */
function outcome(changes: readonly Change[]): Map<IpAddress, IpAllocation> {
  const left = new Map<IpAddress, IpAllocation>();
  for (const it of changes) {
    if ("put" in it) {
      left.set(it.put.address, it.put);
    } else {
      left.delete(it.remove);
    }
  }
  return left;
}

const ranges: readonly IpRange[] = [
  { family: 4, first: 0xc000_0200n, last: 0xc000_020bn },
  { family: 6, first: 0x2001_0db8n << 96n, last: (0x2001_0db8n << 96n) + 11n },
];

function addressesOf(
  family: 4 | 6,
  { first, last }: Pick<IpRange, "first" | "last">,
): readonly IpAddress[] {
  const length = Number(last - first) + 1;
  return Array.from({ length }, (_, at) => formatIpAddress(family, first + BigInt(at)));
}

/** All that can be asked of a ledger. */
function answers(ledger: Ledger): unknown {
  return {
    size: ledger.size,
    all: [...ledger.allocations()].sort((a, b) => (a.address < b.address ? -1 : 1)),
    held: names.map((key) => ledger.heldBy(key)),
    coolingOf: names.map((key) => ledger.coolingOf(key)),
    cooling: ranges.map((range) => ledger.nextCooling(range, range.first)),
    coolingLater: ranges.map((range) => ledger.nextCooling(range, range.first + 6n)),
    taken: ranges.map((range) => ledger.countTaken(range)),
    free: ranges.map((range) => ledger.free(range)),
  };
}

describe("a ledger", () => {
  test("fed one by one equals one made from what is left, in any order", () => {
    const cases = fc.array(change, { maxLength: 60 }).chain((changes) =>
      fc.tuple(
        fc.constant(changes),
        fc.shuffledSubarray([...outcome(changes).values()], {
          minLength: outcome(changes).size,
        }),
      ),
    );
    fc.assert(
      fc.property(cases, ([changes, left]) => {
        const fresh = feed(left.map((put) => ({ put })));
        expect(answers(feed(changes))).toEqual(answers(fresh));
      }),
    );
  });

  test("finds what is free, cools down or is taken, as looking at each one would", () => {
    fc.assert(
      fc.property(fc.array(change, { maxLength: 40 }), fc.nat({ max: 12 }), (changes, offset) => {
        const [ledger, left] = [feed(changes), outcome(changes)];
        for (const range of ranges) {
          const from = range.first + BigInt(offset);
          const free = ledger.free(range).flatMap((run) => addressesOf(range.family, run));
          expect(free).toEqual(
            addressesOf(range.family, range).filter((candidate) => !left.has(candidate)),
          );
          const cooling = [...left.values()]
            .filter(({ address, state }) => state === "Cooling" && toNumber(address) >= from)
            .filter(({ address }) => address.includes(":") === (range.family === 6))
            .map(({ address }) => address)
            .filter((it) => toNumber(it) <= range.last)
            .sort((a, b) => Number(toNumber(a) - toNumber(b)));
          expect(ledger.nextCooling(range, from)).toBe(cooling[0]);
          const later = { ...range, first: from };
          expect(ledger.cooling(later).flatMap((run) => addressesOf(range.family, run))).toEqual(
            cooling,
          );
          const taken = [...left.keys()].filter(
            (it) => it.includes(":") === (range.family === 6) && toNumber(it) >= range.first,
          );
          expect(ledger.countTaken(range)).toBe(BigInt(taken.length));
        }
      }),
    );
  });

  test("keeps held, cooling and quarantined addresses apart", () => {
    const holders = [{ namespace: "a", name: "one", uid: "1", ports: [] }];
    const base = { pool: "web", bundle: undefined, holders };
    const ledger = feed([
      { put: { ...base, address: ip("192.0.2.10"), state: "Allocated" } },
      { put: { ...base, address: ip("192.0.2.9"), state: "Allocated" } },
      { put: { ...base, address: ip("192.0.2.2"), state: "Cooling" } },
      { put: { ...base, address: ip("192.0.2.3"), state: "Quarantined" } },
    ]);
    expect(ledger.heldBy("a/one")).toEqual(["192.0.2.9", "192.0.2.10"]);
    expect(ledger.coolingOf("a/one")).toEqual(["192.0.2.2"]);
    expect(addressesOf(4, ledger.free(ranges[0] as IpRange)[1] as IpRange)[0]).toBe("192.0.2.4");
  });

  test("tells of each change what was and what is", () => {
    const [holders, address] = [[{ namespace: "a", name: "one", uid: "1", ports: [] }], ip("::5")];
    const held = { address, pool: "web", bundle: undefined, holders, state: "Allocated" } as const;
    const cooling = { ...held, state: "Cooling" } as const;
    const ledger = new Ledger();
    const told: unknown[] = [];
    ledger.onChange((...change) => told.push(change));
    ledger.put(held);
    ledger.put(cooling);
    ledger.remove(address);
    ledger.remove(address);
    expect(told).toEqual([
      [address, undefined, held],
      [address, held, cooling],
      [address, cooling, undefined],
    ]);
  });
});
