import fc from "fast-check";
import { expect, test } from "vitest";
import type { AddressPolicy } from "../../src/core/model/address-policy.ts";
import { absentService, type Service, type Sharing } from "../../src/core/model/service.ts";
import type { IpFamily } from "../../src/core/net/ip-address.ts";
import { poolOf } from "../core/allocation/pools.ts";
import { ip } from "../core/net/arbitraries.ts";
import { SmallLeader, type Step } from "./small-leader.ts";

/** So few addresses for so many Services that somebody always waits. */
const fours = ["192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4"].map(ip);
const address = fc.constantFrom(...fours, ip("2001:db8::1"), ip("2001:db8::2"));
const keys = ["a/1", "a/2", "a/3", "b/4", "b/5", "b/6"];

function seldom<T>(common: T, rare: fc.Arbitrary<T>): fc.Arbitrary<T> {
  return fc.oneof({ weight: 5, arbitrary: fc.constant(common) }, { weight: 1, arbitrary: rare });
}

const service: fc.Arbitrary<Service> = fc
  .record({
    key: fc.constantFrom(...keys),
    wantsAddress: seldom(true, fc.constant(false)),
    families: fc.constantFrom<readonly IpFamily[]>([4], [4], [4], [6], [4, 6], [6, 4]),
    dual: fc.constantFrom<Service["familyPolicy"]>("PreferDualStack", "RequireDualStack"),
    port: fc.constantFrom(80, 81),
    addresses: seldom([], fc.uniqueArray(address, { minLength: 1, maxLength: 2 })),
    pool: seldom(undefined, fc.constantFrom("p", "q")),
    externalIPs: seldom([], fc.uniqueArray(address, { minLength: 1, maxLength: 1 })),
    sharing: fc.option(
      fc.record({ key: fc.constantFrom("x", "y"), backend: seldom("", fc.constant("app=web")) }),
      { nil: undefined },
    ),
  })
  .map(({ dual, port, addresses, pool, ...rest }) => ({
    ...absentService(rest.key),
    ...rest,
    uid: rest.key,
    familyPolicy: rest.families.length === 1 ? "SingleStack" : dual,
    ports: [{ protocol: "TCP", port }],
    wish: { addresses, source: "spec.loadBalancerIP", pool, error: undefined },
  }));

const pool = fc
  .tuple(
    fc.constantFrom("p", "q"),
    fc.constantFrom(
      ["192.0.2.1-192.0.2.2"],
      ["192.0.2.2-192.0.2.4"],
      ["192.0.2.1-192.0.2.3", "2001:db8::1-2001:db8::2"],
      ["192.0.2.3/32", "2001:db8::1/128"],
    ),
    seldom(true, fc.constant(false)),
  )
  .map(([name, ranges, autoAssign]) => ({ ...poolOf(name, ranges), autoAssign }));

const policy: fc.Arbitrary<AddressPolicy> = fc.record({
  name: fc.constant("any"),
  pools: fc.constantFrom(["p"], ["q"], []),
  poolSelectors: fc.constant([]),
  profile: fc.constantFrom("Strict", "Compatible"),
  excluded: fc.constant([]),
  reuseDelayMs: fc.constantFrom(undefined, 0, 60_000),
  sharingScope: fc.constantFrom(undefined, "None", "Namespace"),
  refusedAtAdmission: fc.constant(undefined),
});

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 10, arbitrary: fc.record({ kind: fc.constant("service"), service }) },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant("delete"), key: fc.constantFrom(...keys) }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("cooled"), address }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("pool"), pool }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("policy"),
      policy: fc.option(policy, { nil: undefined }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("node"),
      address: fc.option(address, { nil: undefined }),
    }),
  },
);

test("whoever is left sleeping could not be given anything, and nobody is woken for ever", () => {
  const history = fc.array(step, { minLength: 1, maxLength: 25, size: "max" });
  fc.assert(
    fc.property(pool, history, (first, steps) => {
      const leader = new SmallLeader();
      for (const one of [{ kind: "pool", pool: first } as const, ...steps]) {
        expect(leader.take(one)).toBe(true);
        expect(leader.overlooked()).toEqual([]);
      }
    }),
  );
});

test("W13: who waits to share is woken when a holder's key and selector become its own, though together they read as before", () => {
  const leader = new SmallLeader();
  leader.take({ kind: "pool", pool: poolOf("p", ["192.0.2.1/32"]) });
  const put = (key: string, port: number, sharing: Sharing): void => {
    const ports = [{ protocol: "TCP", port }];
    const wants = { wantsAddress: true, families: [4] as const, ports, sharing };
    leader.take({ kind: "service", service: { ...absentService(key), ...wants, uid: key } });
  };
  const holders = (): readonly string[] | undefined =>
    leader.world.ledger.get(ip("192.0.2.1"))?.holders.map(({ name }) => name);
  put("a/1", 80, { key: "b", backend: "k=a" });
  put("a/2", 81, { key: "k=ab", backend: "" });
  expect(holders()).toEqual(["1"]);
  put("a/1", 80, { key: "k=ab", backend: "" });
  expect(holders()).toEqual(["1", "2"]);
});
