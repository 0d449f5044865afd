import type { IpAddressPool } from "./ip-address-pool.ts";
import { anySelects, type LabelSelector, type Labels } from "./label-selector.ts";

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
}

/** True if the advertisement covers addresses that a Service with these labels has from `pool`. */
export function advertises(
  advertisement: L2Advertisement,
  pool: Pick<IpAddressPool, "name" | "labels">,
  serviceLabels: Labels,
): boolean {
  const { pools, poolSelectors, serviceSelectors } = advertisement;
  const everyPool = pools.length === 0 && poolSelectors.length === 0;
  const coversPool =
    everyPool || pools.includes(pool.name) || anySelects(poolSelectors, pool.labels);
  return (
    coversPool && (serviceSelectors.length === 0 || anySelects(serviceSelectors, serviceLabels))
  );
}

/** True if the advertisement lets a node with these labels announce. */
export function includesNode(advertisement: L2Advertisement, nodeLabels: Labels): boolean {
  return (
    advertisement.nodeSelectors.length === 0 || anySelects(advertisement.nodeSelectors, nodeLabels)
  );
}
