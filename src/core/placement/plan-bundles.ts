import type { BundleNode, L2Bundle } from "../model/l2-bundle.ts";
import type { Candidate } from "./eligibility.ts";
import { Ring, Standbys } from "./standbys.ts";
import { bestOf } from "./tiers.ts";

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

/** Which bundles of a group are made ahead. */
export type MadeAhead = "someForEachNode" | "none";

/**
 * Plans the bundles of one group of advertisements.
 *
 * A bundle whose owner is eligible stays where it is. Otherwise its first
 * eligible standby takes over; if none is left, or better nodes are there, the
 * best node that owns fewest bundles. Without any eligible node nothing changes:
 * uncertain evidence never withdraws. Where bundles are made ahead every eligible
 * node gets up to {@link bundlesPerNode}. The first standbys of a node's bundles
 * are spread over the best of the others, so that its load splits when it dies.
 */
export function planBundles(
  bundles: readonly L2Bundle[],
  eligible: readonly Candidate[],
  isEmpty: (bundle: string) => boolean,
  ahead: MadeAhead = "someForEachNode",
): BundlePlan {
  if (eligible.length === 0) {
    return { create: [], update: [], remove: surplusWithoutNodes(bundles, isEmpty, ahead) };
  }
  const ring = new Ring(eligible);
  const wanted = wantedPerNode(eligible.length, ahead);
  const { kept, remove } = planOwners(bundles, ring, wanted, isEmpty);
  const update: BundleUpdate[] = [];
  const create: PlannedBundle[] = [];
  for (const candidate of eligible) {
    const own = kept.get(candidate) ?? [];
    const owner = asBundleNode(candidate);
    const total = Math.max(wanted, own.length);
    const standbysOf = new Standbys(ring, candidate, total);
    for (const bundle of own) {
      const standbys = standbysOf.next(bundle.standbys).map(asBundleNode);
      const takeover = bundle.owner.node !== owner.node;
      if (takeover || !samePlan(bundle, { owner, standbys })) {
        update.push({ name: bundle.name, owner, standbys, takeover });
      }
    }
    for (let have = own.length; have < total; have += 1) {
      create.push({ owner, standbys: standbysOf.next([]).map(asBundleNode) });
    }
  }
  return { create, update, remove };
}

/** Returns a bundle for `owner`, one of `eligible`, beside those that there are. */
export function planBundleFor(owner: Candidate, eligible: readonly Candidate[]): PlannedBundle {
  const standbys = new Standbys(new Ring(eligible), owner, 1).next([]);
  return { owner: asBundleNode(owner), standbys: standbys.map(asBundleNode) };
}

/**
 * Which bundles each node is to own, and which are to go. Bundles that stay are
 * counted first, so that homeless ones go to nodes with few. Those are given a
 * home before any empty one goes, so that what is surplus afterwards goes at once.
 */
function planOwners(
  bundles: readonly L2Bundle[],
  ring: Ring,
  wanted: number,
  isEmpty: (bundle: string) => boolean,
): {
  readonly kept: ReadonlyMap<Candidate, readonly L2Bundle[]>;
  readonly remove: readonly string[];
} {
  const remove: string[] = [];
  const kept = new Map([...ring].map((node): [Candidate, L2Bundle[]] => [node, []]));
  const homeless: L2Bundle[] = [];
  for (const bundle of bundles) {
    const owner = ring.find(bundle.owner.node);
    (owner === undefined ? homeless : kept.get(owner))?.push(bundle);
  }
  const best = homeless.length > 0 ? bestOf([...ring]) : [];
  for (const bundle of homeless) {
    if (isEmpty(bundle.name)) {
      remove.push(bundle.name);
    } else {
      const heir = bundle.standbys
        .flatMap(({ node }) => ring.find(node) ?? [])
        .find((standby) => best.includes(standby));
      kept.get(heir ?? withFewest(best, kept))?.push(bundle);
    }
  }
  for (const [node, own] of kept) {
    const empty = own.filter(({ name }) => isEmpty(name));
    const surplus = new Set(empty.slice(0, Math.max(0, own.length - wanted)));
    remove.push(...[...surplus].map(({ name }) => name));
    kept.set(
      node,
      own.filter((bundle) => !surplus.has(bundle)),
    );
  }
  return { kept, remove };
}

/** Made ahead: one bundle for each possible first standby, at most three. */
function wantedPerNode(eligibleCount: number, ahead: MadeAhead): number {
  return ahead === "none" ? 0 : Math.max(1, Math.min(bundlesPerNode, eligibleCount - 1));
}

/** What is made ahead is there again as soon as there is a node. */
function surplusWithoutNodes(
  bundles: readonly L2Bundle[],
  isEmpty: (bundle: string) => boolean,
  ahead: MadeAhead,
): readonly string[] {
  return ahead === "none" ? bundles.map(({ name }) => name).filter(isEmpty) : [];
}

function withFewest(
  nodes: readonly Candidate[],
  kept: ReadonlyMap<Candidate, readonly L2Bundle[]>,
): Candidate {
  const count = (node: Candidate): number => kept.get(node)?.length ?? 0;
  return nodes.reduce((least, node) => (count(node) < count(least) ? node : least));
}

function asBundleNode({ node, interfaces }: Candidate): BundleNode {
  return { node, interfaces };
}

function samePlan(a: PlannedBundle, b: PlannedBundle): boolean {
  return JSON.stringify([a.owner, a.standbys]) === JSON.stringify([b.owner, b.standbys]);
}
