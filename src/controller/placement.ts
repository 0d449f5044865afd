import { createHash } from "node:crypto";
import type { IpAddressPool } from "../core/model/ip-address-pool.ts";
import type { IpAllocation } from "../core/model/ip-allocation.ts";
import { advertises, type L2Advertisement } from "../core/model/l2-advertisement.ts";
import type { BundleVersion, L2Bundle } from "../core/model/l2-bundle.ts";
import type { Service } from "../core/model/service.ts";
import type { IpAddress } from "../core/net/ip-address.ts";
import { electNode } from "../core/placement/elect.ts";
import { eligibleNodes, type PlacementNode } from "../core/placement/eligibility.ts";
import {
  type BundlePlan,
  type PlannedBundle,
  planBundles,
} from "../core/placement/plan-bundles.ts";
import { isAlreadyExists, isConflict, isNotFound } from "../kube/api-error.ts";
import { decodeL2Bundle } from "../kube/decode/l2-bundle.ts";
import { encodeL2Bundle } from "../kube/encode.ts";
import * as resources from "../kube/resources.ts";
import type { Writer } from "../kube/write.ts";
import type { Log } from "../runtime/log.ts";
import type { ClusterStores } from "./cluster-stores.ts";
import type { Configuration } from "./configuration.ts";

/** Where an address is to be announced, or why nowhere. */
export type Place =
  | { readonly kind: "bundle"; readonly bundle: string }
  | { readonly kind: "none"; readonly reason: "NoAdvertisement" | "NoEligibleNode" };

export interface PlacementOptions {
  readonly stores: ClusterStores;
  readonly configuration: Configuration;
  readonly writer: Writer;
  /** The term of this leader; see {@link BundleVersion}. */
  readonly term: number;
  readonly isAlive: (node: string) => boolean;
  readonly log: Log;
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
  /** Names of bundles that are being created. */
  readonly #reserved = new Set<string>();
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: PlacementOptions) {
    this.#options = options;
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

  /** True if an advertisement covers what `service` has from `pool`. */
  covers(service: Service, pool: IpAddressPool): boolean {
    return this.#groupOf(service, pool).length > 0;
  }

  /** True if the allocation is in a bundle of the advertisements that cover it, or rightly in none. */
  isWellPlaced(allocation: IpAllocation, service: Service, pool: IpAddressPool): boolean {
    const group = this.#groupOf(service, pool);
    if (
      allocation.bundle !== undefined &&
      this.#options.configuration.unknownAdvertisements.size > 0
    ) {
      // It may be covered by what cannot be read: uncertain evidence never withdraws.
      return true;
    }
    if (allocation.bundle === undefined) {
      return this.#bundlesOf(group).length === 0 && this.#eligible(group).length === 0;
    }
    const bundle = this.#options.stores.bundles.get(allocation.bundle)?.bundle;
    return bundle !== undefined && groupKey(bundle.advertisements) === groupKey(group);
  }

  /** Chooses the bundle for an address that `service` gets from `pool`; makes bundles if need be. */
  async place(address: IpAddress, service: Service, pool: IpAddressPool): Promise<Place> {
    const group = this.#groupOf(service, pool);
    if (group.length === 0) {
      return { kind: "none", reason: "NoAdvertisement" };
    }
    if (!this.#wantedGroups.has(groupKey(group))) {
      this.#wantedGroups.set(groupKey(group), group);
      await this.#inTurn(() => this.#reconcileGroup(group));
    }
    const bundles = this.#bundlesOf(group);
    const owners = [...new Set(bundles.map(({ owner }) => owner.node))];
    const node = electNode(owners, address, (name) => this.#loadOf(name));
    const [lightest] = bundles
      .filter(({ owner }) => owner.node === node)
      .sort((a, b) => this.#size(a.name) - this.#size(b.name) || (a.name < b.name ? -1 : 1));
    return lightest === undefined
      ? { kind: "none", reason: "NoEligibleNode" }
      : { kind: "bundle", bundle: lightest.name };
  }

  /** Makes every bundle right: dead owners replaced first, then what is missing or superfluous. */
  async reconcile(): Promise<void> {
    await this.#inTurn(async () => {
      for (const group of this.#groups()) {
        await this.#reconcileGroup(group);
      }
    });
  }

  async #reconcileGroup(group: readonly string[]): Promise<void> {
    const bundles = this.#bundlesOf(group);
    const obsolete = this.#advertisements(group).length < group.length;
    const plan = obsolete
      ? this.#planRemoval(bundles)
      : planBundles(bundles, this.#eligible(group), (name) => this.#size(name) === 0);
    await Promise.all(
      plan.update
        .filter(({ takeover }) => takeover)
        .map((update) => this.#update(update.name, update)),
    );
    await Promise.all([
      ...plan.create.map((planned) => this.#create(group, planned)),
      ...plan.update
        .filter(({ takeover }) => !takeover)
        .map((update) => this.#update(update.name, update)),
      ...plan.remove.map((name) => this.#remove(name)),
    ]);
  }

  /** An advertisement of the group is gone: its addresses move to other groups, then it goes too. */
  #planRemoval(bundles: readonly L2Bundle[]): BundlePlan {
    const empty = bundles.filter(({ name }) => this.#size(name) === 0);
    return { create: [], update: [], remove: empty.map(({ name }) => name) };
  }

  async #create(group: readonly string[], planned: PlannedBundle): Promise<void> {
    const { stores, writer, term, log } = this.#options;
    const name = this.#freeName(group);
    const { owner, standbys } = planned;
    const version = { term, sequence: 0 };
    const bundle: L2Bundle = { name, advertisements: group, owner, standbys, version };
    this.#reserved.add(name);
    try {
      const created = await writer.create(resources.l2Bundles, encodeL2Bundle(bundle));
      stores.bundles.upsertLocal(decodeL2Bundle(created));
      log.debug({ bundle: name, node: owner.node }, "bundle created");
    } catch (error) {
      if (!isAlreadyExists(error)) {
        throw error;
      }
      stores.bundles.upsertLocal(decodeL2Bundle(await writer.read(resources.l2Bundles, { name })));
    } finally {
      this.#reserved.delete(name);
    }
  }

  #freeName(group: readonly string[]): string {
    const hash = createHash("sha256").update(groupKey(group)).digest("hex").slice(0, 8);
    for (let index = 0; ; index += 1) {
      const name = `l2-${hash}-${index}`;
      if (this.#options.stores.bundles.get(name) === undefined && !this.#reserved.has(name)) {
        return name;
      }
    }
  }

  async #update(name: string, planned: PlannedBundle): Promise<void> {
    const { stores, writer, term, log } = this.#options;
    const object = stores.bundles.get(name);
    if (object === undefined) {
      return;
    }
    const { owner, standbys } = planned;
    const version = nextVersion(object.bundle.version, term);
    const encoded = encodeL2Bundle({ ...object.bundle, owner, standbys, version });
    const { uid, resourceVersion } = object;
    const updated = await writer.replace(resources.l2Bundles, {
      ...encoded,
      metadata: { ...encoded.metadata, uid, resourceVersion },
    });
    stores.bundles.upsertLocal(decodeL2Bundle(updated));
    if (owner.node !== object.bundle.owner.node) {
      const from = object.bundle.owner.node;
      log.info({ bundle: name, from, to: owner.node, addresses: this.#size(name) }, "bundle moved");
    }
  }

  async #remove(name: string): Promise<void> {
    const { stores, writer } = this.#options;
    const object = stores.bundles.get(name);
    if (object === undefined) {
      return;
    }
    try {
      await writer.delete(resources.l2Bundles, { name }, object);
    } catch (error) {
      if (!isNotFound(error) && !isConflict(error)) {
        throw error;
      }
    }
    stores.bundles.deleteLocal(name, object.uid);
  }

  /** Every set of advertisements that needs bundles or still has some. */
  #groups(): Iterable<readonly string[]> {
    const groups = new Map(this.#wantedGroups);
    for (const pool of this.#options.configuration.pools) {
      const group = this.#groupFor(pool, {});
      if (group.length > 0) {
        groups.set(groupKey(group), group);
      }
    }
    for (const { bundle } of this.#options.stores.bundles.values()) {
      groups.set(groupKey(bundle.advertisements), bundle.advertisements);
    }
    return groups.values();
  }

  #groupOf(service: Service, pool: IpAddressPool): readonly string[] {
    return this.#groupFor(pool, service.labels);
  }

  #groupFor(pool: IpAddressPool, serviceLabels: Service["labels"]): readonly string[] {
    return this.#options.configuration.advertisements
      .filter((advertisement) => advertises(advertisement, pool, serviceLabels))
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
    const { stores, isAlive } = this.#options;
    const nodes = [...stores.nodes.values()].map(
      ({ node }): PlacementNode => ({
        node,
        report: stores.speakers.get(node.name)?.speaker.report,
        alive: isAlive(node.name),
      }),
    );
    return eligibleNodes(this.#advertisements(group), nodes);
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

/** A bundle with a higher term was written by a newer leader: then this process must not write. */
function nextVersion(current: BundleVersion, term: number): BundleVersion {
  if (current.term > term) {
    throw new Error(`term ${current.term} was seen: a newer leader than this one (${term}) exists`);
  }
  return current.term === term ? { term, sequence: current.sequence + 1 } : { term, sequence: 0 };
}
