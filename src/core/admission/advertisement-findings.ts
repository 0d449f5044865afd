import type { IpAddressPool } from "../model/ip-address-pool.ts";
import { advertises, includesNode, type L2Advertisement } from "../model/l2-advertisement.ts";
import { type Change, eased, type Finding, reported, type SelfReport, warn } from "./finding.ts";
import type { KnownCluster } from "./known-cluster.ts";
import { poolReferenceFindings } from "./pool-reference.ts";

/** An L2Advertisement as somebody writes it; without `advertisement` it cannot be read. */
export interface WrittenAdvertisement extends SelfReport {
  readonly name: string;
  readonly advertisement: L2Advertisement | undefined;
}

/** What is wrong with creating, changing or deleting one. */
export function advertisementFindings(
  change: Change<WrittenAdvertisement>,
  known: KnownCluster,
): readonly Finding[] {
  const { before, after } = change;
  const name = after?.name ?? before?.name ?? "";
  if (after !== undefined && after.advertisement === undefined) {
    return eased(reported(after), before === undefined ? [] : reported(before));
  }
  const written = after?.advertisement;
  return [
    ...(after === undefined || written === undefined
      ? []
      : [...reported(after), ...poolReferenceFindings(written, known), ...nodes(written, known)]),
    ...silenced(name, written, known),
  ];
}

/** Pools that no advertisement covers, whatever the Service: what they give is not announced. */
export function unannouncedPools(
  pools: readonly IpAddressPool[],
  advertisements: readonly L2Advertisement[],
): readonly IpAddressPool[] {
  // Whether some Service is meant is not asked: its labels may change.
  const open = advertisements.map((one) => ({ ...one, serviceSelectors: [] }));
  return pools.filter((pool) => !open.some((one) => advertises(one, pool, {})));
}

/** What is to be said of a pool of which nothing would be announced; nothing where there is no advertisement at all. */
export function unannounced(
  { pool }: { readonly pool: IpAddressPool | undefined },
  { advertisements }: KnownCluster,
): readonly Finding[] {
  const isSilent =
    pool !== undefined &&
    advertisements.length > 0 &&
    unannouncedPools([pool], advertisements).length > 0;
  return isSilent
    ? [warn("no L2Advertisement covers it, so what it gives is not announced: create one")]
    : [];
}

function nodes(advertisement: L2Advertisement, { nodes: known }: KnownCluster): readonly Finding[] {
  const isFor = known?.some((labels) => includesNode(advertisement, labels)) ?? true;
  return isFor || known?.length === 0
    ? []
    : [
        warn(
          "no Node has labels that these select, so nobody announces: correct them, or label a Node",
          "spec.nodeSelectors",
        ),
      ];
}

/** Pools with addresses that Services hold, and that would not be announced any more. */
function silenced(
  name: string,
  after: L2Advertisement | undefined,
  { allocation, pools, advertisements }: KnownCluster,
): readonly Finding[] {
  const others = advertisements.filter((one) => one.name !== name);
  const remaining = after === undefined ? others : [...others, after];
  const before = new Set(unannouncedPools(pools, advertisements));
  const lost = unannouncedPools(pools, remaining).filter((pool) => !before.has(pool));
  const used = lost.filter((pool) =>
    pool.ranges.some((range) => allocation.ledger.countTaken(range) > 0n),
  );
  return used.length === 0
    ? []
    : [
        warn(
          `addresses that Services hold of ${used.map((pool) => pool.name).join(", ")} would not be ` +
            "announced any more: no other L2Advertisement covers them",
        ),
      ];
}
