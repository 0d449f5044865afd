import { familyOf, type IpAddress, toNumber } from "../net/ip-address.ts";
import { type IpRange, rangeContains } from "../net/ip-range.ts";
import { anySelects, type LabelSelector, type Labels } from "./label-selector.ts";
import type { Service } from "./service.ts";

/** A named set of addresses that Services may get. */
export interface IpAddressPool {
  readonly name: string;
  readonly labels: Labels;
  /** In the order of `spec.addresses`. */
  readonly ranges: readonly IpRange[];
  /** Named by `spec.addresses` too, and given out by another pool: what this one gave of them is kept. */
  readonly yielded?: readonly IpRange[];
  readonly autoAssign: boolean;
  /** IPv4 addresses ending in .0 and .255 are not given out (some devices drop them). */
  readonly avoidBuggyIPs: boolean;
  /** Absent: the pool is for everybody. */
  readonly serviceAllocation: ServiceAllocation | undefined;
}

/** Whom a pool is pinned to. Namespace part AND Service part; each part is OR-ed inside. */
export interface ServiceAllocation {
  /** Lower is asked first; 0 means unset and comes last. */
  readonly priority: number;
  readonly namespaces: readonly string[];
  readonly namespaceSelectors: readonly LabelSelector[];
  readonly serviceSelectors: readonly LabelSelector[];
}

/** True if `address` lies in the pool and is one that it gives out. */
export function poolOffers(pool: IpAddressPool, address: IpAddress): boolean {
  return (
    pool.ranges.some((range) => rangeContains(range, address)) &&
    !(pool.avoidBuggyIPs && isBuggy(address))
  );
}

/** True if `address` is one that the pool gives out, or gave before another pool had its turn. */
export function poolKeeps(pool: IpAddressPool, address: IpAddress): boolean {
  return (
    poolOffers(pool, address) ||
    (pool.yielded?.some((range) => rangeContains(range, address)) === true &&
      !(pool.avoidBuggyIPs && isBuggy(address)))
  );
}

/** True for IPv4 addresses ending in .0 or .255. */
export function isBuggy(address: IpAddress): boolean {
  return familyOf(address) === 4 && isBuggyNumber(toNumber(address));
}

/** The same of the number of an IPv4 address. */
export function isBuggyNumber(value: bigint): boolean {
  const host = value & 255n;
  return host === 0n || host === 255n;
}

/**
 * True if `service` may have an address of `pool`.
 *
 * A pool whose namespace selectors match no namespace admits nobody: MetalLB
 * opens such a pool to every namespace on explicit request.
 */
export function poolAdmits(
  pool: IpAddressPool,
  service: Pick<Service, "namespace" | "labels">,
  namespaceLabels: Labels,
): boolean {
  return (
    poolAdmitsNamespace(pool, service.namespace, namespaceLabels) &&
    poolAdmitsLabels(pool, service.labels)
  );
}

/** The part of {@link poolAdmits} that looks at the namespace. */
export function poolAdmitsNamespace(
  { serviceAllocation }: IpAddressPool,
  namespace: string,
  labels: Labels,
): boolean {
  if (serviceAllocation === undefined) {
    return true;
  }
  const { namespaces, namespaceSelectors } = serviceAllocation;
  const any = namespaces.length === 0 && namespaceSelectors.length === 0;
  return any || namespaces.includes(namespace) || anySelects(namespaceSelectors, labels);
}

/** The part of {@link poolAdmits} that looks at the labels of the Service. */
export function poolAdmitsLabels({ serviceAllocation }: IpAddressPool, labels: Labels): boolean {
  const selectors = serviceAllocation?.serviceSelectors ?? [];
  return selectors.length === 0 || anySelects(selectors, labels);
}

/** The order in which pools are asked: pinned ones by priority, then the open ones; then by name. */
export function comparePools(a: IpAddressPool, b: IpAddressPool): number {
  const [x, y] = [poolRank(a), poolRank(b)];
  return x !== y ? x - y : a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}

function poolRank({ serviceAllocation }: IpAddressPool): number {
  if (serviceAllocation === undefined) {
    return Number.POSITIVE_INFINITY;
  }
  return serviceAllocation.priority === 0 ? Number.MAX_SAFE_INTEGER : serviceAllocation.priority;
}
