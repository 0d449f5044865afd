import type { IpAddressPool } from "../core/model/ip-address-pool.ts";
import { allocationName, type IpAllocation } from "../core/model/ip-allocation.ts";
import { advertises, type L2Advertisement } from "../core/model/l2-advertisement.ts";
import type { L2Bundle } from "../core/model/l2-bundle.ts";
import { isExcluded } from "../core/model/node.ts";
import type { NodeObstacle } from "../core/model/reason.ts";
import type { Service } from "../core/model/service.ts";
import type { IpAddress } from "../core/net/ip-address.ts";
import { electNode } from "../core/placement/elect.ts";
import {
  eligibleNodes,
  type HinderedNode,
  hinderedNodes,
  missingInterfaces,
  type PlacementNode,
  stillEligible,
} from "../core/placement/eligibility.ts";
import { type BundlePlan, planBundles } from "../core/placement/plan-bundles.ts";
import { BundleWriter, type BundleWriterOptions } from "./bundle-writer.ts";
import type { ClusterStores } from "./cluster-stores.ts";
import type { Configuration } from "./configuration.ts";
import type { SpeakerReports } from "./speaker-reports.ts";

/** Where an address is to be announced, or why nowhere. */
export type Place =
  | { readonly kind: "bundle"; readonly bundle: string }
  | { readonly kind: "none"; readonly reason: "NoAdvertisement" | "NoEligibleNode" };

export interface PlacementOptions extends BundleWriterOptions {
  readonly stores: ClusterStores;
  readonly configuration: Configuration;
  readonly reports: SpeakerReports;
  readonly isAlive: (node: string) => boolean;
}

/** The Services that have an address, one or several that share it. */
export type Sharers = readonly Pick<Service, "labels">[];

/** What is to become of the bundles of one group. */
interface GroupPlan {
  readonly group: readonly string[];
  readonly plan: BundlePlan;
}

/**
 * Which bundle an address belongs to, and which node owns each bundle.
 *
 * Bundles exist before they are needed: then giving an address out is one write,
 * which both fences it and has it announced.
 */
export class Placement {
  readonly #options: PlacementOptions;
  readonly #addresses = new Map<string, Set<IpAddress>>();
  readonly #unplaced = new Set<IpAddress>();
  /** Groups that Services asked for; others follow from pools and advertisements. */
  readonly #wantedGroups = new Map<string, readonly string[]>();
  readonly #bundles: BundleWriter;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: PlacementOptions) {
    this.#options = options;
    this.#bundles = new BundleWriter(options);
  }

  /** Counts the addresses of each bundle, from now on. Call once, after all stores have synced. */
  load(): void {
    const { allocations } = this.#options.stores;
    for (const { allocation } of allocations.values()) {
      this.#count(undefined, allocation);
    }
    allocations.onChange(({ before, after }) => this.#count(before?.allocation, after?.allocation));
  }

  /** The addresses that a bundle carries. */
  addressesOf(bundle: string): Iterable<IpAddress> {
    return this.#addresses.get(bundle) ?? [];
  }

  /** Addresses that are held and in no bundle: a node that comes could announce them. */
  unplaced(): Iterable<IpAddress> {
    return this.#unplaced;
  }

  /** True if an advertisement covers what these Services have from `pool`. */
  covers(sharers: Sharers, pool: IpAddressPool): boolean {
    return this.#groupOf(sharers, pool).length > 0;
  }

  /** Interfaces for want of which nobody can announce what these Services have from `pool`. */
  missingInterfaces(sharers: Sharers, pool: IpAddressPool): readonly string[] {
    const group = this.#groupOf(sharers, pool);
    return missingInterfaces(this.#advertisements(group), this.#nodes());
  }

  /** The selected nodes that do not announce what these Services have from `pool`, and why not. */
  hinderedNodes(sharers: Sharers, pool: IpAddressPool): readonly HinderedNode[] {
    return hinderedNodes(this.#advertisements(this.#groupOf(sharers, pool)), this.#nodes());
  }

  /** True if the allocation is in a bundle of the advertisements that cover it, or rightly in none. */
  isWellPlaced(allocation: IpAllocation, sharers: Sharers, pool: IpAddressPool): boolean {
    const group = this.#groupOf(sharers, pool);
    if (allocation.bundle === undefined) {
      return this.#bundlesOf(group).length === 0 && this.#eligible(group).length === 0;
    }
    const { stores, configuration } = this.#options;
    const bundle = stores.bundles.get(allocation.bundle)?.bundle;
    if (bundle === undefined || groupKey(bundle.advertisements) === groupKey(group)) {
      return bundle !== undefined;
    }
    // What covers it may be there and not be seen: uncertain evidence never withdraws.
    return configuration.advertisementsMayReturn;
  }

  /**
   * Chooses the bundle for an address that these Services get from `pool`; makes
   * bundles if need be. An address that is announced already stays on its node; one
   * that is not goes to no node that is about to leave, if there is another.
   */
  async place(address: IpAddress, sharers: Sharers, pool: IpAddressPool): Promise<Place> {
    const group = this.#groupOf(sharers, pool);
    if (group.length === 0) {
      return { kind: "none", reason: "NoAdvertisement" };
    }
    this.#wantedGroups.set(groupKey(group), group);
    if (this.#bundlesOf(group).length === 0 && this.#eligible(group).length > 0) {
      await this.#inTurn(() => this.#carryOut([{ group, plan: this.#plan(group) }]));
    }
    const all = this.#bundlesOf(group);
    const staying = all.filter(({ owner }) => !this.#leaves(owner.node));
    const bundles = staying.length > 0 ? staying : all;
    const owners = [...new Set(bundles.map(({ owner }) => owner.node))];
    const present = this.#announcerOf(address);
    const node =
      present !== undefined && owners.includes(present)
        ? present
        : electNode(owners, address, (name) => this.#loadOf(name));
    const [lightest] = bundles
      .filter(({ owner }) => owner.node === node)
      .sort((a, b) => this.#size(a.name) - this.#size(b.name) || (a.name < b.name ? -1 : 1));
    return lightest === undefined
      ? { kind: "none", reason: "NoEligibleNode" }
      : { kind: "bundle", bundle: lightest.name };
  }

  /**
   * Makes every bundle right: dead owners are replaced first, in all groups, then
   * what is missing or superfluous. A write that fails holds up no other; all are
   * tried before this rejects.
   */
  async reconcile(): Promise<void> {
    await this.#inTurn(() => {
      const ignored = this.#options.term.ignored();
      return this.#carryOut(
        [...this.#groups()].map((group) => ({
          group,
          plan: this.#withRewrites(this.#plan(group), group, ignored),
        })),
      );
    });
  }

  async #carryOut(plans: readonly GroupPlan[]): Promise<void> {
    const updates = plans.flatMap(({ plan }) => plan.update);
    const takeovers = await Promise.allSettled(
      updates
        .filter(({ takeover }) => takeover)
        .map((update) => this.#bundles.update(update, this.#whyMoved(update.name))),
    );
    const rest = await Promise.allSettled([
      ...plans.flatMap(({ group, plan }) =>
        plan.create.map((planned) => this.#bundles.create(group, planned)),
      ),
      ...updates.filter(({ takeover }) => !takeover).map((update) => this.#bundles.update(update)),
      ...plans.flatMap(({ plan }) => plan.remove.map((name) => this.#bundles.remove(name))),
    ]);
    const [failure] = [...takeovers, ...rest].filter((result) => result.status === "rejected");
    if (failure !== undefined) {
      throw failure.reason;
    }
  }

  /** The plan, with all bundles of the group that are to be written again as they are. */
  #withRewrites(
    plan: BundlePlan,
    group: readonly string[],
    rewritten: ReadonlyMap<string, unknown>,
  ): BundlePlan {
    if (rewritten.size === 0) {
      return plan;
    }
    const planned = new Set([...plan.update.map(({ name }) => name), ...plan.remove]);
    const again = this.#bundlesOf(group)
      .filter(({ name }) => rewritten.has(name) && !planned.has(name))
      .map(({ name, owner, standbys }) => ({ name, owner, standbys, takeover: false }));
    return { ...plan, update: [...plan.update, ...again] };
  }

  #plan(group: readonly string[]): BundlePlan {
    const bundles = this.#bundlesOf(group);
    return this.#advertisements(group).length < group.length
      ? this.#planObsolete(bundles)
      : planBundles(bundles, this.#eligible(group), (name) => this.#size(name) === 0);
  }

  /**
   * An advertisement of the group is gone. Its addresses move to other groups or
   * to none; until then its bundles fail over among the nodes that they name.
   */
  #planObsolete(bundles: readonly L2Bundle[]): BundlePlan {
    const removable = this.#options.configuration.advertisementsMayReturn ? [] : bundles;
    const empty = removable.filter(({ name }) => this.#size(name) === 0);
    const nodes = this.#nodes();
    const staying = bundles.filter((bundle) => !empty.includes(bundle));
    const update = staying.flatMap((bundle) => {
      const named = stillEligible([bundle.owner, ...bundle.standbys], nodes);
      return planBundles([bundle], named, () => false).update;
    });
    return { create: [], update, remove: empty.map(({ name }) => name) };
  }

  #leaves(node: string): boolean {
    return this.#options.stores.nodes.get(node)?.node.departure !== undefined;
  }

  /** What keeps the owner of a bundle from announcing; `undefined`: no advertisement selects it. */
  #whyMoved(name: string): NodeObstacle | undefined {
    const bundle = this.#options.stores.bundles.get(name)?.bundle;
    const advertisements = this.#advertisements(bundle?.advertisements ?? []);
    const hindered = hinderedNodes(advertisements, this.#nodes());
    return hindered.find(({ node }) => node === bundle?.owner.node)?.reason;
  }

  #announcerOf(address: IpAddress): string | undefined {
    const { allocations, bundles } = this.#options.stores;
    const bundle = allocations.get(allocationName(address))?.allocation.bundle;
    return bundle === undefined ? undefined : bundles.get(bundle)?.bundle.owner.node;
  }

  /** Every set of advertisements that needs bundles or still has some. */
  #groups(): Iterable<readonly string[]> {
    const groups = new Map(this.#wantedGroups);
    for (const pool of this.#options.configuration.pools) {
      const group = this.#groupOf([{ labels: {} }], pool);
      if (group.length > 0) {
        groups.set(groupKey(group), group);
      }
    }
    for (const { bundle } of this.#options.stores.bundles.values()) {
      groups.set(groupKey(bundle.advertisements), bundle.advertisements);
    }
    return groups.values();
  }

  /** The advertisements of an address: those of every Service that has it, be they selected by labels. */
  #groupOf(sharers: Sharers, pool: IpAddressPool): readonly string[] {
    return this.#options.configuration.advertisements
      .filter((advertisement) =>
        sharers.some(({ labels }) => advertises(advertisement, pool, labels)),
      )
      .map(({ name }) => name);
  }

  #advertisements(group: readonly string[]): readonly L2Advertisement[] {
    return this.#options.configuration.advertisements.filter(({ name }) => group.includes(name));
  }

  #bundlesOf(group: readonly string[]): readonly L2Bundle[] {
    const key = groupKey(group);
    return [...this.#options.stores.bundles.values()]
      .map(({ bundle }) => bundle)
      .filter(({ advertisements }) => groupKey(advertisements) === key)
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  #eligible(group: readonly string[]): ReturnType<typeof eligibleNodes> {
    return eligibleNodes(this.#advertisements(group), this.#nodes());
  }

  #nodes(): readonly PlacementNode[] {
    const { stores, reports, isAlive } = this.#options;
    return [...stores.nodes.values()].map(({ node }) => ({
      node,
      report: reports.get(node.name),
      alive: isAlive(node.name),
      excluded: isExcluded(node),
      returned: false,
    }));
  }

  #count(before: IpAllocation | undefined, after: IpAllocation | undefined): void {
    if (before !== undefined) {
      this.#unplaced.delete(before.address);
      this.#addresses.get(before.bundle ?? "")?.delete(before.address);
    }
    if (after?.state === "Allocated" && after.bundle === undefined) {
      this.#unplaced.add(after.address);
    }
    if (after?.bundle !== undefined) {
      const addresses = this.#addresses.get(after.bundle) ?? new Set();
      this.#addresses.set(after.bundle, addresses.add(after.address));
    }
  }

  #size(bundle: string): number {
    return this.#addresses.get(bundle)?.size ?? 0;
  }

  #loadOf(node: string): number {
    let load = 0;
    for (const { bundle } of this.#options.stores.bundles.values()) {
      load += bundle.owner.node === node ? this.#size(bundle.name) : 0;
    }
    return load;
  }

  /** Plans are made one after the other: two at once would make the same bundle twice. */
  async #inTurn(plan: () => Promise<void>): Promise<void> {
    const before = this.#turn;
    const mine = before.then(plan, plan);
    this.#turn = mine.catch(() => undefined);
    await mine;
  }
}

function groupKey(advertisements: readonly string[]): string {
  return advertisements.join(",");
}
