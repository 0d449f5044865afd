import { enumerated } from "../model/enumerated.ts";
import { type IpAddressPool, poolAdmits, poolOffers } from "../model/ip-address-pool.ts";
import type { Refusal, RefuseReason, RevokeReason } from "../model/reason.ts";
import type { Service } from "../model/service.ts";
import { compareIpAddresses, familyOf, type IpAddress, type IpFamily } from "../net/ip-address.ts";
import type { AllocationContext } from "./allocation-context.ts";
import { type AllocationDecision, refusalOf, settle, targetOf } from "./allocation-decision.ts";
import { candidatePools, chooseAddresses } from "./choose.ts";
import { poolFor } from "./pool-for.ts";
import { poolIndexOf } from "./pool-index.ts";
import { refuseToJoin, refuseToStay, waitingForSpeakers } from "./refusals.ts";

/**
 * Decides which addresses one Service should hold.
 *
 * Deterministic: the same context gives the same answer, and deciding again
 * after the answer was carried out gives `keep`. A wish that cannot be met never
 * costs the address that is held.
 */
export function decide(service: Service, context: AllocationContext): AllocationDecision {
  const all = context.ledger.heldBy(service.key);
  if (!service.wantsAddress) {
    return settle(all, [], "Released");
  }
  // It cannot stay where it now collides with others, whatever else holds.
  const held = all.filter((address) => refusalToStay(service, address, context) === undefined);
  const decision = decideAbout(held, service, context);
  return held.length === all.length
    ? decision
    : settle(all, targetOf(decision), "SharingConflict", refusalOf(decision));
}

/** Decides as if the Service held just these addresses. */
function decideAbout(
  held: readonly IpAddress[],
  service: Service,
  context: AllocationContext,
): AllocationDecision {
  const obstacle = findObstacle(service, context);
  if (obstacle !== undefined) {
    const target = held.length > 0 ? held : honourStatus(service, context);
    return settle(held, inStableOrder(service, target), "RequestChanged", obstacle);
  }
  const { pool, addresses } = service.wish;
  if (pool !== undefined && findPool(pool, context) === undefined) {
    const unknown = refusal("PoolUnknown", `unknown pool "${pool}"`);
    return keepWithoutWish(service, held, unknown, context);
  }
  if (addresses.length > 0) {
    const refused = refuseWish(service, addresses, context);
    return refused === undefined
      ? settle(held, addresses, "RequestChanged")
      : keepWithoutWish(service, held, refused, context);
  }
  return chooseFor(service, held, context);
}

/**
 * A wish that cannot be met costs nothing, a pool that went does: as if nothing was asked for.
 * What another controller gave before us is not lost by it either.
 */
function keepWithoutWish(
  service: Service,
  held: readonly IpAddress[],
  refused: Refusal,
  context: AllocationContext,
): AllocationDecision {
  const undemanding = { ...service, wish: { ...service.wish, pool: undefined } };
  const kept = keepable(undemanding, held, context);
  const target = kept.length > 0 ? kept : honourStatus(undemanding, context);
  const revoked = lossReason(held, undemanding, context);
  return settle(held, inStableOrder(service, target), revoked, refused);
}

/** What stands in the way of any address at all, before looking at which. */
function findObstacle(service: Service, context: AllocationContext): Refusal | undefined {
  const { wish, families } = service;
  if (wish.error !== undefined) {
    return refusal("RequestMalformed", wish.error);
  }
  if (families.length === 0) {
    return refusal("NoClusterIP", "the Service has no cluster IP, so its IP family is not known");
  }
  if (service.familyPolicy === "RequireDualStack" && families.length < 2) {
    return refusal(
      "NoClusterIP",
      "ipFamilyPolicy is RequireDualStack, but the Service has only one cluster IP",
    );
  }
  if (context.configurationLost) {
    return refusal(
      "ConfigurationLost",
      "there is no IPAddressPool, or the namespace or a CRD of the configuration is missing or " +
        "being deleted; addresses that are held are kept, none is given out. Restore the configuration",
    );
  }
  return undefined;
}

/** Decides for a Service that asks for no address in particular. */
function chooseFor(
  service: Service,
  held: readonly IpAddress[],
  context: AllocationContext,
): AllocationDecision {
  const kept = keepable(service, held, context);
  const good = withShown(service, kept, context);
  const missing = service.families.filter(
    (family) => !good.some((address) => familyOf(address) === family),
  );
  const revoked: RevokeReason =
    kept.length < held.length ? lossReason(held, service, context) : "RequestChanged";
  const settled = (target: readonly IpAddress[]): AllocationDecision =>
    settle(held, inStableOrder(service, target), revoked);
  if (missing.length === 0) {
    return settled(good);
  }
  if (good.length > 0) {
    // One family is served already and stays. The other one is welcome, but only from a pool of that.
    const extra = chooseMissing(service, good, missing, context);
    if (extra.length > 0 || service.familyPolicy !== "RequireDualStack") {
      return settled([...good, ...extra]);
    }
  }
  const choice = chooseAddresses(service, context);
  if (choice.kind === "found") {
    return settled(choice.addresses);
  }
  return keepWithoutWish(service, held, choice.refusal, context);
}

/** What it keeps; else what its status shows. A leader may have died between the live addresses of two families. */
function withShown(
  service: Service,
  kept: readonly IpAddress[],
  context: AllocationContext,
): readonly IpAddress[] {
  const served = new Set(kept.map(familyOf));
  return kept.length === 0
    ? honourStatus(service, context)
    : [...kept, ...adoptable(service, context).filter((it) => !served.has(familyOf(it)))];
}

/**
 * A status without an allocation (an upgrade from MetalLB, a restored backup) is
 * a request: met if it can be, else as if it were not there. Of what is live each address counts
 * for itself, as of what is held. Returns what of it can be had.
 */
function honourStatus(service: Service, context: AllocationContext): readonly IpAddress[] {
  const wanted = [...new Set(service.statusAddresses)].filter((address) =>
    service.families.includes(familyOf(address)),
  );
  const live = adoptable(service, context);
  if (live.length > 0) {
    return live;
  }
  const complete = service.families.every(
    (family) =>
      wanted.some((address) => familyOf(address) === family) ||
      service.familyPolicy !== "RequireDualStack",
  );
  const possible =
    wanted.length > 0 &&
    complete &&
    !context.configurationLost &&
    refuseWish(service, wanted, context) === undefined;
  return possible ? wanted : [];
}

/** What of its status is live and can stay with it. */
function adoptable(service: Service, context: AllocationContext): readonly IpAddress[] {
  return [...new Set(service.statusAddresses)].filter(
    (address) =>
      context.denyList.isLive(address, service.key) &&
      !context.configurationLost &&
      service.families.includes(familyOf(address)) &&
      refuseAddress(service, address, context) === undefined,
  );
}

/** As its status has them, if it has them all; else the primary family of its cluster IPs first, then by number. */
function inStableOrder(
  { families, statusAddresses }: Service,
  addresses: readonly IpAddress[],
): readonly IpAddress[] {
  const shown = new Set(statusAddresses);
  if (addresses.every((address) => shown.has(address))) {
    const wanted = new Set(addresses);
    return [...shown].filter((address) => wanted.has(address));
  }
  const rank = (address: IpAddress): number => families.indexOf(familyOf(address));
  return [...addresses].sort((a, b) => rank(a) - rank(b) || compareIpAddresses(a, b));
}

/** Why the Service cannot have exactly these addresses, or `undefined` if it can. */
function refuseWish(
  service: Service,
  wanted: readonly IpAddress[],
  context: AllocationContext,
): Refusal | undefined {
  const wantedFamilies = new Set(wanted.map(familyOf));
  const fits =
    [...wantedFamilies].every((family) => service.families.includes(family)) &&
    (wantedFamilies.size === service.families.length || service.familyPolicy === "PreferDualStack");
  if (!fits) {
    return refusal(
      "RequestFamilyMismatch",
      `requested ${enumerated(wanted)} does not match the ipFamily of the service: ` +
        `it has cluster IPs of ${families(service.families)}`,
    );
  }
  for (const address of wanted) {
    const refused = refuseAddress(service, address, context);
    if (refused !== undefined) {
      return refused;
    }
  }
  return undefined;
}

function refuseAddress(
  service: Service,
  address: IpAddress,
  context: AllocationContext,
): Refusal | undefined {
  const allocation = context.ledger.get(address);
  const mine = allocation?.holders.some(
    (holder) => holder.namespace === service.namespace && holder.name === service.name,
  );
  const isHeld = allocation?.state === "Allocated" && mine === true;
  const pool = poolFor(service, address, context);
  if (pool === undefined) {
    return refusal(
      "AddressNotInPool",
      `${address} is not in any IPAddressPool ("${address}" is not allowed in config)`,
    );
  }
  if (!admits(pool, service, context)) {
    return refusal("PoolNotAllowed", `pool ${pool.name} is not open to this Service`);
  }
  if (service.wish.pool !== undefined && service.wish.pool !== pool.name) {
    return refusal(
      "RequestMalformed",
      `requested ${address} is in pool ${pool.name}, ` +
        `which is not compatible with requested address pool ${service.wish.pool}`,
    );
  }
  if (isHeld) {
    return refusalToStay(service, address, context);
  }
  const cools = allocation?.state === "Cooling" && mine !== true;
  const occupied =
    allocation === undefined || allocation.state === "Cooling"
      ? undefined
      : refuseToJoin(service, allocation, context);
  if (occupied !== undefined) {
    return occupied;
  }
  const denied = context.denyList.reasonAgainst(address, service.key);
  if (denied !== undefined) {
    return refusal(denied.reason ?? "AddressDenied", `${address} is ${denied.why}`);
  }
  if (cools && context.policyFor(allocation.pool).delaysRequests) {
    return refusal(
      "AddressCooling",
      `${address} was released a moment ago, and an AddressPolicy keeps it from other Services ` +
        "for a while; this Service gets it afterwards by itself",
    );
  }
  return context.networksKnown ? undefined : waitingForSpeakers;
}

function refusalToStay(
  service: Service,
  address: IpAddress,
  context: AllocationContext,
): Refusal | undefined {
  const allocation = context.asWritten(address);
  return allocation && refuseToStay(service, allocation);
}

/**
 * What of `held` may stay. A Service may hold more than it asks for when a leader died
 * between taking one address and giving back another: then what its status shows stays,
 * which clients use; of a family of which it shows none what it asks for, else the lowest.
 */
function keepable(
  service: Service,
  held: readonly IpAddress[],
  context: AllocationContext,
): readonly IpAddress[] {
  const kept = held.filter((address) => mayKeep(service, address, context));
  const [status, wish] = [new Set(service.statusAddresses), new Set(service.wish.addresses)];
  return service.families.flatMap((family) => {
    const ofFamily = kept.filter((address) => familyOf(address) === family);
    const shown = ofFamily.filter((address) => status.has(address));
    const wished = ofFamily.filter((address) => wish.has(address));
    return [shown, wished].find(({ length }) => length > 0) ?? ofFamily.slice(0, 1);
  });
}

/** True if a held address still is what its pool gives to this Service. Denials come too late for it. */
function mayKeep(service: Service, address: IpAddress, context: AllocationContext): boolean {
  const pool = poolFor(service, address, context);
  if (pool === undefined) {
    return context.mayReturn(context.ledger.get(address)?.pool ?? "");
  }
  return (
    service.families.includes(familyOf(address)) &&
    admits(pool, service, context) &&
    (service.wish.pool === undefined || service.wish.pool === pool.name)
  );
}

function lossReason(
  held: readonly IpAddress[],
  service: Service,
  context: AllocationContext,
): RevokeReason {
  const { families, wish } = service;
  const asksForOthers = held.some(
    (address) =>
      !families.includes(familyOf(address)) ||
      (wish.pool !== undefined && wish.pool !== context.ledger.get(address)?.pool),
  );
  const hasTooMany = held.every((address) => mayKeep(service, address, context));
  return asksForOthers || hasTooMany ? "RequestChanged" : "PoolWithdrawn";
}

/** Addresses of the other families from a pool that offers one of `held` too and serves on its own. */
function chooseMissing(
  service: Service,
  held: readonly IpAddress[],
  missing: readonly IpFamily[],
  context: AllocationContext,
): readonly IpAddress[] {
  const candidates = candidatePools(service, context);
  const choice = chooseAddresses(
    { ...service, families: missing, familyPolicy: "SingleStack" },
    context,
    "reason" in candidates
      ? candidates
      : candidates.filter((pool) => held.some((address) => poolOffers(pool, address))),
  );
  return choice.kind === "found" ? choice.addresses : [];
}

function admits(pool: IpAddressPool, service: Service, context: AllocationContext): boolean {
  return poolAdmits(pool, service, context.namespaceLabels(service.namespace));
}

function findPool(name: string, context: AllocationContext): IpAddressPool | undefined {
  return poolIndexOf(context.pools).named(name);
}

function families(list: readonly IpFamily[]): string {
  return list.map((family) => `IPv${family}`).join(" and ");
}

function refusal(reason: RefuseReason, message: string): Refusal {
  return { reason, message };
}
