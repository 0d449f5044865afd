import type { AllocationContext } from "../core/allocation/allocation-context.ts";
import { candidatePools } from "../core/allocation/choose.ts";
import type { AllocationDecision } from "../core/allocation/decide.ts";
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
  const refused = decision.kind === "refuse" || decision.refusal !== undefined;
  const byName = service.wish.addresses.length > 0;
  const target = "addresses" in decision ? decision.addresses : [];
  const missing = byName ? [] : missingFamilies(service, decision, target);
  if (!service.wantsAddress || (!refused && missing.length === 0)) {
    return undefined;
  }
  const pools = byName ? [] : candidatePools(service, context);
  if ("reason" in pools) {
    return { addresses: [], wants: [] };
  }
  return {
    addresses: service.wish.addresses,
    wants: wantsOf(service, pools, missing, target[0]),
    sharingKey: byName ? undefined : service.sharing?.key,
  };
}

/** A family that is missed beside an address comes from a pool of that address, as it is chosen. */
function wantsOf(
  { families, familyPolicy }: Service,
  pools: readonly IpAddressPool[],
  missing: readonly IpFamily[],
  held: IpAddress | undefined,
): readonly Want[] {
  const beside =
    held === undefined || missing.length === families.length
      ? pools
      : pools.filter((pool) => poolOffers(pool, held));
  if (familyPolicy !== "RequireDualStack") {
    return missing.map((family) => ({ pools: beside, families: [family] }));
  }
  return beside === pools
    ? [{ pools, families }]
    : [
        { pools: beside, families: missing },
        { pools, families },
      ];
}

/**
 * Families of the Service in which it has no address; with PreferDualStack that need not be a
 * refusal. Who keeps addresses of another pool than it asks for waits for all of its families.
 */
function missingFamilies(
  service: Service,
  decision: AllocationDecision,
  target: readonly IpAddress[],
): readonly IpFamily[] {
  const keepsOther =
    service.wish.pool !== undefined && decision.kind === "keep" && decision.refusal !== undefined;
  return keepsOther
    ? service.families
    : service.families.filter((family) => !target.some((one) => familyOf(one) === family));
}
