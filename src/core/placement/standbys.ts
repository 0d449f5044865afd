import type { BundleNode } from "../model/l2-bundle.ts";

/** How many nodes stand by for a bundle. */
const standbysPerBundle = 3;

/** The eligible nodes in a circle, so that each node has others behind it. */
export class Circle {
  readonly #nodes: readonly BundleNode[];
  readonly #places: ReadonlyMap<string, number>;

  constructor(eligible: readonly BundleNode[]) {
    this.#nodes = eligible;
    this.#places = new Map(eligible.map(({ node }, place) => [node, place]));
  }

  /** How many there are. */
  get size(): number {
    return this.#nodes.length;
  }

  [Symbol.iterator](): Iterator<BundleNode> {
    return this.#nodes[Symbol.iterator]();
  }

  /** The eligible node of that name, if it is one. */
  find(name: string): BundleNode | undefined {
    return this.#nodes[this.#places.get(name) ?? -1];
  }

  /** All nodes once around, from the one behind `start`; `start` itself comes last. */
  *behind(start: BundleNode): Generator<BundleNode> {
    const place = this.#places.get(start.node) ?? 0;
    for (let step = 1; step <= this.#nodes.length; step += 1) {
      yield this.#nodes[(place + step) % this.#nodes.length] as BundleNode;
    }
  }
}

/** Spreads the first standbys of one owner's bundles over the other nodes. */
export class Standbys {
  readonly #circle: Circle;
  readonly #owner: BundleNode;
  readonly #limit: number;
  /** For how many bundles a node is the first standby. */
  readonly #firsts = new Map<string, number>();

  /** `bundles`: how many the owner is to have in all. */
  constructor(circle: Circle, owner: BundleNode, bundles: number) {
    this.#circle = circle;
    this.#owner = owner;
    this.#limit = Math.ceil(bundles / Math.max(1, circle.size - 1));
  }

  /**
   * Returns the standbys of one bundle more. Those that it has stay in their order,
   * as far as they are eligible; only a first that has its share steps back.
   */
  next(known: readonly BundleNode[]): readonly BundleNode[] {
    const kept = known.flatMap(({ node }) => this.#circle.find(node) ?? []);
    const [first = this.#leastUsed()] = kept
      .filter((it) => it !== this.#owner)
      .slice(0, 1)
      .filter(({ node }) => (this.#firsts.get(node) ?? 0) < this.#limit);
    if (first === undefined) {
      return [];
    }
    this.#firsts.set(first.node, (this.#firsts.get(first.node) ?? 0) + 1);
    const standbys = new Set([first, ...kept]);
    standbys.delete(this.#owner);
    for (const candidate of this.#circle.behind(first)) {
      if (standbys.size >= standbysPerBundle) {
        break;
      }
      if (candidate !== this.#owner) {
        standbys.add(candidate);
      }
    }
    return [...standbys].slice(0, standbysPerBundle);
  }

  #leastUsed(): BundleNode | undefined {
    let least: BundleNode | undefined;
    let uses = Number.POSITIVE_INFINITY;
    for (const candidate of this.#circle.behind(this.#owner)) {
      const used = this.#firsts.get(candidate.node) ?? 0;
      if (candidate !== this.#owner && used < uses) {
        [least, uses] = [candidate, used];
      }
      if (uses === 0) {
        break;
      }
    }
    return least;
  }
}
