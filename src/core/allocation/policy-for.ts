import {
  type AddressPolicy,
  type AdmissionMatter,
  admissionMatters,
  governs,
  type PoolPolicy,
  type SharingScope,
  sharingScopes,
} from "../model/address-policy.ts";
import type { IpAddressPool } from "../model/ip-address-pool.ts";
import { overlapsOf } from "../net/range-arithmetic.ts";
import type { DeniedRange } from "./deny-list.ts";

/** What holds for a pool on which no policy says anything. Sharing and reuse are as open as MetalLB's. */
export const openPolicy: PoolPolicy = {
  reuseDelayMs: 30_000,
  delaysRequests: false,
  delaysLastResort: false,
  sharingScope: "Cluster",
  refusedAtAdmission: [],
};

/**
 * What the profile `Strict` demands where its policy does not say. Names in DNS are commonly
 * remembered for five minutes: twice that, and nobody follows one to a stranger.
 */
const strictReuseDelayMs = 600_000;
const strictSharingScope: SharingScope = "Namespace";

/** What the policies together say of one pool: of each matter the strictest. */
export function policyFor(
  pool: Pick<IpAddressPool, "name" | "labels">,
  policies: readonly AddressPolicy[],
): PoolPolicy {
  const governing = policies.filter((policy) => governs(policy, pool));
  const delays = governing.flatMap((policy) => reuseDelayOf(policy) ?? []);
  return {
    reuseDelayMs: delays.length === 0 ? openPolicy.reuseDelayMs : Math.max(...delays),
    delaysRequests: delays.some((delay) => delay > 0),
    delaysLastResort: governing.some(({ profile }) => profile === "Strict"),
    sharingScope: governing.map(sharingScopeOf).reduce(stricter, openPolicy.sharingScope),
    refusedAtAdmission: admissionMatters.filter((matter) =>
      governing.some((policy) => refusedBy(policy).includes(matter)),
    ),
  };
}

/**
 * The addresses that policies keep from being given out: what they exclude, as far as the
 * pools that they select reach. Where pools overlap, what is excluded from one is from both.
 */
export function excludedRanges(
  policies: readonly AddressPolicy[],
  pools: readonly IpAddressPool[],
): readonly DeniedRange[] {
  return policies.flatMap((policy) => {
    const governed = pools.filter((pool) => governs(policy, pool)).flatMap(({ ranges }) => ranges);
    const why = `excluded by AddressPolicy ${policy.name}`;
    return overlapsOf(policy.excluded, governed).map(
      ({ common }): DeniedRange => ({
        ...common,
        reason: "AddressExcluded",
        why,
        isHarmless: true,
      }),
    );
  });
}

function reuseDelayOf({ reuseDelayMs, profile }: AddressPolicy): number | undefined {
  return reuseDelayMs ?? (profile === "Strict" ? strictReuseDelayMs : undefined);
}

function sharingScopeOf({ sharingScope, profile }: AddressPolicy): SharingScope {
  return sharingScope ?? (profile === "Strict" ? strictSharingScope : openPolicy.sharingScope);
}

function refusedBy({ refusedAtAdmission, profile }: AddressPolicy): readonly AdmissionMatter[] {
  return refusedAtAdmission ?? (profile === "Strict" ? admissionMatters : []);
}

function stricter(a: SharingScope, b: SharingScope): SharingScope {
  return sharingScopes.indexOf(a) > sharingScopes.indexOf(b) ? a : b;
}
