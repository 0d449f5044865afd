import type { IpAllocation } from "../core/model/ip-allocation.ts";
import type { L2Bundle } from "../core/model/l2-bundle.ts";
import type { IpAddress } from "../core/net/ip-address.ts";
import type { Clock } from "../runtime/clock.ts";
import type { ClusterStores } from "./cluster-stores.ts";

/** What tells bundles of one group from others: their advertisements, and where alone they may be announced. */
export type BundleGroup = Pick<L2Bundle, "advertisements" | "hosts">;

/** So long after it was chosen an address may still be written into a bundle. */
const onItsWayMs = 60_000;

/** The same for groups that are the same. */
export function groupKey({ advertisements, hosts }: BundleGroup): string {
  return `${advertisements.join(",")}${hosts === undefined ? "" : ` on ${hosts.join(",")}`}`;
}

/**
 * The bundles by group, the addresses of each, and how many addresses each node announces: kept up one
 * object at a time, so that giving an address out does not look at all of them.
 */
export class BundleContents {
  readonly #stores: Pick<ClusterStores, "allocations" | "bundles">;
  readonly #addresses = new Map<string, Set<IpAddress>>();
  readonly #unplaced = new Set<IpAddress>();
  readonly #groups = new Map<string, Map<string, L2Bundle>>();
  readonly #loads = new Map<string, number>();
  /** Chosen, and when, for an address that does not say so yet. */
  readonly #chosen = new Map<string, number>();
  /** About to be deleted: nothing is to be put into these. */
  readonly #leaving = new Set<string>();
  readonly #clock: Clock;

  constructor(stores: Pick<ClusterStores, "allocations" | "bundles">, clock: Clock) {
    this.#stores = stores;
    this.#clock = clock;
  }

  /** Counts everything, from now on. Call once, after both stores have synced. */
  load(): void {
    const { allocations, bundles } = this.#stores;
    for (const { bundle } of bundles.values()) {
      this.#takeBundle(undefined, bundle);
    }
    for (const { allocation } of allocations.values()) {
      this.#takeAllocation(undefined, allocation);
    }
    bundles.onChange(({ before, after }) => this.#takeBundle(before?.bundle, after?.bundle));
    allocations.onChange(({ before, after }) =>
      this.#takeAllocation(before?.allocation, after?.allocation),
    );
  }

  /** The addresses that a bundle carries. */
  addressesOf(bundle: string): Iterable<IpAddress> {
    return this.#addresses.get(bundle) ?? [];
  }

  /** Addresses that are held and in no bundle: a node that comes could announce them. */
  unplaced(): Iterable<IpAddress> {
    return this.#unplaced;
  }

  /** How many addresses a bundle carries. */
  size(bundle: string): number {
    return this.#addresses.get(bundle)?.size ?? 0;
  }

  /** True if the bundle carries nothing, and was chosen for nothing that may be on its way. */
  isEmpty(bundle: string): boolean {
    const chosenAt = this.#chosen.get(bundle) ?? Number.NEGATIVE_INFINITY;
    return this.size(bundle) === 0 && this.#clock.now() - chosenAt > onItsWayMs;
  }

  /** Notes that an address is about to be written into the bundle. */
  choose(bundle: string): void {
    if (this.size(bundle) === 0) {
      this.#chosen.set(bundle, this.#clock.now());
    }
  }

  /** Hides a bundle, which nothing is to be put into any more, until what this returns is called. */
  hide(bundle: string): () => void {
    this.#leaving.add(bundle);
    return () => this.#leaving.delete(bundle);
  }

  /** How many addresses each node announces that announces any. */
  get loads(): ReadonlyMap<string, number> {
    return this.#loads;
  }

  /** The bundles of a group, by name. */
  bundlesOf(group: BundleGroup): readonly L2Bundle[] {
    return [...(this.#groups.get(groupKey(group))?.values() ?? [])]
      .filter(({ name }) => !this.#leaving.has(name))
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** One bundle of each group that has any. */
  *groups(): Generator<L2Bundle> {
    for (const bundles of this.#groups.values()) {
      for (const bundle of bundles.values()) {
        yield bundle;
        break;
      }
    }
  }

  #takeBundle(before: L2Bundle | undefined, after: L2Bundle | undefined): void {
    if (before !== undefined) {
      const key = groupKey(before);
      this.#groups.get(key)?.delete(before.name);
      if (this.#groups.get(key)?.size === 0) {
        this.#groups.delete(key);
      }
      this.#addLoad(before.owner.node, -this.size(before.name));
    }
    if (after !== undefined) {
      const key = groupKey(after);
      const bundles = this.#groups.get(key) ?? new Map<string, L2Bundle>();
      this.#groups.set(key, bundles.set(after.name, after));
      this.#addLoad(after.owner.node, this.size(after.name));
    } else if (before !== undefined) {
      this.#chosen.delete(before.name);
    }
  }

  #takeAllocation(before: IpAllocation | undefined, after: IpAllocation | undefined): void {
    if (before !== undefined) {
      this.#unplaced.delete(before.address);
      this.#drop(before.address, before.bundle);
    }
    if (after?.state === "Allocated" && after.bundle === undefined) {
      this.#unplaced.add(after.address);
    }
    if (after?.bundle !== undefined) {
      const addresses = this.#addresses.get(after.bundle) ?? new Set();
      this.#addresses.set(after.bundle, addresses.add(after.address));
      this.#addLoad(this.#ownerOf(after.bundle), 1);
      this.#chosen.delete(after.bundle);
    }
  }

  #drop(address: IpAddress, bundle: string | undefined): void {
    const addresses = bundle === undefined ? undefined : this.#addresses.get(bundle);
    if (bundle !== undefined && addresses?.delete(address) === true) {
      this.#addLoad(this.#ownerOf(bundle), -1);
      if (addresses.size === 0) {
        this.#addresses.delete(bundle);
      }
    }
  }

  #ownerOf(bundle: string): string | undefined {
    return this.#stores.bundles.get(bundle)?.bundle.owner.node;
  }

  #addLoad(node: string | undefined, count: number): void {
    if (node !== undefined && count !== 0) {
      const load = (this.#loads.get(node) ?? 0) + count;
      if (load === 0) {
        this.#loads.delete(node);
      } else {
        this.#loads.set(node, load);
      }
    }
  }
}
