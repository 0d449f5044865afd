import type { AllocationContext } from "../core/allocation/allocation-context.ts";
import { clusterRanges } from "../core/allocation/cluster-ranges.ts";
import { DenyList } from "../core/allocation/deny-list.ts";
import { Ledger } from "../core/allocation/ledger.ts";
import { liveAddresses } from "../core/allocation/live-addresses.ts";
import { type DatedPool, PoolContest } from "../core/allocation/pool-contest.ts";
import { Supply } from "../core/allocation/supply.ts";
import type { PoolPolicy } from "../core/model/address-policy.ts";
import type { IpAddressPool } from "../core/model/ip-address-pool.ts";
import {
  allocationName,
  holderOf,
  type IpAllocation,
  withHolder,
} from "../core/model/ip-allocation.ts";
import { claims, type Service, serviceKey, statusWriter } from "../core/model/service.ts";
import type { IpAddress } from "../core/net/ip-address.ts";
import type { ServiceObject } from "../kube/decode/service.ts";
import type { ClusterStores } from "./cluster-stores.ts";
import type { Configuration } from "./configuration.ts";
import type { SpeakerReports } from "./speaker-reports.ts";

const noLabels = {};

/**
 * For how long after the first address was recorded a new leader takes it that the takeover of what
 * was there before us has not ended: the leader before it may have died amid it.
 */
const takeoverMs = 600_000;

/**
 * What decisions about addresses stand on, derived from the stores and kept up
 * to date change by change.
 */
export class AllocationState implements AllocationContext {
  readonly ledger = new Ledger();
  readonly denyList = new DenyList();
  readonly #supply = new Supply(this.ledger, this.denyList);
  readonly #stores: ClusterStores;
  readonly #configuration: Configuration;
  readonly #reports: SpeakerReports;
  readonly #contest = new PoolContest();
  #contestedFor: readonly DatedPool[] | undefined;
  #networksKnown = false;
  readonly mayReturn = (pool: string): boolean => this.#configuration.mayReturn(pool);
  readonly policyFor = (pool: string): PoolPolicy => this.#configuration.policyFor(pool);
  readonly asWritten = (address: IpAddress): IpAllocation | undefined =>
    this.#stores.allocations.get(allocationName(address))?.allocation;
  readonly namespaceLabels = (namespace: string): Readonly<Record<string, string>> =>
    this.#stores.namespaces.get(namespace)?.labels ?? noLabels;

  constructor(stores: ClusterStores, configuration: Configuration, reports: SpeakerReports) {
    this.#stores = stores;
    this.#configuration = configuration;
    this.#reports = reports;
  }

  /** Those of the configuration, each without what another one gives where they overlap. */
  get pools(): readonly IpAddressPool[] {
    return this.contest.pools;
  }

  /** Which pool gives the addresses that several of them name. */
  get contest(): Pick<PoolContest, "pools" | "yieldedBy"> {
    const { datedPools } = this.#configuration;
    if (this.#contestedFor !== datedPools) {
      this.#contestedFor = datedPools;
      const known = [...this.#stores.allocations.values()];
      this.#contest.setPools(
        datedPools,
        known.map(({ allocation }) => allocation),
      );
    }
    return this.#contest;
  }

  /** What {@link pools} can still give, and how many addresses they have. */
  get supply(): Supply {
    this.#supply.setPools(this.pools);
    return this.#supply;
  }

  get configurationLost(): boolean {
    return this.#configuration.lost;
  }

  get networksKnown(): boolean {
    return this.#networksKnown;
  }

  set networksKnown(known: boolean) {
    this.#networksKnown = known;
  }

  /** False while a refusal says nothing of the Service: what the cluster uses, or the configuration, is not known. */
  get canJudge(): boolean {
    return this.networksKnown && !this.configurationLost;
  }

  /** Reads everything once, when all stores have synced. */
  load(): void {
    for (const { allocation } of this.#stores.allocations.values()) {
      this.ledger.put(allocation);
    }
    for (const object of this.#stores.services.values()) {
      this.serviceChanged(undefined, object);
    }
    this.networksChanged();
  }

  /**
   * At a first start, what statuses show and nobody holds counts as live until {@link endLive}: it is
   * given to nobody else, and its Service may have it also where nobody new would. At any other start
   * it is a request, no more: who forges a status gains nothing by it. Returns how many Services have such.
   */
  takeOver(now: Date): number {
    const { allocations, services } = this.#stores;
    const oldest = now.getTime() - takeoverMs;
    if ([...allocations.values()].some(({ createdAt }) => createdAt < oldest)) {
      return 0;
    }
    const live = liveAddresses(services.values(), this.ledger);
    for (const [key, addresses] of live) {
      this.denyList.setLive(key, addresses);
    }
    return live.size;
  }

  /** The Service was decided about: what was live of it is recorded now, or others may have it, which is returned. */
  endLive(key: string): readonly IpAddress[] {
    const ended = this.denyList.endLive(key);
    return ended.filter((address) => !this.ledger.heldBy(key).includes(address));
  }

  /** The Services that have or share the address once `service` does, who came first before the others. */
  sharersOf(service: Service, allocation: IpAllocation | undefined): readonly Service[] {
    return withHolder(allocation, holderOf(service)).flatMap((holder) =>
      serviceKey(holder) === service.key
        ? service
        : (this.#stores.services.get(serviceKey(holder))?.service ?? []),
    );
  }

  /** Makes the ledger say of `address` what the store says; ends any reservation. */
  settle(address: IpAddress): void {
    const object = this.#stores.allocations.get(allocationName(address));
    if (object === undefined) {
      this.ledger.remove(address);
    } else {
      this.ledger.put(object.allocation);
    }
  }

  /** Takes note of a change of the store; true if another pool than before gives addresses now. */
  contestChanged(before: IpAllocation | undefined, after: IpAllocation | undefined): boolean {
    return this.#contest.allocationChanged(before, after);
  }

  /** Takes note of which addresses a Service uses by other means than an allocation. */
  serviceChanged(before: ServiceObject | undefined, after: ServiceObject | undefined): void {
    for (const address of claims(before?.service)) {
      this.denyList.removeClaim(address, before?.key ?? "");
    }
    for (const address of claims(after?.service)) {
      this.denyList.addClaim(address, after?.key ?? "", statusWriter(after?.service, address));
    }
  }

  /** Reads again which addresses the cluster itself uses, and which ones policies exclude. */
  networksChanged(): void {
    const { nodes, serviceCidrs, apiServers } = this.#stores;
    // In one order, so that every leader gives the same of several reasons.
    const known = [...nodes.values()]
      .map(({ node }) => node)
      .sort((a, b) => (a.name < b.name ? -1 : 1));
    this.denyList.setRanges([
      ...this.#configuration.excluded,
      ...clusterRanges({
        nodes: known,
        speakers: known.map(({ name }) => ({ node: name, report: this.#reports.get(name) })),
        serviceCidrs: [...serviceCidrs.values()].flatMap(({ prefixes }) => prefixes),
        apiServers: [...apiServers.values()].flatMap(({ addresses }) => addresses),
      }),
    ]);
  }
}
