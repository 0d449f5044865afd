import type { AllocationContext } from "../allocation/allocation-context.ts";
import { poolOffers } from "../model/ip-address-pool.ts";
import type { Service } from "../model/service.ts";
import type { PolicyMatter } from "./known-cluster.ts";

type Policies = Pick<AllocationContext, "pools" | "policyFor" | "configurationLost">;

/**
 * Whether AddressPolicies have it refused. A Service is judged by the policies on the pools that it
 * asks for, by name or by an address of theirs, and where there is none by those that are for every
 * pool. One that asks for nothing in particular has no wish that could fail, and a configuration
 * that is lost is not its author's fault.
 */
export function policyRefuses(matter: PolicyMatter, policies: Policies): boolean {
  if (matter.kind === "poolInUse") {
    return policies.policyFor(matter.pool).refusedAtAdmission.includes("PoolInUse");
  }
  const { wish } = matter.service;
  const wishes = wish.addresses.length > 0 || wish.pool !== undefined || wish.error !== undefined;
  return (
    wishes &&
    !policies.configurationLost &&
    poolsAskedFor(matter.service, policies).some((pool) =>
      policies.policyFor(pool).refusedAtAdmission.includes("UnmetWish"),
    )
  );
}

function poolsAskedFor({ wish }: Service, { pools }: Policies): readonly string[] {
  const offering = pools.filter((pool) => wish.addresses.some((it) => poolOffers(pool, it)));
  const names = [
    ...(wish.pool === undefined ? [] : [wish.pool]),
    ...offering.map(({ name }) => name),
  ];
  // No pool has the empty name: policies that name or select some say nothing of it.
  return names.length === 0 ? [""] : names;
}
