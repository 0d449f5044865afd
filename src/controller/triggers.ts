import { addressesInUse } from "../core/allocation/addresses-in-use.ts";
import { changedDenials } from "../core/allocation/deny-list.ts";
import {
  concernedHolders,
  holdersChanged,
  openedSharingKeys,
} from "../core/allocation/holder-changes.ts";
import { currentHolders, type IpAllocation } from "../core/model/ip-allocation.ts";
import { claims, serviceKey } from "../core/model/service.ts";
import type { IpAddress } from "../core/net/ip-address.ts";
import type { EndpointNodesObject } from "../kube/decode/endpoint-nodes.ts";
import type { L2BundleObject } from "../kube/decode/l2-bundle.ts";
import type { ServiceObject } from "../kube/decode/service.ts";
import type { WorkQueue } from "../kube/work-queue.ts";
import type { Clock } from "../runtime/clock.ts";
import type { Log } from "../runtime/log.ts";
import type { AllocationState } from "./allocation-state.ts";
import type { AllocationWriter } from "./allocation-writer.ts";
import type { ClusterStores } from "./cluster-stores.ts";
import { type Configuration, settleMs } from "./configuration.ts";
import { onConfigurationChange } from "./configuration-changes.ts";
import { Cooling } from "./cooling.ts";
import { differs } from "./differs.ts";
import type { PendingServices } from "./pending-services.ts";
import type { Placement } from "./placement.ts";
import { concernsNetworks, concernsPlacement } from "./speaker-news.ts";
import type { SpeakerReports } from "./speaker-reports.ts";
import { WakeUps } from "./wake-ups.ts";
import { wholeLook } from "./whole-look.ts";

/** What waits to be done, by kind. A key names an object; bundles and settling know only "all". */
export interface LeaderQueues {
  readonly services: WorkQueue;
  readonly bundles: WorkQueue;
  readonly cooling: WorkQueue;
  readonly speakers: WorkQueue;
  readonly settling: WorkQueue;
}

export interface TriggersOptions {
  readonly stores: ClusterStores;
  readonly configuration: Configuration;
  readonly reports: SpeakerReports;
  readonly state: AllocationState;
  readonly allocations: Pick<AllocationWriter, "onReservationEnded">;
  readonly placement: Placement;
  readonly pending: PendingServices;
  readonly queues: LeaderQueues;
  /** Services that wait for news of a node. */
  readonly takeAwaiting: (node: string) => Iterable<string>;
  /** Called when another pool than before gives addresses that several name, though none was edited. */
  readonly onContestChanged: () => void;
  readonly configNamespace: string;
  readonly clock: Clock;
  readonly log: Log;
}

/** Which change makes which work: keeps the derived state up to date and fills the queues. */
export class Triggers {
  readonly #options: TriggersOptions;
  readonly #cooling: Cooling;
  readonly #wakeUps: WakeUps;
  #whyLost: string | undefined;

  constructor(options: TriggersOptions) {
    this.#options = options;
    const { state, clock, queues } = options;
    const reuseDelayMs = (pool: string): number => state.policyFor(pool).reuseDelayMs;
    this.#cooling = new Cooling({ queue: queues.cooling, reuseDelayMs, clock });
    this.#wakeUps = new WakeUps({ state, pending: options.pending, queue: queues.services });
  }

  get #queues(): LeaderQueues {
    return this.#options.queues;
  }

  /** Follows every store from now on, and begins with a look at everything. */
  start(): void {
    this.#readConfiguration();
    this.#rulesChanged();
    // To a new leader the configuration is new: what went before it came is taken back then, not now.
    this.#lookWhenSettled();
    this.#subscribe();
    this.#triggerEverything();
    this.speakersChanged();
  }

  #subscribe(): void {
    const { stores, allocations } = this.#options;
    stores.services.onChange(({ key, before, after }) => this.#serviceChanged(key, before, after));
    stores.allocations.onChange(({ key, before, after }) =>
      this.#allocationChanged(key, before?.allocation, after?.allocation),
    );
    allocations.onReservationEnded((...change) => this.#wakePending(...change));
    onConfigurationChange(stores, this.#options.configNamespace, ({ what }) => {
      if (what === "policy") {
        this.#options.configuration.refreshPolicies();
        this.#rulesChanged();
        this.#wakeUps.everyone();
      } else {
        this.#configurationChanged();
      }
    });
    stores.namespaces.onChange(({ key, before, after }) => {
      if (differs(before?.labels, after?.labels)) {
        this.#namespaceChanged(key);
      }
    });
    stores.nodes.onChange(({ key, before, after }) => {
      if (differs(before?.node, after?.node)) {
        this.#queues.speakers.add(key);
        this.#networksChanged();
      }
    });
    stores.serviceCidrs.onChange(() => this.#networksChanged());
    stores.apiServers.onChange(() => this.#networksChanged());
    stores.bundles.onChange(({ key, before, after }) => this.#bundleChanged(key, before, after));
    stores.endpoints.onChange(({ before, after }) => this.#endpointsChanged(before, after));
    stores.endpoints.onSynced(() => this.#endpointsKnown());
    stores.speakers.onChange(({ key, before, after }) => {
      const [old, now] = [before?.speaker.report, after?.speaker.report];
      if (after === undefined) {
        this.#queues.speakers.add(key);
      } else if (concernsNetworks(old, now)) {
        this.#networksChanged();
      }
      const failing = [...(old?.failures ?? []), ...(now?.failures ?? [])];
      this.triggerHolders(failing.map(({ address }) => address));
      for (const service of this.#options.takeAwaiting(key)) {
        this.#queues.services.addUnhurried(service);
      }
      if (concernsPlacement(old, now)) {
        this.speakersChanged();
      }
    });
  }

  #serviceChanged(
    key: string,
    before: ServiceObject | undefined,
    after: ServiceObject | undefined,
  ): void {
    this.#options.state.serviceChanged(before, after);
    const ours = before?.service.wantsAddress === true || after?.service.wantsAddress === true;
    if (
      ours ||
      this.#options.pending.has(key) ||
      this.#options.state.ledger.heldBy(key).length > 0
    ) {
      this.#queues.services.add(key);
    }
    const [claimed, claiming] = [claims(before?.service), claims(after?.service)];
    if (differs(claimed, claiming)) {
      this.triggerHolders([...claimed, ...claiming]);
    }
    for (const address of claimed) {
      this.#wakeUps.addressFreed(address);
    }
  }

  #allocationChanged(
    name: string,
    before: IpAllocation | undefined,
    after: IpAllocation | undefined,
  ): void {
    const address = after?.address ?? before?.address;
    if (address === undefined) {
      return;
    }
    this.#options.state.settle(address);
    if (this.#options.state.contestChanged(before, after)) {
      this.#options.onContestChanged();
      this.#wakeUps.everyone();
    }
    for (const key of concernedHolders(before, after)) {
      this.#queues.services.add(key);
    }
    if (after?.state !== "Cooling") {
      this.#cooling.end(name);
    } else if (before?.state !== "Cooling") {
      this.#cooling.begin(name, after);
    }
    this.#wakePending(address, before, after);
    this.#bundleMayBeEmpty(before?.bundle);
  }

  #wakePending(
    address: IpAddress,
    before: IpAllocation | undefined,
    after: IpAllocation | undefined,
  ): void {
    if (after === undefined || after.state === "Cooling") {
      this.#wakeUps.addressFreed(address);
    }
    if (holdersChanged(before, after)) {
      this.#wakeUps.holdersChanged(address, openedSharingKeys(before, after));
    }
  }

  #bundleChanged(
    key: string,
    before: L2BundleObject | undefined,
    after: L2BundleObject | undefined,
  ): void {
    const { placement } = this.#options;
    if (before?.bundle.owner.node !== after?.bundle.owner.node) {
      this.triggerHolders(placement.addressesOf(key));
      // It may be the late write of a leader before us, and not what we would have.
      this.#queues.bundles.add("all");
    } else if (differs(before?.bundle.standbys, after?.bundle.standbys)) {
      this.triggerHolders(placement.addressesOf(key), (service) => this.#hangsOnEndpoints(service));
    }
    // One for certain hosts was made for who asked for it: thousands of those wake nobody else.
    if (before === undefined && after?.bundle.hosts === undefined) {
      this.triggerHolders(placement.unplaced());
    }
  }

  #endpointsChanged(
    before: EndpointNodesObject | undefined,
    after: EndpointNodesObject | undefined,
  ): void {
    const services = new Set([before?.service ?? "", after?.service ?? ""]);
    const isKnown = this.#options.stores.endpoints.synced;
    const moved = differs(nodesOf(before), nodesOf(after));
    for (const service of isKnown && moved ? services : []) {
      if (this.#hangsOnEndpoints(service)) {
        this.#queues.services.add(service);
      }
    }
  }

  #endpointsKnown(): void {
    for (const { key } of this.#options.stores.services.values()) {
      if (this.#hangsOnEndpoints(key)) {
        this.#queues.services.addUnhurried(key);
      }
    }
  }

  #hangsOnEndpoints(key: string): boolean {
    const service = this.#options.stores.services.get(key)?.service;
    return service?.wantsAddress === true && this.#options.placement.hosts.matterTo(service);
  }

  /** A bundle that nobody needs goes only when it is empty. */
  #bundleMayBeEmpty(bundle: string | undefined): void {
    if (bundle !== undefined) {
      const [first] = this.#options.placement.addressesOf(bundle);
      if (first === undefined) {
        this.#queues.bundles.add("all");
      }
    }
  }

  /** Only pools and advertisements make us look at everything: now, and when they have settled. */
  #configurationChanged(): void {
    this.#readConfiguration();
    this.#rulesChanged();
    this.#lookWhenSettled();
    this.lookAtEverything();
  }

  /** Policies changed, or the pools that they select. That takes nothing from anybody. */
  #rulesChanged(): void {
    this.#denialsChanged();
    this.#cooling.delaysChanged();
  }

  #lookWhenSettled(): void {
    this.#queues.settling.forget("all");
    this.#queues.settling.add("all", settleMs);
  }

  /** Asks for a look at every bundle and every Service. */
  lookAtEverything(): void {
    this.#queues.bundles.add("all");
    this.#triggerEveryService();
  }

  /** The labels of a namespace matter only to its own Services, and only where a pool selects by them. */
  #namespaceChanged(namespace: string): void {
    const matters = this.#options.state.pools.some(
      ({ serviceAllocation }) => (serviceAllocation?.namespaceSelectors.length ?? 0) > 0,
    );
    for (const { key, service } of matters ? this.#options.stores.services.values() : []) {
      if (service.namespace === namespace) {
        this.#queues.services.add(key);
      }
    }
  }

  #readConfiguration(): void {
    const { configuration } = this.#options;
    configuration.refresh();
    this.#logLoss(configuration.whyLost);
  }

  #logLoss(whyLost: string | undefined): void {
    if (whyLost === this.#whyLost) {
      return;
    }
    this.#whyLost = whyLost;
    if (whyLost === undefined) {
      this.#options.log.info({}, "the configuration is back");
    } else {
      const what = `${whyLost}: what is held is kept, nothing new is given`;
      this.#options.log.warn({ reason: "ConfigurationLost" }, what);
    }
  }

  /** Who keeps what is denied now, or was until now, is told; he loses nothing. */
  #denialsChanged(): void {
    const { state } = this.#options;
    const before = state.denyList.ranges;
    state.networksChanged();
    const changed = changedDenials(before, state.denyList.ranges);
    this.triggerHolders(addressesInUse(changed, state.ledger));
  }

  #networksChanged(): void {
    this.#denialsChanged();
    this.speakersChanged();
    this.#wakeUps.networksChanged();
  }

  /** The address was kept for somebody, by no allocation, and is so no more. */
  addressFreed(address: IpAddress): void {
    this.#wakeUps.addressFreed(address);
  }

  /** The Service was looked at, with whatever outcome: others that wait may have their turn. */
  lookedAt(key: string): void {
    this.#wakeUps.lookedAt(key);
  }

  /** A speaker came, went or died, or its node looks different. */
  speakersChanged(): void {
    this.#queues.bundles.add("all");
    const nodes = [...this.#options.stores.nodes.values()];
    if (
      nodes.length > 0 &&
      nodes.every(({ key }) => this.#options.reports.get(key) !== undefined)
    ) {
      this.openGate("networks are known from the speakers");
    }
    this.triggerHolders(this.#options.placement.awaitingNodes());
  }

  /** Lets addresses be given out; `why` goes to the log. */
  openGate(why: string): void {
    if (!this.#options.state.networksKnown) {
      this.#options.log.info({}, why);
      this.#options.state.networksKnown = true;
      this.#triggerEveryService();
    }
  }

  /** Has those looked at who hold these addresses, as far as they are meant. */
  triggerHolders(addresses: Iterable<IpAddress>, isMeant = (_: string): boolean => true): void {
    for (const address of addresses) {
      for (const holder of currentHolders(this.#options.state.ledger.get(address))) {
        if (isMeant(serviceKey(holder))) {
          this.#queues.services.add(serviceKey(holder));
        }
      }
    }
  }

  #triggerEverything(): void {
    const { stores } = this.#options;
    this.#queues.bundles.add("all");
    for (const node of stores.nodes.values()) {
      this.#queues.speakers.add(node.key);
    }
    for (const { key, allocation } of stores.allocations.values()) {
      if (allocation.state === "Cooling") {
        this.#cooling.begin(key, allocation);
      }
    }
    this.#triggerEveryService();
  }

  #triggerEveryService(): void {
    const { stores, state } = this.#options;
    const { having, wanting } = wholeLook(stores.services, state);
    for (const key of having) {
      this.#queues.services.add(key);
    }
    for (const key of wanting) {
      this.#queues.services.forget(key);
      this.#queues.services.addUnhurried(key);
    }
  }
}

/** Which nodes serve which Service, by a slice. */
function nodesOf(slice: EndpointNodesObject | undefined): readonly string[] {
  return slice === undefined ? [] : [slice.service, slice.ready, slice.serving];
}
