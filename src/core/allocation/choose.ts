import { type IpAddressPool, poolAdmits, poolOffers } from "../model/ip-address-pool.ts";
import type { Refusal } from "../model/reason.ts";
import type { Service } from "../model/service.ts";
import { familyOf, type IpAddress, type IpFamily, toNumber } from "../net/ip-address.ts";
import type { AllocationContext } from "./allocation-context.ts";
import { poolIndexOf } from "./pool-index.ts";
import { refuseToJoin, waitingForSpeakers } from "./refusals.ts";

/** How many pools a message names; a Service may have a thousand of them. */
const namedPools = 10;

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
  const familiar = familiarPools(service, candidates, context);
  for (const families of familyAttempts(service)) {
    for (const cooling of ["own", "any"] as const) {
      for (const pool of poolsToAsk({ candidates, familiar, families, cooling }, context)) {
        const addresses = pickFromPool(service, pool, families, cooling, context);
        if (addresses !== undefined) {
          return { kind: "found", addresses };
        }
      }
    }
  }
  return { kind: "none", refusal: exhausted(service, candidates, context) };
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
  const index = poolIndexOf(context.pools);
  const { pool: wanted } = service.wish;
  if (wanted !== undefined) {
    const pool = index.named(wanted);
    return pool !== undefined && poolAdmits(pool, service, labels)
      ? [pool]
      : { reason: "PoolNotAllowed", message: `pool ${wanted} is not open to this Service` };
  }
  const automatic = index.automatic(service, labels);
  return automatic.length > 0
    ? automatic
    : {
        reason: "NoPoolMatches",
        message:
          "no IPAddressPool gives addresses to this Service on its own: every pool is pinned to " +
          "others or has autoAssign: false. Name one with the annotation metallb.io/address-pool",
      };
}

/**
 * Those of `pools` in which the Service has more than what is free: first those with an address
 * that it held until a moment ago, then those with friends, then those where friends were.
 */
function familiarPools(
  service: Service,
  pools: readonly IpAddressPool[],
  context: AllocationContext,
): readonly IpAddressPool[] {
  const own = context.ledger.coolingOf(service.key);
  if (own.length === 0 && !context.ledger.hasFriends(service, service.families)) {
    return [];
  }
  const hasOwn = (pool: IpAddressPool): boolean =>
    own.some((address) => canReuse(service, pool, familyOf(address), address, context));
  const hasFriends = (state: "Allocated" | "Cooling", pool: IpAddressPool): boolean =>
    service.families.some(
      (family) => ofFriends(state, service, pool, family, context) !== undefined,
    );
  const familiar = [
    ...pools.filter(hasOwn),
    ...pools.filter((pool) => hasFriends("Allocated", pool)),
    ...pools.filter((pool) => hasFriends("Cooling", pool)),
  ];
  return [...new Set(familiar)];
}

interface Search {
  readonly candidates: readonly IpAddressPool[];
  readonly familiar: readonly IpAddressPool[];
  readonly families: readonly IpFamily[];
  readonly cooling: "own" | "any";
}

/** The familiar pools, then the others, but for those that have nothing for anybody. */
function* poolsToAsk(
  { candidates, familiar, families, cooling }: Search,
  { supply }: AllocationContext,
): Iterable<IpAddressPool> {
  yield* familiar;
  yield* supply.withRoom(candidates, families, cooling === "any");
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
      ofFriends("Allocated", service, pool, family, context) ??
      ofFriends("Cooling", service, pool, family, context) ??
      context.supply.lowestFree(pool.name, family) ??
      (cooling === "any" ? anyCooling(pool, family, context) : undefined);
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

/**
 * The lowest address of the pool whose holders the Service can join, or could have joined until a
 * moment ago: a group that is deleted and restored finds together again where it was.
 */
function ofFriends(
  state: "Allocated" | "Cooling",
  service: Service,
  pool: IpAddressPool,
  family: IpFamily,
  context: AllocationContext,
): IpAddress | undefined {
  const isKept = (from: string): boolean =>
    state === "Cooling" && context.policyFor(from).delaysRequests;
  if (isKept(pool.name)) {
    return undefined;
  }
  const { sharingScope } = context.policyFor(pool.name);
  for (const range of pool.ranges.filter((candidate) => candidate.family === family)) {
    let address = context.ledger.nextFriend(state, service, sharingScope, range, range.first);
    while (address !== undefined) {
      const allocation = context.ledger.get(address);
      if (
        allocation !== undefined &&
        !isKept(allocation.pool) &&
        isOpen(pool, address, context) &&
        refuseToJoin(service, allocation, context) === undefined
      ) {
        return address;
      }
      const past = toNumber(address) + 1n;
      address = context.ledger.nextFriend(state, service, sharingScope, range, past);
    }
  }
  return undefined;
}

/** The lowest address of the pool that cools down and that whoever comes may have, if nothing else is free. */
export function anyCooling(
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
      if (!isKept(from) && isOpen(pool, address, context)) {
        return address;
      }
      address = context.ledger.nextCooling(range, toNumber(address) + 1n);
    }
  }
  return undefined;
}

/** Not even who uses it in its own spec.externalIPs is given an address unasked: nor would it be while that is free. */
function isOpen(pool: IpAddressPool, address: IpAddress, { denyList }: AllocationContext): boolean {
  return poolOffers(pool, address) && !denyList.blocks(address);
}

/** What a Service held until a moment ago it may have back. */
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

function exhausted(
  service: Service,
  pools: readonly IpAddressPool[],
  context: Pick<AllocationContext, "policyFor">,
): Refusal {
  const names = pools.slice(0, namedPools).map((pool) => pool.name);
  const others = pools.length - names.length;
  const list = names.join(", ") + (others > 0 ? ` or ${others} others` : "");
  const families = service.families.map((family) => `IPv${family}`).join(" and ");
  // Whether one cools down just now is left out: the message would change with every one that does.
  const keeps = pools.some(({ name }) => context.policyFor(name).delaysLastResort);
  const delayed = keeps ? "; an AddressPolicy keeps released ones from others for a while" : "";
  return {
    reason: "PoolExhausted",
    message: `no available IPs: no free ${families} address in pool ${list}${delayed}`,
  };
}
