import type { AllocationContext } from "../core/allocation/allocation-context.ts";
import {
  type AllocationDecision,
  refusalOf,
  targetOf,
} from "../core/allocation/allocation-decision.ts";
import { candidatePools } from "../core/allocation/choose.ts";
import { poolFor } from "../core/allocation/pool-for.ts";
import { type IpAddressPool, poolOffers } from "../core/model/ip-address-pool.ts";
import type { Service } from "../core/model/service.ts";
import { familyOf, type IpAddress, type IpFamily } from "../core/net/ip-address.ts";
import type { Waiting, Want } from "./pending-services.ts";

/** What could help a Service that got nothing, or less than it asks for; undefined: it lacks nothing. */
export function waitingFor(
  service: Service,
  decision: AllocationDecision,
  context: AllocationContext,
): Waiting | undefined {
  const refused = refusalOf(decision) !== undefined;
  const byName = service.wish.addresses.length > 0;
  const target = targetOf(decision);
  const missing = byName ? [] : missingFamilies(service, target, context);
  if (!service.wantsAddress || (!refused && missing.length === 0)) {
    return undefined;
  }
  const pools = byName ? [] : candidatePools(service, context);
  if ("reason" in pools) {
    return { addresses: [], wants: [] };
  }
  const wants = byName ? [] : wantsOf(service, pools, missing, target, context);
  // Two lines: for what is free all stand in one, or one address would wake the first of every sharing key.
  const shared = service.sharing ? wants.map((want) => ({ ...want, sharer: service })) : [];
  return { addresses: service.wish.addresses, wants: [...wants, ...shared] };
}

/** A family that is missed beside addresses comes from a pool of one of those, as it is chosen. */
function wantsOf(
  { key, families, familyPolicy }: Service,
  pools: readonly IpAddressPool[],
  missing: readonly IpFamily[],
  held: readonly IpAddress[],
  { ledger }: AllocationContext,
): readonly Want[] {
  const beside =
    held.length === 0 || missing.length === families.length
      ? pools
      : pools.filter((pool) => held.some((address) => poolOffers(pool, address)));
  if (familyPolicy !== "RequireDualStack") {
    return missing.map((family) => ({ pools: beside, families: [family] }));
  }
  // What it released itself it has back beside a new one, also where others have to wait for that.
  const released = ledger.coolingOf(key).map(familyOf);
  const lacking = families.filter((family) => !released.includes(family));
  return [
    ...(beside === pools ? [] : [{ pools: beside, families: missing }]),
    { pools, families },
    ...(lacking.length === families.length ? [] : [{ pools, families: lacking }]),
  ].filter((want) => want.families.length > 0);
}

/**
 * Families of the Service in which it has no address; with PreferDualStack that need not be a
 * refusal. Who keeps an address that the pool it asks for does not give waits for all of its families.
 */
function missingFamilies(
  service: Service,
  target: readonly IpAddress[],
  context: AllocationContext,
): readonly IpFamily[] {
  const { families, wish } = service;
  const keepsOther =
    wish.pool !== undefined &&
    target.some((address) => poolFor(service, address, context)?.name !== wish.pool);
  return keepsOther
    ? families
    : families.filter((family) => !target.some((one) => familyOf(one) === family));
}
