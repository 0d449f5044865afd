import { anySelects, type LabelSelector } from "../model/label-selector.ts";
import { type Finding, warn } from "./finding.ts";
import type { KnownCluster } from "./known-cluster.ts";

/** What is wrong with the way in which an object names pools, or selects them by their labels. */
export function poolReferenceFindings(
  {
    pools,
    poolSelectors,
  }: { readonly pools: readonly string[]; readonly poolSelectors: readonly LabelSelector[] },
  { pools: known }: KnownCluster,
): readonly Finding[] {
  const unknown = pools.flatMap((name, index) =>
    known.some((pool) => pool.name === name)
      ? []
      : [
          warn(
            `there is no IPAddressPool ${name} (yet): create it, or correct the name`,
            `spec.ipAddressPools[${index}]`,
          ),
        ],
  );
  const selected = known.some(({ labels }) => anySelects(poolSelectors, labels));
  return poolSelectors.length === 0 || selected
    ? unknown
    : [
        ...unknown,
        warn(
          "no IPAddressPool has labels that these select: label one, or correct the selectors",
          "spec.ipAddressPoolSelectors",
        ),
      ];
}
