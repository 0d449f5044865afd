import type { IpAddressPool } from "./ip-address-pool.ts";
import { anySelects, type LabelSelector, type Labels, selects } from "./label-selector.ts";

/** Which pools are announced, for which Services, from which nodes and interfaces. */
export interface L2Advertisement {
  readonly name: string;
  readonly pools: readonly string[];
  readonly poolSelectors: readonly LabelSelector[];
  /** OR-ed; empty: every node. */
  readonly nodeSelectors: readonly LabelSelector[];
  /** Exact names; empty: the speaker chooses. */
  readonly interfaces: readonly string[];
  /** OR-ed; empty: every Service. */
  readonly serviceSelectors: readonly LabelSelector[];
  /** Which of the nodes that it selects should rather announce. */
  readonly preferredNodes: readonly NodePreference[];
}

/** Nodes that should rather announce than others. */
export interface NodePreference {
  /** 1 to 100; those that a node meets are added up. */
  readonly weight: number;
  readonly selector: LabelSelector;
}

/** True if the advertisement covers addresses that a Service with these labels has from `pool`. */
export function advertises(
  advertisement: L2Advertisement,
  pool: Pick<IpAddressPool, "name" | "labels">,
  serviceLabels: Labels,
): boolean {
  const { serviceSelectors } = advertisement;
  return (
    coversPool(advertisement, pool) &&
    (serviceSelectors.length === 0 || anySelects(serviceSelectors, serviceLabels))
  );
}

/** True if the advertisement covers addresses of `pool`, for some Services at least. */
export function coversPool(
  { pools, poolSelectors }: L2Advertisement,
  pool: Pick<IpAddressPool, "name" | "labels">,
): boolean {
  const everyPool = pools.length === 0 && poolSelectors.length === 0;
  return everyPool || pools.includes(pool.name) || anySelects(poolSelectors, pool.labels);
}

/** True if the advertisement lets a node with these labels announce. */
export function includesNode(advertisement: L2Advertisement, nodeLabels: Labels): boolean {
  return (
    advertisement.nodeSelectors.length === 0 || anySelects(advertisement.nodeSelectors, nodeLabels)
  );
}

/** How much the advertisement would like a node with these labels to announce; 0 for one that it does not select. */
export function preferenceFor(advertisement: L2Advertisement, nodeLabels: Labels): number {
  return includesNode(advertisement, nodeLabels)
    ? advertisement.preferredNodes
        .filter(({ selector }) => selects(selector, nodeLabels))
        .reduce((sum, { weight }) => sum + weight, 0)
    : 0;
}
