import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { excludedRanges, openPolicy, policyFor } from "../../../src/core/allocation/policy-for.ts";
import {
  type AddressPolicy,
  admissionMatters,
  sharingScopes,
} from "../../../src/core/model/address-policy.ts";
import { formatIpRange } from "../../../src/core/net/ip-range.ts";
import { range } from "../net/arbitraries.ts";
import { poolOf } from "./pools.ts";

function policy(fields: Partial<AddressPolicy> = {}): AddressPolicy {
  return {
    name: "lan",
    pools: [],
    poolSelectors: [],
    profile: "Compatible",
    excluded: [],
    reuseDelayMs: undefined,
    sharingScope: undefined,
    refusedAtAdmission: undefined,
    ...fields,
  };
}

const web = poolOf("web", ["192.0.2.0/24"], { tier: "public" });

describe("what holds for a pool", () => {
  test("without a policy, or with one that demands nothing, is as open as MetalLB", () => {
    expect(policyFor(web, [])).toEqual(openPolicy);
    expect(policyFor(web, [policy()])).toEqual(openPolicy);
    expect(openPolicy.sharingScope).toBe("Cluster");
    expect(openPolicy.delaysRequests).toBe(false);
  });

  test("comes from policies that name it, select its labels, or name no pool at all", () => {
    const none = { sharingScope: "None" } as const;
    const tier = (value: string) => [
      { requirements: [{ key: "tier", operator: "In", values: [value] } as const] },
    ];
    const scopes = [
      policy({ ...none }),
      policy({ ...none, pools: ["mail", "web"] }),
      policy({ ...none, pools: ["mail"], poolSelectors: tier("public") }),
      policy({ ...none, pools: ["mail"] }),
      policy({ ...none, poolSelectors: tier("internal") }),
    ].map((one) => policyFor(web, [one]).sharingScope);
    expect(scopes).toEqual(["None", "None", "None", "Cluster", "Cluster"]);
  });

  test("is a delay shorter than the usual one if the only policy that sets one says so", () => {
    expect(policyFor(web, [policy({ reuseDelayMs: 5_000 })])).toEqual({
      ...openPolicy,
      reuseDelayMs: 5_000,
      delaysRequests: true,
    });
    expect(policyFor(web, [policy({ reuseDelayMs: 0 })])).toEqual({
      ...openPolicy,
      reuseDelayMs: 0,
    });
  });

  test("is everything with the profile Strict, and what the policy says itself counts more", () => {
    expect(policyFor(web, [policy({ profile: "Strict" })])).toEqual({
      reuseDelayMs: 600_000,
      delaysRequests: true,
      delaysLastResort: true,
      sharingScope: "Namespace",
      refusedAtAdmission: ["PoolInUse", "UnmetWish"],
    });
    const said = { reuseDelayMs: 60_000, sharingScope: "Cluster", refusedAtAdmission: [] } as const;
    const own = policy({ profile: "Strict", ...said });
    expect(policyFor(web, [own])).toEqual({
      reuseDelayMs: 60_000,
      delaysRequests: true,
      delaysLastResort: true,
      sharingScope: "Cluster",
      refusedAtAdmission: [],
    });
  });

  test("is the strictest of each of several policies, in any order", () => {
    const some = fc.record({
      profile: fc.constantFrom("Compatible", "Strict"),
      reuseDelayMs: fc.option(fc.nat({ max: 900_000 }), { nil: undefined }),
      refusedAtAdmission: fc.option(fc.subarray([...admissionMatters]), { nil: undefined }),
      sharingScope: fc.option(fc.constantFrom(...sharingScopes), { nil: undefined }),
    });
    fc.assert(
      fc.property(fc.array(some, { minLength: 1, maxLength: 4 }), (fields) => {
        const policies = fields.map((one) => policy(one as Partial<AddressPolicy>));
        const together = policyFor(web, policies);
        expect(policyFor(web, policies.toReversed())).toEqual(together);
        for (const one of policies) {
          const alone = policyFor(web, [one]);
          expect(together.delaysRequests || !alone.delaysRequests).toBe(true);
          expect(together.delaysLastResort || !alone.delaysLastResort).toBe(true);
          expect(sharingScopes.indexOf(together.sharingScope)).toBeGreaterThanOrEqual(
            sharingScopes.indexOf(alone.sharingScope),
          );
          expect(together.refusedAtAdmission).toEqual(
            expect.arrayContaining([...alone.refusedAtAdmission]),
          );
          if (alone.delaysRequests) {
            expect(together.reuseDelayMs).toBeGreaterThanOrEqual(alone.reuseDelayMs);
          }
        }
      }),
    );
  });
});

describe("what policies exclude", () => {
  test("is what they name, as far as it lies in the pools that they select", () => {
    const mail = poolOf("mail", ["192.0.3.0/24", "2001:db8::/64"]);
    const policies = [
      policy({ excluded: [range("192.0.2.250-192.0.3.5"), range("198.51.100.0/24")] }),
      policy({ name: "six", pools: ["mail"], excluded: [range("::/0"), range("192.0.2.1/32")] }),
    ];
    expect(
      excludedRanges(policies, [web, mail]).map(
        (one) => `${formatIpRange(one)} ${one.reason} ${one.why}`,
      ),
    ).toEqual([
      "192.0.2.250-192.0.2.255 AddressExcluded excluded by AddressPolicy lan",
      "192.0.3.0-192.0.3.5 AddressExcluded excluded by AddressPolicy lan",
      "2001:db8::-2001:db8::ffff:ffff:ffff:ffff AddressExcluded excluded by AddressPolicy six",
    ]);
  });
});
