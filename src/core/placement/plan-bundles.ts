import type { BundleNode, L2Bundle } from "../model/l2-bundle.ts";

/** A node owns at most this many bundles of a group by plan; more only after another node's death. */
export const bundlesPerNode = 3;

/** How many nodes stand by for a bundle. */
const standbysPerBundle = 3;

/** What should become of the bundles of one group of advertisements. */
export interface BundlePlan {
  readonly create: readonly PlannedBundle[];
  readonly update: readonly BundleUpdate[];
  /** Names of bundles without addresses that nobody needs. */
  readonly remove: readonly string[];
}

/** A bundle to be made. */
export interface PlannedBundle {
  readonly owner: BundleNode;
  readonly standbys: readonly BundleNode[];
}

/** A bundle whose owner or standbys change. `takeover`: the owner changes, so it is urgent. */
export interface BundleUpdate extends PlannedBundle {
  readonly name: string;
  readonly takeover: boolean;
}

/**
 * Plans the bundles of one group of advertisements.
 *
 * A bundle whose owner is eligible stays where it is. Otherwise its first
 * eligible standby takes over; without any standby left, the eligible node that
 * owns fewest bundles. Without any eligible node nothing changes: uncertain
 * evidence never withdraws. Every eligible node gets up to {@link bundlesPerNode}
 * bundles with different first standbys, so that its load splits when it dies.
 */
export function planBundles(
  bundles: readonly L2Bundle[],
  eligible: readonly BundleNode[],
  isEmpty: (bundle: string) => boolean,
): BundlePlan {
  if (eligible.length === 0) {
    return { create: [], update: [], remove: [] };
  }
  const owned = new Map(eligible.map(({ node }) => [node, 0]));
  const staying = bundles.filter(({ owner }) => owned.has(owner.node));
  const homeless = bundles.filter(({ owner }) => !owned.has(owner.node));
  // Bundles that stay are counted first, so that homeless ones go to nodes with few; homeless ones
  // are moved before any of the others goes, so that what is surplus afterwards goes at once.
  for (const bundle of staying) {
    count(owned, bundle.owner.node, 1);
  }
  const moved = homeless.filter(({ name }) => !isEmpty(name));
  const update = moved.map((bundle): BundleUpdate => {
    const planned = keepOrMove(bundle, eligible, owned);
    count(owned, planned.owner.node, 1);
    return { name: bundle.name, takeover: true, ...planned };
  });
  const remove = homeless.filter(({ name }) => isEmpty(name)).map(({ name }) => name);
  for (const bundle of staying) {
    const planned = keepOrMove(bundle, eligible, owned);
    const surplus = (owned.get(bundle.owner.node) ?? 0) > wantedPerNode(eligible.length);
    if (surplus && isEmpty(bundle.name)) {
      remove.push(bundle.name);
      count(owned, bundle.owner.node, -1);
    } else if (!samePlan(bundle, planned)) {
      update.push({ name: bundle.name, takeover: false, ...planned });
    }
  }
  return { create: missingBundles(eligible, owned), update, remove };
}

function keepOrMove(
  bundle: L2Bundle,
  eligible: readonly BundleNode[],
  owned: ReadonlyMap<string, number>,
): PlannedBundle {
  const find = (node: string): BundleNode | undefined =>
    eligible.find((candidate) => candidate.node === node);
  const standbys = bundle.standbys.flatMap(({ node }) => find(node) ?? []);
  const [first] = standbys;
  const owner = find(bundle.owner.node) ?? first ?? leastLoaded(eligible, owned);
  return { owner, standbys: fillStandbys(owner, standbys, eligible) };
}

function fillStandbys(
  owner: BundleNode,
  standbys: readonly BundleNode[],
  eligible: readonly BundleNode[],
): readonly BundleNode[] {
  const kept = standbys.filter(({ node }) => node !== owner.node);
  const added = rotation(eligible, owner.node, 0).filter(
    ({ node }) => !kept.some((standby) => standby.node === node),
  );
  return [...kept, ...added].slice(0, standbysPerBundle);
}

function missingBundles(
  eligible: readonly BundleNode[],
  owned: ReadonlyMap<string, number>,
): readonly PlannedBundle[] {
  const wanted = wantedPerNode(eligible.length);
  return eligible.flatMap((owner) => {
    const have = owned.get(owner.node) ?? 0;
    return Array.from({ length: Math.max(0, wanted - have) }, (_, index) => ({
      owner,
      standbys: rotation(eligible, owner.node, have + index).slice(0, standbysPerBundle),
    }));
  });
}

/** One bundle for each possible first standby, at most three. */
function wantedPerNode(eligibleCount: number): number {
  return Math.max(1, Math.min(bundlesPerNode, eligibleCount - 1));
}

/** The other nodes in order, starting behind `owner` and `offset` further. */
function rotation(
  eligible: readonly BundleNode[],
  owner: string,
  offset: number,
): readonly BundleNode[] {
  const start = eligible.findIndex(({ node }) => node === owner) + 1;
  const others = [...eligible.slice(start), ...eligible.slice(0, Math.max(0, start - 1))];
  const shift = others.length === 0 ? 0 : offset % others.length;
  return [...others.slice(shift), ...others.slice(0, shift)];
}

function leastLoaded(
  eligible: readonly BundleNode[],
  owned: ReadonlyMap<string, number>,
): BundleNode {
  return eligible.reduce((best, candidate) =>
    (owned.get(candidate.node) ?? 0) < (owned.get(best.node) ?? 0) ? candidate : best,
  );
}

function count(owned: Map<string, number>, node: string, more: 1 | -1): void {
  owned.set(node, (owned.get(node) ?? 0) + more);
}

function samePlan(a: PlannedBundle, b: PlannedBundle): boolean {
  return JSON.stringify([a.owner, a.standbys]) === JSON.stringify([b.owner, b.standbys]);
}
