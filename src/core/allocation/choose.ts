import { type IpAddressPool, isBuggy, poolAdmits, poolOffers } from "../model/ip-address-pool.ts";
import type { Refusal } from "../model/reason.ts";
import type { Service } from "../model/service.ts";
import { familyOf, type IpAddress, type IpFamily, toNumber } from "../net/ip-address.ts";
import type { IpRange } from "../net/ip-range.ts";
import type { AllocationContext } from "./allocation-context.ts";
import { refuseToJoin, waitingForSpeakers } from "./refusals.ts";

/** Addresses found for a Service that left the choice to us, or why there are none. */
export type Choice =
  | { readonly kind: "found"; readonly addresses: readonly IpAddress[] }
  | { readonly kind: "none"; readonly refusal: Refusal };

/**
 * Chooses addresses for a Service that asks for none in particular.
 *
 * The pools pinned to the Service are asked first, by priority and name, then
 * the open ones by name; inside a pool the ranges in the order written, lowest
 * address first. All families come from one pool. An address that cools down is
 * given to its last holder before anything else, in whichever of the pools it
 * is, and to others when nothing else is free, unless an AddressPolicy forbids
 * that. Who may share joins its friends, wherever in these pools they are, before
 * it takes a free address. `candidates` narrows the choice of pools.
 */
export function chooseAddresses(
  service: Service,
  context: AllocationContext,
  candidates: readonly IpAddressPool[] | Refusal = candidatePools(service, context),
): Choice {
  if ("reason" in candidates) {
    return { kind: "none", refusal: candidates };
  }
  if (!context.networksKnown) {
    return { kind: "none", refusal: waitingForSpeakers };
  }
  const pools = familiarFirst(service, candidates, context);
  for (const families of familyAttempts(service)) {
    for (const cooling of ["own", "any"] as const) {
      for (const pool of pools) {
        const addresses = pickFromPool(service, pool, families, cooling, context);
        if (addresses !== undefined) {
          return { kind: "found", addresses };
        }
      }
    }
  }
  return { kind: "none", refusal: exhausted(service, candidates) };
}

/**
 * Returns the pools that may serve the Service without a wish for certain
 * addresses, in the order in which they are asked, or why there are none.
 */
export function candidatePools(
  service: Service,
  context: Pick<AllocationContext, "pools" | "namespaceLabels">,
): readonly IpAddressPool[] | Refusal {
  const labels = context.namespaceLabels(service.namespace);
  const admitting = context.pools.filter((pool) => poolAdmits(pool, service, labels));
  const { pool: wanted } = service.wish;
  if (wanted !== undefined) {
    const named = admitting.filter((pool) => pool.name === wanted);
    return named.length > 0
      ? named
      : { reason: "PoolNotAllowed", message: `pool ${wanted} is not open to this Service` };
  }
  const automatic = admitting.filter((pool) => pool.autoAssign);
  return automatic.length > 0
    ? automatic
    : {
        reason: "NoPoolMatches",
        message:
          "no IPAddressPool gives addresses to this Service on its own: every pool is pinned to " +
          "others or has autoAssign: false. Name one with the annotation metallb.io/address-pool",
      };
}

/** The pools with an address that the Service held until a moment ago, those with friends, then the others. */
function familiarFirst(
  service: Service,
  pools: readonly IpAddressPool[],
  context: AllocationContext,
): readonly IpAddressPool[] {
  const own = context.ledger.coolingOf(service.key);
  const hasOwn = (pool: IpAddressPool): boolean =>
    own.some((address) => canReuse(service, pool, familyOf(address), address, context));
  const hasFriends = (pool: IpAddressPool): boolean =>
    service.families.some((family) => ofFriends(service, pool, family, context) !== undefined);
  if (own.length === 0 && service.sharing === undefined) {
    return pools;
  }
  const rank = (pool: IpAddressPool): number => (hasOwn(pool) ? 0 : hasFriends(pool) ? 1 : 2);
  return pools
    .map((pool) => ({ pool, rank: rank(pool) }))
    .sort((a, b) => a.rank - b.rank)
    .map(({ pool }) => pool);
}

/** Which sets of families to try, best first. */
function familyAttempts(service: Service): readonly (readonly IpFamily[])[] {
  const { families, familyPolicy } = service;
  if (familyPolicy === "PreferDualStack" && families.length > 1) {
    return [families, ...families.map((family) => [family])];
  }
  return [families];
}

function pickFromPool(
  service: Service,
  pool: IpAddressPool,
  families: readonly IpFamily[],
  cooling: "own" | "any",
  context: AllocationContext,
): readonly IpAddress[] | undefined {
  const picked: IpAddress[] = [];
  for (const family of families) {
    const address =
      ownCooling(service, pool, family, context) ??
      ofFriends(service, pool, family, context) ??
      firstFree(pool, family, context) ??
      (cooling === "any" ? anyCooling(service, pool, family, context) : undefined);
    if (address === undefined) {
      return undefined;
    }
    picked.push(address);
  }
  return picked;
}

function ownCooling(
  service: Service,
  pool: IpAddressPool,
  family: IpFamily,
  context: AllocationContext,
): IpAddress | undefined {
  const own = context.ledger.coolingOf(service.key);
  return own.find((address) => canReuse(service, pool, family, address, context));
}

/** The lowest address of the pool whose holders the Service can join. */
function ofFriends(
  service: Service,
  pool: IpAddressPool,
  family: IpFamily,
  context: AllocationContext,
): IpAddress | undefined {
  const { sharingScope } = context.policyFor(pool.name);
  for (const range of pool.ranges.filter((candidate) => candidate.family === family)) {
    let address = context.ledger.nextFriend(service, sharingScope, range, range.first);
    while (address !== undefined) {
      const allocation = context.ledger.get(address);
      if (
        allocation !== undefined &&
        canReuse(service, pool, family, address, context) &&
        refuseToJoin(service, allocation, context) === undefined
      ) {
        return address;
      }
      address = context.ledger.nextFriend(service, sharingScope, range, toNumber(address) + 1n);
    }
  }
  return undefined;
}

function anyCooling(
  service: Service,
  pool: IpAddressPool,
  family: IpFamily,
  context: AllocationContext,
): IpAddress | undefined {
  const isKept = (from: string): boolean => context.policyFor(from).delaysLastResort;
  if (isKept(pool.name)) {
    return undefined;
  }
  for (const range of pool.ranges.filter((candidate) => candidate.family === family)) {
    let address = context.ledger.nextCooling(range, range.first);
    while (address !== undefined) {
      const from = context.ledger.get(address)?.pool ?? pool.name;
      if (!isKept(from) && canReuse(service, pool, family, address, context)) {
        return address;
      }
      address = context.ledger.nextCooling(range, toNumber(address) + 1n);
    }
  }
  return undefined;
}

function canReuse(
  service: Service,
  pool: IpAddressPool,
  family: IpFamily,
  address: IpAddress,
  context: AllocationContext,
): boolean {
  return (
    familyOf(address) === family &&
    poolOffers(pool, address) &&
    context.denyList.reasonAgainst(address, service.key) === undefined
  );
}

function firstFree(
  pool: IpAddressPool,
  family: IpFamily,
  context: AllocationContext,
): IpAddress | undefined {
  for (const range of pool.ranges) {
    const address =
      range.family === family ? firstFreeInRange(range, pool.avoidBuggyIPs, context) : undefined;
    if (address !== undefined) {
      return address;
    }
  }
  return undefined;
}

function firstFreeInRange(
  range: IpRange,
  avoidBuggyIPs: boolean,
  { ledger, denyList }: AllocationContext,
): IpAddress | undefined {
  let from = range.first;
  for (;;) {
    const allowed = denyList.nextAllowed(range, from);
    const address = allowed === undefined ? undefined : ledger.nextFree(range, allowed);
    if (address === undefined) {
      return undefined;
    }
    const value = toNumber(address);
    const buggy = avoidBuggyIPs && isBuggy(address);
    if (value === allowed && !buggy) {
      return address;
    }
    // The ledger jumped past addresses in use; ask the deny list again from there.
    from = buggy ? value + 1n : value;
  }
}

function exhausted(service: Service, pools: readonly IpAddressPool[]): Refusal {
  const names = pools.map((pool) => pool.name).join(", ");
  const families = service.families.map((family) => `IPv${family}`).join(" and ");
  return {
    reason: "PoolExhausted",
    message: `no available IPs: no free ${families} address in pool ${names}`,
  };
}
