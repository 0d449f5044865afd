import { enumerated } from "../model/enumerated.ts";
import { type IpAddressPool, isBuggy, poolAdmits, poolKeeps } from "../model/ip-address-pool.ts";
import type { IpAllocation } from "../model/ip-allocation.ts";
import { serviceKey } from "../model/service.ts";
import { AddressSet } from "../net/address-set.ts";
import { compareIpAddresses, type IpAddress } from "../net/ip-address.ts";
import { type Finding, refuse, warn } from "./finding.ts";
import type { KnownCluster } from "./known-cluster.ts";
import { policyRefuses } from "./policy-refuses.ts";

/** More addresses than these are counted, not named. */
const namedMax = 3;

/**
 * What the change of a pool takes from Services that hold addresses of it. `after`
 * undefined: it is deleted. Looks once at every address that is held.
 */
export function poolInUseFindings(
  name: string,
  after: IpAddressPool | undefined,
  known: KnownCluster,
): readonly Finding[] {
  const before = known.pools.find((pool) => pool.name === name);
  if (before === undefined) {
    return [];
  }
  const others = known.pools.filter((pool) => pool !== before);
  const remaining = after === undefined ? others : [after, ...others];
  const held = heldOf(before, known);
  const severity = policyRefuses({ kind: "PoolInUse", pool: name }, known.allocation)
    ? refuse
    : warn;
  if (remaining.length === 0) {
    const message =
      "this is the last IPAddressPool: what Services hold is kept, but no address is given out until " +
      "there is one again";
    return held.length === 0 ? [] : [severity(message)];
  }
  const inSome = offeredBy(remaining);
  const lost = held.filter(({ address }) => !inSome(address));
  const shut = held.filter(
    (allocation) => inSome(allocation.address) && !isAdmitted(allocation, remaining, known),
  );
  // A pool that went may come back in a moment; one that is there is meant as it stands.
  const when = after === undefined ? "after five seconds" : "at once";
  return [
    ...said(lost, when, (words) => `${words}, which Services hold, would be in no pool any more`),
    ...said(
      shut,
      "at once",
      (words) => `${words} would belong to a pool that does not admit their Services`,
    ),
  ].map((message) => severity(message));
}

function said(
  lost: readonly IpAllocation[],
  when: string,
  sentence: (addresses: string) => string,
): string[] {
  if (lost.length === 0) {
    return [];
  }
  const addresses = lost.map(({ address }) => address).sort(compareIpAddresses);
  return [
    `${sentence(enumerated(addresses, ", ", namedMax))}: ${when} their Services lose them. See who they are ` +
      "(kubectl get ipallocations), or leave the pool as it is until they are gone",
  ];
}

function heldOf(pool: IpAddressPool, { allocation }: KnownCluster): readonly IpAllocation[] {
  const offers = offeredBy([pool]);
  return [...allocation.ledger.allocations()].filter(
    (one) => one.state === "Allocated" && (one.pool === pool.name || offers(one.address)),
  );
}

/**
 * Whether an address is one that any of `pools` gives out, or leaves to another one that overlaps
 * it, in the time of one search.
 */
function offeredBy(pools: readonly IpAddressPool[]): (address: IpAddress) => boolean {
  const named = (some: readonly IpAddressPool[]): AddressSet =>
    new AddressSet(some.flatMap(({ ranges, yielded = [] }) => [...ranges, ...yielded]));
  const all = named(pools);
  const withBuggy = named(pools.filter(({ avoidBuggyIPs }) => !avoidBuggyIPs));
  return (address) => (isBuggy(address) ? withBuggy : all).has(address);
}

/** True if a pool admits one who holds the address, or where it is not known who that is. */
function isAdmitted(
  { address, holders }: IpAllocation,
  pools: readonly IpAddressPool[],
  known: KnownCluster,
): boolean {
  if (pools.every(({ serviceAllocation }) => serviceAllocation === undefined)) {
    return true;
  }
  const offering = pools.filter((pool) => poolKeeps(pool, address));
  return holders.every((holder) => {
    const service = known.service(serviceKey(holder));
    const labels = known.allocation.namespaceLabels(holder.namespace);
    return service === undefined || offering.some((pool) => poolAdmits(pool, service, labels));
  });
}
