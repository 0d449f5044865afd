import type { BundleNode } from "../model/l2-bundle.ts";
import type { Candidate } from "./eligibility.ts";
import { tiersOf } from "./tiers.ts";

/** How many nodes stand by for a bundle. */
const standbysPerBundle = 3;

/** Nodes in a circle, so that each has others behind it. */
class Circle {
  readonly #nodes: readonly Candidate[];
  readonly #places: ReadonlyMap<string, number>;

  constructor(nodes: readonly Candidate[]) {
    this.#nodes = nodes;
    this.#places = new Map(nodes.map(({ node }, place) => [node, place]));
  }

  get size(): number {
    return this.#nodes.length;
  }

  find(name: string): Candidate | undefined {
    return this.#nodes[this.#places.get(name) ?? -1];
  }

  /** All nodes once around, from the one behind `start`, or from place `otherwise` if it is not in the circle. */
  *behind(start: Candidate, otherwise: number): Generator<Candidate> {
    const place = this.#places.get(start.node) ?? otherwise - 1;
    for (let step = 1; step <= this.#nodes.length; step += 1) {
      yield this.#nodes[(place + step) % this.#nodes.length] as Candidate;
    }
  }
}

/** The eligible nodes of a group: who could own a bundle, and who stands by for whom. */
export class Ring {
  readonly #nodes: ReadonlyMap<string, Candidate>;
  readonly #places: ReadonlyMap<string, number>;
  readonly #tiers: readonly Circle[];

  constructor(eligible: readonly Candidate[]) {
    this.#nodes = new Map(eligible.map((candidate) => [candidate.node, candidate]));
    this.#places = new Map(eligible.map(({ node }, place) => [node, place]));
    this.#tiers = tiersOf(eligible).map((tier) => new Circle(tier));
  }

  /** How many there are. */
  get size(): number {
    return this.#nodes.size;
  }

  [Symbol.iterator](): Iterator<Candidate> {
    return this.#nodes.values();
  }

  /** The eligible node of that name, if it is one. */
  find(name: string): Candidate | undefined {
    return this.#nodes.get(name);
  }

  /** The circles of nodes that should rather take over, the best first. */
  get tiers(): readonly Circle[] {
    return this.#tiers;
  }

  /** The place of a node among all. */
  place(node: Candidate): number {
    return this.#places.get(node.node) ?? 0;
  }
}

/** Spreads the first standbys of one owner's bundles over the best of the other nodes. */
export class Standbys {
  readonly #ring: Ring;
  readonly #owner: Candidate;
  /** Whom a first standby is taken from: the best tier in which there is another than the owner. */
  readonly #firsts: Circle | undefined;
  readonly #limit: number;
  /** For how many bundles a node is the first standby. */
  readonly #uses = new Map<string, number>();

  /** `bundles`: how many the owner is to have in all. */
  constructor(ring: Ring, owner: Candidate, bundles: number) {
    this.#ring = ring;
    this.#owner = owner;
    const others = (tier: Circle): number => tier.size - (tier.find(owner.node) ? 1 : 0);
    this.#firsts = ring.tiers.find((tier) => others(tier) > 0);
    this.#limit = this.#firsts === undefined ? 0 : Math.ceil(bundles / others(this.#firsts));
  }

  /**
   * Returns the standbys of one bundle more, better nodes first. Those of a tier that
   * it has stay in their order; only a first that has its share steps back.
   */
  next(known: readonly BundleNode[]): readonly Candidate[] {
    const kept = known
      .flatMap(({ node }) => this.#ring.find(node) ?? [])
      .filter(({ node }) => node !== this.#owner.node);
    const first = this.#first(kept);
    if (first === undefined) {
      return [];
    }
    this.#uses.set(first.node, (this.#uses.get(first.node) ?? 0) + 1);
    const standbys = new Set([first]);
    for (const tier of this.#ring.tiers) {
      const inTier = kept.filter(({ node }) => tier.find(node) !== undefined);
      const behind = tier.behind(first, this.#ring.place(this.#owner));
      for (const candidate of concatenated(inTier, behind)) {
        if (standbys.size >= standbysPerBundle) {
          return [...standbys];
        }
        if (candidate.node !== this.#owner.node) {
          standbys.add(candidate);
        }
      }
    }
    return [...standbys];
  }

  #first(kept: readonly Candidate[]): Candidate | undefined {
    const [present] = kept.filter(({ node }) => this.#firsts?.find(node) !== undefined);
    const mayStay = present !== undefined && this.#usesOf(present) < this.#limit;
    return mayStay ? present : this.#leastUsed();
  }

  #leastUsed(): Candidate | undefined {
    let least: Candidate | undefined;
    for (const candidate of this.#firsts?.behind(this.#owner, this.#ring.place(this.#owner)) ??
      []) {
      const isLess = least === undefined || this.#usesOf(candidate) < this.#usesOf(least);
      if (candidate.node !== this.#owner.node && isLess) {
        least = candidate;
      }
      if (least !== undefined && this.#usesOf(least) === 0) {
        break;
      }
    }
    return least;
  }

  #usesOf({ node }: Candidate): number {
    return this.#uses.get(node) ?? 0;
  }
}

function* concatenated<T>(...lists: readonly Iterable<T>[]): Generator<T> {
  for (const list of lists) {
    yield* list;
  }
}
