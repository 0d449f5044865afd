import { type IpAddressPool, poolAdmits, poolOffers } from "../model/ip-address-pool.ts";
import type { Labels } from "../model/label-selector.ts";
import type { Refusal, RefuseReason, RevokeReason } from "../model/reason.ts";
import type { Service } from "../model/service.ts";
import { familyOf, type IpAddress, type IpFamily } from "../net/ip-address.ts";
import { chooseAddresses } from "./choose.ts";
import type { DenyList } from "./deny-list.ts";
import type { Ledger } from "./ledger.ts";
import { waitingForSpeakers } from "./refusals.ts";

/** All that a decision may look at. */
export interface AllocationContext {
  /** In the order of `comparePools`. */
  readonly pools: readonly IpAddressPool[];
  /** Pools that exist and cannot be read. What was given from them stays. */
  readonly unreadablePools: ReadonlySet<string>;
  readonly ledger: Ledger;
  readonly denyList: DenyList;
  readonly namespaceLabels: (namespace: string) => Labels;
  /** False until speakers have told which network and broadcast addresses there are. */
  readonly networksKnown: boolean;
}

/**
 * What should become of one Service. `addresses` is always the complete list
 * that it should hold from now on.
 *
 * - `keep`: nothing changes. `refusal` says why a wish was not met, if one was not.
 * - `grant`: it gets addresses that it does not hold yet; `revoked` says why it
 *   loses others at the same time, if it does.
 * - `revoke`: it loses addresses and gets none. `refusal` says why it gets no others.
 * - `refuse`: it holds nothing and gets nothing.
 */
export type AllocationDecision =
  | { readonly kind: "keep"; readonly addresses: readonly IpAddress[]; readonly refusal?: Refusal }
  | {
      readonly kind: "grant";
      readonly addresses: readonly IpAddress[];
      readonly revoked?: RevokeReason;
      readonly refusal?: Refusal;
    }
  | {
      readonly kind: "revoke";
      readonly addresses: readonly IpAddress[];
      readonly reason: RevokeReason;
      readonly refusal?: Refusal;
    }
  | ({ readonly kind: "refuse" } & Refusal);

/**
 * Decides which addresses one Service should hold.
 *
 * Deterministic: the same context gives the same answer, and deciding again
 * after the answer was carried out gives `keep`. A wish that cannot be met never
 * costs the address that is held.
 */
export function decide(service: Service, context: AllocationContext): AllocationDecision {
  const held = context.ledger.heldBy(service.key);
  if (!service.wantsAddress) {
    return settle(held, [], "Released");
  }
  const obstacle = findObstacle(service, context);
  if (obstacle !== undefined) {
    return keepOrRefuse(held, obstacle);
  }
  if (service.wish.addresses.length > 0) {
    const refusal = refuseWish(service, service.wish.addresses, context);
    return refusal === undefined
      ? settle(held, [...service.wish.addresses], "RequestChanged")
      : keepOrRefuse(held, refusal);
  }
  return decideWithoutWish(service, held, context);
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
  if (context.pools.length === 0 && context.unreadablePools.size === 0) {
    return refusal(
      "ConfigurationLost",
      "there is no IPAddressPool; addresses that are held are kept. Create a pool",
    );
  }
  if (wish.pool !== undefined && findPool(wish.pool, context) === undefined) {
    return refusal("PoolUnknown", `unknown pool "${wish.pool}"`);
  }
  return undefined;
}

function decideWithoutWish(
  service: Service,
  held: readonly IpAddress[],
  context: AllocationContext,
): AllocationDecision {
  const good = held.filter((address) => mayKeep(service, address, context));
  const missing = service.families.filter(
    (family) => !good.some((address) => familyOf(address) === family),
  );
  const revoked: RevokeReason =
    good.length < held.length ? lossReason(held, service) : "RequestChanged";
  if (missing.length === 0) {
    return settle(held, good, revoked);
  }
  if (good.length > 0 && service.familyPolicy !== "RequireDualStack") {
    // One family is served already. The other one is welcome, but only from the same pool.
    const pool = poolOf(good[0] as IpAddress, context);
    const extra = pool === undefined ? [] : chooseMissing(service, [pool], missing, context);
    return settle(held, [...good, ...extra], revoked);
  }
  const honoured = honourStatus(service, good, context);
  if (honoured !== undefined) {
    return settle(held, honoured, revoked);
  }
  const choice = chooseAddresses(service, context);
  return choice.kind === "found"
    ? settle(held, choice.addresses, revoked)
    : settle(held, good, revoked, choice.refusal);
}

/**
 * A status without an allocation (an upgrade from MetalLB, a restored backup) is
 * a request: met if it can be, else as if it were not there.
 */
function honourStatus(
  service: Service,
  good: readonly IpAddress[],
  context: AllocationContext,
): readonly IpAddress[] | undefined {
  const wanted = service.statusAddresses.filter((address) =>
    service.families.includes(familyOf(address)),
  );
  const complete = service.families.every(
    (family) =>
      wanted.some((address) => familyOf(address) === family) ||
      service.familyPolicy !== "RequireDualStack",
  );
  if (wanted.length === 0 || good.length > 0 || !complete) {
    return undefined;
  }
  return refuseWish(service, wanted, context) === undefined ? wanted : undefined;
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
      `requested ${wanted.join(", ")} does not match the ipFamily of the service: ` +
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
  const pool = poolOf(address, context);
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
    return undefined;
  }
  if (allocation !== undefined && allocation.state !== "Cooling") {
    return refusal(
      "AddressInUse",
      `${address} is in use by ${nameHolder(service, allocation.holders)}`,
    );
  }
  const denied = context.denyList.reasonAgainst(address, service.key);
  if (denied !== undefined) {
    return refusal("AddressDenied", `${address} ${denied}`);
  }
  return context.networksKnown ? undefined : waitingForSpeakers;
}

/** Another namespace's Service is never named: it may belong to another tenant. */
function nameHolder(
  service: Service,
  holders: readonly { readonly namespace: string; readonly name: string }[],
): string {
  const [holder] = holders;
  return holder?.namespace === service.namespace
    ? `Service ${holder.namespace}/${holder.name}`
    : "another Service";
}

/** True if a held address still is what its pool gives to this Service. Denials come too late for it. */
function mayKeep(service: Service, address: IpAddress, context: AllocationContext): boolean {
  const pool = poolOf(address, context);
  if (pool === undefined) {
    return context.unreadablePools.has(context.ledger.get(address)?.pool ?? "");
  }
  return (
    service.families.includes(familyOf(address)) &&
    admits(pool, service, context) &&
    (service.wish.pool === undefined || service.wish.pool === pool.name)
  );
}

function lossReason(held: readonly IpAddress[], service: Service): RevokeReason {
  const familyWent = held.some((address) => !service.families.includes(familyOf(address)));
  return familyWent || service.wish.pool !== undefined ? "RequestChanged" : "PoolWithdrawn";
}

function chooseMissing(
  service: Service,
  pools: readonly IpAddressPool[],
  missing: readonly IpFamily[],
  context: AllocationContext,
): readonly IpAddress[] {
  const choice = chooseAddresses(
    { ...service, families: missing, familyPolicy: "SingleStack" },
    { ...context, pools },
  );
  return choice.kind === "found" ? choice.addresses : [];
}

/** Turns "held now" and "should hold" into a decision. */
function settle(
  held: readonly IpAddress[],
  target: readonly IpAddress[],
  revoked: RevokeReason,
  refused?: Refusal,
): AllocationDecision {
  const gains = target.some((address) => !held.includes(address));
  const loses = held.some((address) => !target.includes(address));
  const note = refused === undefined ? {} : { refusal: refused };
  if (gains) {
    return { kind: "grant", addresses: target, ...(loses ? { revoked } : {}), ...note };
  }
  if (loses) {
    return { kind: "revoke", addresses: target, reason: revoked, ...note };
  }
  return target.length === 0 && refused !== undefined
    ? { kind: "refuse", ...refused }
    : { kind: "keep", addresses: target, ...note };
}

function keepOrRefuse(held: readonly IpAddress[], refused: Refusal): AllocationDecision {
  return held.length === 0
    ? { kind: "refuse", ...refused }
    : { kind: "keep", addresses: held, refusal: refused };
}

function admits(pool: IpAddressPool, service: Service, context: AllocationContext): boolean {
  return poolAdmits(pool, service, context.namespaceLabels(service.namespace));
}

function findPool(name: string, context: AllocationContext): IpAddressPool | undefined {
  return context.pools.find((pool) => pool.name === name);
}

function poolOf(address: IpAddress, context: AllocationContext): IpAddressPool | undefined {
  return context.pools.find((pool) => poolOffers(pool, address));
}

function families(list: readonly IpFamily[]): string {
  return list.map((family) => `IPv${family}`).join(" and ");
}

function refusal(reason: RefuseReason, message: string): Refusal {
  return { reason, message };
}
