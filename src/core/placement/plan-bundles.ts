import type { BundleNode, L2Bundle } from "../model/l2-bundle.ts";
import { Circle, Standbys } from "./standbys.ts";

/** A node owns at most this many bundles of a group by plan; more only after another node's death. */
export const bundlesPerNode = 3;

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
 * bundles. The first standbys of a node's bundles are spread over the others, so
 * that its load splits when it dies.
 */
export function planBundles(
  bundles: readonly L2Bundle[],
  eligible: readonly BundleNode[],
  isEmpty: (bundle: string) => boolean,
): BundlePlan {
  if (eligible.length === 0) {
    return { create: [], update: [], remove: [] };
  }
  const circle = new Circle(eligible);
  const { kept, remove } = planOwners(bundles, circle, isEmpty);
  const wanted = wantedPerNode(eligible.length);
  const update: BundleUpdate[] = [];
  const create: PlannedBundle[] = [];
  for (const owner of eligible) {
    const own = kept.get(owner) ?? [];
    const standbysOf = new Standbys(circle, owner, Math.max(wanted, own.length));
    for (const bundle of own) {
      const standbys = standbysOf.next(bundle.standbys);
      const takeover = bundle.owner.node !== owner.node;
      if (takeover || !samePlan(bundle, { owner, standbys })) {
        update.push({ name: bundle.name, owner, standbys, takeover });
      }
    }
    for (let have = own.length; have < wanted; have += 1) {
      create.push({ owner, standbys: standbysOf.next([]) });
    }
  }
  return { create, update, remove };
}

/**
 * Which bundles each node is to own, and which are to go. Bundles that stay are
 * counted first, so that homeless ones go to nodes with few. Those are given a
 * home before any empty one goes, so that what is surplus afterwards goes at once.
 */
function planOwners(
  bundles: readonly L2Bundle[],
  circle: Circle,
  isEmpty: (bundle: string) => boolean,
): {
  readonly kept: ReadonlyMap<BundleNode, readonly L2Bundle[]>;
  readonly remove: readonly string[];
} {
  const remove: string[] = [];
  const kept = new Map([...circle].map((node): [BundleNode, L2Bundle[]] => [node, []]));
  const homeless: L2Bundle[] = [];
  for (const bundle of bundles) {
    const owner = circle.find(bundle.owner.node);
    (owner === undefined ? homeless : kept.get(owner))?.push(bundle);
  }
  for (const bundle of homeless) {
    if (isEmpty(bundle.name)) {
      remove.push(bundle.name);
    } else {
      const [heir] = bundle.standbys.flatMap(({ node }) => circle.find(node) ?? []);
      kept.get(heir ?? withFewest(kept))?.push(bundle);
    }
  }
  const wanted = wantedPerNode(circle.size);
  for (const [node, own] of kept) {
    const empty = own.filter(({ name }) => isEmpty(name));
    const surplus = empty.slice(0, Math.max(0, own.length - wanted));
    remove.push(...surplus.map(({ name }) => name));
    kept.set(
      node,
      own.filter((bundle) => !surplus.includes(bundle)),
    );
  }
  return { kept, remove };
}

/** One bundle for each possible first standby, at most three. */
function wantedPerNode(eligibleCount: number): number {
  return Math.max(1, Math.min(bundlesPerNode, eligibleCount - 1));
}

function withFewest(kept: ReadonlyMap<BundleNode, readonly L2Bundle[]>): BundleNode {
  const [[node]] = [...kept].sort(([, a], [, b]) => a.length - b.length) as [[BundleNode, unknown]];
  return node;
}

function samePlan(a: PlannedBundle, b: PlannedBundle): boolean {
  return JSON.stringify([a.owner, a.standbys]) === JSON.stringify([b.owner, b.standbys]);
}
