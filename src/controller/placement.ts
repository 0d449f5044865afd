import type { IpAddressPool } from "../core/model/ip-address-pool.ts";
import { allocationName, type IpAllocation } from "../core/model/ip-allocation.ts";
import type { L2Bundle } from "../core/model/l2-bundle.ts";
import type { IpAddress } from "../core/net/ip-address.ts";
import { chooseNode } from "../core/placement/choose-node.ts";
import type { Candidate, HinderedNode } from "../core/placement/eligibility.ts";
import { planBundleFor } from "../core/placement/plan-bundles.ts";
import type { BalancedGroup } from "../core/placement/rebalance.ts";
import { BundleContents, type BundleGroup, groupKey } from "./bundle-contents.ts";
import { BundleGroups } from "./bundle-groups.ts";
import { BundleUpkeep } from "./bundle-upkeep.ts";
import type { BundleWriterOptions } from "./bundle-writer.ts";
import type { ClusterStores } from "./cluster-stores.ts";
import type { Configuration } from "./configuration.ts";
import { EndpointHosts, type Sharers } from "./endpoint-hosts.ts";
import { LastAnnouncers } from "./last-announcers.ts";
import { PlacementNodes } from "./placement-nodes.ts";
import type { SpeakerReports } from "./speaker-reports.ts";

/** Where an address is to be announced, or why nowhere. */
export type Place =
  | { readonly kind: "bundle"; readonly bundle: string }
  | {
      readonly kind: "none";
      readonly reason: "NoAdvertisement" | "NoEligibleNode" | "NoEndpoints";
    };

/** What the command line says of who announces. */
export interface PlacementRules {
  /** Nodes may announce though they are labelled to be left out by external load balancers. */
  readonly ignoreExcludeLabel: boolean;
  /** What nobody serves is not announced. */
  readonly withdrawWithoutEndpoints: boolean;
}

export interface PlacementOptions extends BundleWriterOptions {
  readonly stores: ClusterStores;
  readonly configuration: Configuration;
  readonly reports: SpeakerReports;
  readonly isAlive: (node: string) => boolean;
  readonly rules: PlacementRules;
}

/** A bundle names at most so many nodes as those that alone may announce: they are for when others fail. */
const hostsMax = 64;

/**
 * Which bundle an address belongs to, and which node owns each bundle.
 *
 * Bundles exist before they are needed: then giving an address out is one write,
 * which both fences it and has it announced. Only addresses that are served by
 * Pods of the announcing node alone get bundles of their own, one for all that are served by the
 * same nodes, unless a common one fits.
 */
export class Placement {
  readonly #stores: ClusterStores;
  readonly #configuration: Configuration;
  readonly #contents: BundleContents;
  readonly #groups: BundleGroups;
  readonly #nodes: PlacementNodes;
  readonly #hosts: EndpointHosts;
  readonly #last: LastAnnouncers;
  readonly #upkeep: BundleUpkeep;
  /** Where addresses should move, until they were placed anew. */
  readonly #wishes = new Map<IpAddress, string>();
  /** Addresses that nodes with Pods could serve, or stand by for, once they may announce. */
  readonly #lackingHosts = new Set<IpAddress>();

  constructor(options: PlacementOptions) {
    const { stores, configuration, rules, clock } = options;
    this.#stores = stores;
    this.#configuration = configuration;
    this.#contents = new BundleContents(stores, clock);
    this.#nodes = new PlacementNodes({ ...options, ...rules });
    this.#groups = new BundleGroups(configuration, this.#nodes);
    this.#hosts = new EndpointHosts(stores, rules.withdrawWithoutEndpoints);
    this.#last = new LastAnnouncers(stores);
    const [contents, groups] = [this.#contents, this.#groups];
    this.#upkeep = new BundleUpkeep({ ...options, contents, groups });
  }

  /** Counts the addresses of each bundle, from now on. Call once, after all stores have synced. */
  load(): void {
    this.#contents.load();
    this.#hosts.load();
    this.#last.load();
  }

  /** How many addresses each node announces that announces any. */
  get loads(): ReadonlyMap<string, number> {
    return this.#contents.loads;
  }

  /** Addresses that are held and in no bundle: a node that comes could announce them. */
  unplaced(): Iterable<IpAddress> {
    return this.#contents.unplaced();
  }

  /** Those, and addresses that lack nodes with Pods: one that may announce again could be theirs. */
  *awaitingNodes(): Generator<IpAddress> {
    yield* this.#contents.unplaced();
    yield* this.#lackingHosts;
  }

  /** The addresses that a bundle carries. */
  addressesOf(bundle: string): Iterable<IpAddress> {
    return this.#contents.addressesOf(bundle);
  }

  /** On which nodes the Pods of Services are. */
  get hosts(): Pick<EndpointHosts, "matterTo" | "withdraws"> {
    return this.#hosts;
  }

  /** In how many ms the plan may be another one without any change; `undefined`: never. */
  get nextReleaseMs(): number | undefined {
    return this.#nodes.nextReleaseMs;
  }

  /** True if an advertisement covers what these Services have from `pool`. */
  covers(sharers: Sharers, pool: IpAddressPool): boolean {
    return this.#groups.of(sharers, pool).advertisements.length > 0;
  }

  /** Interfaces for want of which nobody can announce what these Services have from `pool`. */
  missingInterfaces(sharers: Sharers, pool: IpAddressPool): readonly string[] {
    return this.#groups.missingInterfaces(this.#groups.of(sharers, pool));
  }

  /** The nodes that may announce what these Services have from `pool`, by name. */
  candidates(sharers: Sharers, pool: IpAddressPool): readonly Candidate[] {
    return this.#groups.eligible(this.#groups.of(sharers, pool), this.#hosts.of(sharers));
  }

  /** The selected nodes that do not announce what these Services have from `pool`, and why not. */
  hinderedNodes(sharers: Sharers, pool: IpAddressPool): readonly HinderedNode[] {
    return this.#groups.hindered(this.#groups.of(sharers, pool), this.#hosts.of(sharers));
  }

  /**
   * True if the allocation is in a bundle of the advertisements that cover it, and of nodes that
   * can serve it, or rightly in none.
   */
  isWellPlaced(allocation: IpAllocation, sharers: Sharers, pool: IpAddressPool): boolean {
    this.#lackingHosts.delete(allocation.address);
    if (this.#hosts.withdraws(sharers)) {
      return allocation.bundle === undefined;
    }
    const group = this.#groups.of(sharers, pool);
    if (allocation.bundle === undefined) {
      return this.#isRightlyUnplaced(sharers, group);
    }
    const bundle = this.#stores.bundles.get(allocation.bundle)?.bundle;
    if (bundle === undefined) {
      return false;
    }
    if (!sameAdvertisements(bundle, group)) {
      // What covers it may be there and not be seen: uncertain evidence never withdraws.
      return this.#configuration.advertisementsMayReturn;
    }
    const wish = this.#wishes.get(allocation.address);
    return (
      (wish === undefined || wish === bundle.owner.node) &&
      this.#suits(bundle, allocation.address, sharers)
    );
  }

  /** Asks for an address to move to `node`, if that can serve it; then its Services have to be looked at. */
  wishMove(address: IpAddress, node: string): void {
    this.#wishes.set(address, node);
  }

  /**
   * Chooses the bundle for an address that these Services get from `pool`; makes
   * bundles if need be. An address that is announced already stays on its node, if that
   * can serve it; one that is not goes to no node that is about to leave, if there is another.
   */
  async place(address: IpAddress, sharers: Sharers, pool: IpAddressPool): Promise<Place> {
    const group = this.#groups.of(sharers, pool);
    if (group.advertisements.length === 0) {
      return { kind: "none", reason: "NoAdvertisement" };
    }
    if (this.#hosts.withdraws(sharers)) {
      return { kind: "none", reason: "NoEndpoints" };
    }
    const hosts = this.#hosts.of(sharers);
    const bundle =
      hosts === undefined
        ? await this.#bundleAnywhere(address, sharers, group)
        : await this.#bundleOn(hosts, address, sharers, group);
    this.#wishes.delete(address);
    if (bundle === undefined) {
      return { kind: "none", reason: "NoEligibleNode" };
    }
    return { kind: "bundle", bundle: bundle.name };
  }

  /** Makes every bundle right; see {@link BundleUpkeep.reconcile}. */
  async reconcile(): Promise<void> {
    await this.#upkeep.reconcile();
  }

  /** The groups among whose nodes addresses may move. */
  balancedGroups(): readonly BalancedGroup[] {
    return [...this.#upkeep.all()]
      .filter((group) => this.#groups.isComplete(group))
      .map((group) => ({
        key: groupKey(group),
        candidates: this.#groups.eligible(group),
        addressesOf: (node) =>
          this.#contents
            .bundlesOf(group)
            .filter(({ owner }) => owner.node === node)
            .flatMap(({ name }) => [...this.#contents.addressesOf(name)]),
      }));
  }

  #isRightlyUnplaced(sharers: Sharers, group: BundleGroup): boolean {
    const hosts = this.#hosts.of(sharers);
    return (
      (hosts !== undefined || this.#contents.bundlesOf(group).length === 0) &&
      this.#groups.eligible(group, hosts).length === 0
    );
  }

  async #bundleAnywhere(
    address: IpAddress,
    sharers: Sharers,
    group: BundleGroup,
  ): Promise<L2Bundle | undefined> {
    await this.#upkeep.want(group);
    const bundles = this.#contents.bundlesOf(group);
    const owners = new Set(bundles.map(({ owner }) => owner.node));
    const able = this.#groups.eligible(group).filter(({ node }) => owners.has(node));
    const candidates = able.length > 0 ? able : bundles.map(asCandidate);
    const node = this.#choose(candidates, address, sharers);
    return this.#takeLightest(bundles.filter(({ owner }) => owner.node === node));
  }

  /** Without any eligible node among the hosts the address stays where it is. */
  async #bundleOn(
    hosts: ReadonlySet<string>,
    address: IpAddress,
    sharers: Sharers,
    group: BundleGroup,
  ): Promise<L2Bundle | undefined> {
    const eligible = this.#groups.eligible(group, hosts);
    const node = this.#choose(eligible, address, sharers);
    const owner = eligible.find((candidate) => candidate.node === node);
    if (owner === undefined) {
      const present = this.#bundleOf(address);
      return present !== undefined && sameAdvertisements(present, group) ? present : undefined;
    }
    // Those that may announce now are named first: without them nobody would stand by.
    const able = new Set(eligible.map((candidate) => candidate.node));
    const others = [...hosts]
      .filter((name) => name !== node)
      .sort((a, b) => Number(able.has(b)) - Number(able.has(a)) || (a < b ? -1 : 1));
    const named = [owner.node, ...others].slice(0, hostsMax).sort();
    const own = { advertisements: group.advertisements, hosts: named };
    // Bundles of other hosts might fit as well, but there may be thousands.
    const take = (): L2Bundle | undefined =>
      this.#takeLightest(
        [own, group]
          .flatMap((one) => this.#contents.bundlesOf(one))
          .filter((one) => one.owner.node === node && isServed(one, hosts, eligible)),
      );
    let taken = take();
    if (taken === undefined) {
      const planned = planBundleFor(owner, this.#groups.eligible(own));
      await this.#upkeep.make(own, planned, () => {
        taken = take();
        return taken !== undefined;
      });
    }
    return taken;
  }

  /** Where no Pod is anywhere, or none of the nodes with Pods can announce, every bundle is as good. */
  #suits(bundle: L2Bundle, address: IpAddress, sharers: Sharers): boolean {
    const hosts = this.#hosts.of(sharers);
    if (hosts === undefined) {
      return (
        bundle.hosts === undefined || sharers.some(({ localTraffic }) => localTraffic === true)
      );
    }
    const eligible = this.#groups.eligible({ advertisements: bundle.advertisements }, hosts);
    const standsAlone = bundle.hosts !== undefined && bundle.standbys.length === 0;
    if (eligible.length < hosts.size && (eligible.length === 0 || standsAlone)) {
      this.#lackingHosts.add(address);
    }
    return eligible.length === 0 || isServed(bundle, hosts, eligible);
  }

  #choose(
    candidates: readonly Candidate[],
    address: IpAddress,
    sharers: Sharers,
  ): string | undefined {
    const present = this.#bundleOf(address)?.owner.node;
    const last = present === undefined ? this.#last.of(sharers.map(({ key }) => key)) : [];
    const claims = { wanted: this.#wishes.get(address), present, last };
    return chooseNode(candidates, address, claims, (node) => this.#contents.loads.get(node) ?? 0);
  }

  /** In one go with the choice: what is chosen is not taken away for being empty. */
  #takeLightest(bundles: readonly L2Bundle[]): L2Bundle | undefined {
    const [lightest] = [...bundles].sort(
      (a, b) =>
        this.#contents.size(a.name) - this.#contents.size(b.name) || (a.name < b.name ? -1 : 1),
    );
    if (lightest !== undefined) {
      this.#contents.choose(lightest.name);
    }
    return lightest;
  }

  #bundleOf(address: IpAddress): L2Bundle | undefined {
    const { allocations, bundles } = this.#stores;
    const bundle = allocations.get(allocationName(address))?.allocation.bundle;
    return bundle === undefined ? undefined : bundles.get(bundle)?.bundle;
  }
}

/** True if the owner of the bundle and all who stand by for it are `hosts`, and somebody stands by if anybody can. */
function isServed(
  { owner, standbys }: L2Bundle,
  hosts: ReadonlySet<string>,
  eligible: readonly Candidate[],
): boolean {
  return (
    eligible.some(({ node }) => node === owner.node) &&
    standbys.every(({ node }) => hosts.has(node)) &&
    (standbys.length > 0 || eligible.length === 1)
  );
}

/** One of whom nothing is known but that it owns a bundle. */
function asCandidate({ owner }: L2Bundle): Candidate {
  return { ...owner, preference: 0, reserve: undefined };
}

function sameAdvertisements(a: BundleGroup, b: BundleGroup): boolean {
  return a.advertisements.join(",") === b.advertisements.join(",");
}
