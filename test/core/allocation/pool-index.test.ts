import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { PoolIndex, partsOf, poolIndexOf } from "../../../src/core/allocation/pool-index.ts";
import {
  comparePools,
  type IpAddressPool,
  poolAdmits,
  poolOffers,
} from "../../../src/core/model/ip-address-pool.ts";
import type { LabelSelector, Labels } from "../../../src/core/model/label-selector.ts";
import { formatIpAddress } from "../../../src/core/net/ip-address.ts";
import type { IpRange } from "../../../src/core/net/ip-range.ts";
import { poolOf } from "./pools.ts";

const first = { 4: 0xc000_02fcn, 6: 0x2001_0db8n << 96n };

const range: fc.Arbitrary<IpRange> = fc
  .tuple(fc.constantFrom(4 as const, 6 as const), fc.bigInt({ min: 0n, max: 9n }), fc.nat(4))
  .map(([family, at, length]) => ({
    family,
    first: first[family] + at,
    last: first[family] + at + BigInt(length),
  }));

const labels: fc.Arbitrary<Labels> = fc.dictionary(
  fc.constantFrom("app", "tier"),
  fc.constantFrom("x", "y"),
);

const selector: fc.Arbitrary<LabelSelector> = fc
  .array(
    fc.record({
      key: fc.constantFrom("app", "tier"),
      operator: fc.constantFrom("In", "NotIn", "Exists", "DoesNotExist"),
      values: fc.subarray(["x", "y"]),
    }),
    { maxLength: 2 },
  )
  .map((requirements) => ({ requirements }) as LabelSelector);

const serviceAllocation = fc.record({
  priority: fc.nat(2),
  namespaces: fc.subarray(["a", "b"]),
  namespaceSelectors: fc.array(selector, { maxLength: 1 }),
  serviceSelectors: fc.array(selector, { maxLength: 2 }),
});

const pools: fc.Arbitrary<readonly IpAddressPool[]> = fc
  .uniqueArray(
    fc.record({
      name: fc.constantFrom("one", "two", "three", "four"),
      labels: fc.constant({}),
      ranges: fc.array(range, { maxLength: 4 }),
      autoAssign: fc.boolean(),
      avoidBuggyIPs: fc.boolean(),
      serviceAllocation: fc.option(serviceAllocation, { nil: undefined }),
    }),
    { selector: ({ name }) => name },
  )
  .map((some) => some.sort(comparePools));

const none = { priority: 0, namespaces: [], namespaceSelectors: [], serviceSelectors: [] };
const namespaceLabels: Labels = {};

function isThere(key: string): LabelSelector {
  return { requirements: [{ key, operator: "In", values: ["x"] }] };
}

describe("the index of pools", () => {
  test("finds who offers an address as asking each pool would", () => {
    fc.assert(
      fc.property(pools, (some) => {
        const index = new PoolIndex(some);
        for (const family of [4, 6] as const) {
          for (let at = 0n; at < 15n; at += 1n) {
            const address = formatIpAddress(family, first[family] + at);
            const expected = some.filter((pool) => poolOffers(pool, address));
            expect(index.offering(address)).toEqual(expected);
          }
        }
      }),
    );
  });

  test("finds who serves a Service on its own as asking each pool would, and the same list again", () => {
    fc.assert(
      fc.property(pools, fc.array(labels), fc.array(labels), (some, ofServices, ofNamespaces) => {
        const index = new PoolIndex(some);
        for (const namespaceLabels of ofNamespaces) {
          for (const namespace of ["a", "b", "c"]) {
            for (const mine of ofServices) {
              const service = { namespace, labels: mine };
              const expected = some.filter(
                (pool) => pool.autoAssign && poolAdmits(pool, service, namespaceLabels),
              );
              const found = index.automatic(service, namespaceLabels);
              expect(found).toEqual(expected);
              expect(index.automatic(service, namespaceLabels)).toBe(found);
            }
          }
        }
      }),
    );
  });

  test("keeps no answer for ever, of however many combinations of labels somebody makes up", () => {
    const index = new PoolIndex(
      Array.from({ length: 15 }, (_, n) => ({
        ...poolOf(`p${n}`, []),
        serviceAllocation: { ...none, serviceSelectors: [isThere(`l${n}`)] },
      })),
    );
    const of = (made: number): readonly IpAddressPool[] => {
      const bits = Array.from({ length: 15 }, (_, n) => n).filter((n) => (made >> n) % 2 === 1);
      const labels = Object.fromEntries(bits.map((n) => [`l${n}`, "x"]));
      return index.automatic({ namespace: "a", labels }, namespaceLabels);
    };
    const before = of(1);
    for (let made = 2; made < 16_400; made += 1) {
      of(made);
    }
    expect(of(1)).toEqual(before);
    expect(of(1)).not.toBe(before);
  });

  test("gives namespaces that the same pools admit the same list", () => {
    const pinned = { ...poolOf("pinned", []), serviceAllocation: { ...none, namespaces: ["c"] } };
    const open = poolOf("open", []);
    const index = new PoolIndex([open, pinned]);
    const of = (namespace: string): readonly IpAddressPool[] =>
      index.automatic({ namespace, labels: {} }, {});
    expect(of("a")).toBe(of("b"));
    expect(of("c")).toEqual([open, pinned]);
  });

  test("knows pools by name, and is made once for a list", () => {
    const list: readonly IpAddressPool[] = [];
    expect(poolIndexOf(list)).toBe(poolIndexOf(list));
    expect(poolIndexOf(list).named("one")).toBeUndefined();
  });

  test("takes an address that a pool names twice for one of the first range that names it", () => {
    fc.assert(
      fc.property(pools, (some) => {
        for (const pool of some) {
          const seen = new Set<string>();
          for (const part of partsOf(pool)) {
            for (let value = part.first; value <= part.last; value += 1n) {
              const name = `${part.family} ${value}`;
              expect(seen.has(name)).toBe(false);
              seen.add(name);
            }
          }
          const named = pool.ranges.flatMap(({ family, first: low, last }) =>
            Array.from(
              { length: Number(last - low) + 1 },
              (_, at) => `${family} ${low + BigInt(at)}`,
            ),
          );
          expect([...seen]).toEqual([...new Set(named)]);
        }
      }),
    );
  });
});
