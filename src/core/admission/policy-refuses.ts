import type { AllocationContext } from "../allocation/allocation-context.ts";
import { poolIndexOf } from "../allocation/pool-index.ts";
import type { Service } from "../model/service.ts";

/** What a policy may have refused: both are legal, and often a mistake. */
export type PolicyMatter =
  | { readonly kind: "PoolInUse"; readonly pool: string }
  | { readonly kind: "UnmetWish"; readonly service: Service };

type Policies = Pick<AllocationContext, "pools" | "policyFor" | "configurationLost">;

/**
 * Whether AddressPolicies have it refused. A Service is judged by the policies on the pools that it
 * asks for, by name or by an address of theirs, and where there is none by those that are for every
 * pool. One that asks for nothing in particular has no wish that could fail. While the configuration
 * is lost nothing is refused: that is not the fault of a Service's author, and who deletes the
 * namespace has to get rid of its pools.
 */
export function policyRefuses(matter: PolicyMatter, policies: Policies): boolean {
  if (policies.configurationLost) {
    return false;
  }
  const isRefused = (pool: string): boolean =>
    policies.policyFor(pool).refusedAtAdmission.includes(matter.kind);
  if (matter.kind === "PoolInUse") {
    return isRefused(matter.pool);
  }
  const { wish } = matter.service;
  const wishes = wish.addresses.length > 0 || wish.pool !== undefined || wish.error !== undefined;
  return wishes && poolsAskedFor(matter.service, policies).some(isRefused);
}

function poolsAskedFor({ wish }: Service, { pools }: Policies): readonly string[] {
  const index = poolIndexOf(pools);
  const names = new Set(wish.pool === undefined ? [] : [wish.pool]);
  for (const address of wish.addresses) {
    for (const { name } of index.offering(address)) {
      names.add(name);
    }
  }
  // No pool has the empty name: policies that name or select some say nothing of it.
  return names.size === 0 ? [""] : [...names];
}
