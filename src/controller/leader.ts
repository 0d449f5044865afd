import { poolOffers } from "../core/model/ip-address-pool.ts";
import type { IpAllocation } from "../core/model/ip-allocation.ts";
import { serviceKey } from "../core/model/service.ts";
import { familyOf, type IpAddress } from "../core/net/ip-address.ts";
import { isAlreadyExists } from "../kube/api-error.ts";
import type { ServiceObject } from "../kube/decode/service.ts";
import type { EventRecorder } from "../kube/event-recorder.ts";
import type { Leadership } from "../kube/lease-election.ts";
import * as resources from "../kube/resources.ts";
import type { Transport } from "../kube/transport.ts";
import { WorkQueue } from "../kube/work-queue.ts";
import { Writer } from "../kube/write.ts";
import type { Clock } from "../runtime/clock.ts";
import type { Log } from "../runtime/log.ts";
import { AllocationState, claims } from "./allocation-state.ts";
import { AllocationWriter } from "./allocation-writer.ts";
import { SupersededError } from "./bundle-writer.ts";
import type { ClusterStores } from "./cluster-stores.ts";
import { Configuration, settleMs } from "./configuration.ts";
import { PendingServices, poolSlot } from "./pending-services.ts";
import { Placement } from "./placement.ts";
import { ServiceReconciler } from "./service-reconciler.ts";
import { SpeakerLiveness } from "./speaker-liveness.ts";
import { SpeakerReports } from "./speaker-reports.ts";

export interface LeaderOptions {
  /** All synced. */
  readonly stores: ClusterStores;
  readonly writes: Transport;
  readonly leadership: Leadership;
  readonly events: EventRecorder;
  readonly configNamespace: string;
  readonly loadBalancerClass: string;
  readonly defaultAdvertisement: boolean;
  readonly clock: Clock;
  readonly log: Log;
}

/** A released address is not given to others for this long, if there is another choice. */
const reuseDelayMs = 30_000;

/** A speaker may have seen at most so many terms more than the bundles carry. */
const believableTerms = 1_000;

/** Nodes without a speaker never tell their networks; after this long addresses are given out anyway. */
const networksWaitMs = 10_000;

/**
 * What only the leader does, from all stores synced to the loss of leadership.
 *
 * Changes in the stores become keys in queues; the queues call the code that
 * decides and writes. A key says which object to look at, never what happened.
 */
export class Leader {
  readonly #options: LeaderOptions;
  readonly #configuration: Configuration;
  readonly #reports: SpeakerReports;
  readonly #state: AllocationState;
  readonly #pending = new PendingServices();
  readonly #liveness: SpeakerLiveness;
  readonly #placement: Placement;
  readonly #allocations: AllocationWriter;
  readonly #reconciler: ServiceReconciler;
  readonly #writer: Writer;
  readonly #services: WorkQueue;
  readonly #bundles: WorkQueue;
  readonly #cooling: WorkQueue;
  readonly #speakers: WorkQueue;
  readonly #settling: WorkQueue;
  readonly #superseded = new AbortController();

  constructor(options: LeaderOptions) {
    this.#options = options;
    const { stores, clock, log, leadership, writes } = options;
    const writer = new Writer(writes, () => leadership.holds());
    const term = 1 + highestTerm(stores);
    log.info({ term }, "leading");
    this.#writer = writer;
    const configuration = new Configuration(stores, options.configNamespace, clock);
    const reports = new SpeakerReports(stores);
    this.#configuration = configuration;
    this.#reports = reports;
    this.#state = new AllocationState(stores, configuration, reports);
    this.#liveness = new SpeakerLiveness({
      stores,
      clock,
      log,
      onVerdict: () => this.#speakersChanged(),
    });
    const isAlive = (node: string): boolean => this.#liveness.isAlive(node);
    this.#placement = new Placement({ stores, configuration, reports, writer, term, isAlive, log });
    const state = this.#state;
    const placement = this.#placement;
    this.#allocations = new AllocationWriter({ stores, state, placement, writer, clock });
    this.#reconciler = new ServiceReconciler({
      ...options,
      state,
      placement,
      writer,
      allocations: this.#allocations,
      pending: this.#pending,
    });
    this.#services = new WorkQueue({ clock, log, workers: 8 });
    this.#bundles = new WorkQueue({ clock, log });
    this.#cooling = new WorkQueue({ clock, log, workers: 2 });
    this.#speakers = new WorkQueue({ clock, log });
    this.#settling = new WorkQueue({ clock, log });
  }

  /** Leads until leadership is lost, or a newer leader was seen. */
  async run(): Promise<void> {
    const { leadership, clock } = this.#options;
    const signal = AbortSignal.any([leadership.signal, this.#superseded.signal]);
    this.#reports.load();
    this.#readConfiguration();
    this.#state.load();
    this.#placement.load();
    this.#subscribe();
    this.#liveness.start(signal);
    await this.#createDefaultAdvertisement();
    this.#triggerEverything();
    const giveUpWaiting = async (): Promise<void> => {
      await clock.sleep(networksWaitMs, signal);
      if (signal.aborted) {
        return;
      }
      this.#openGate("no speaker has reported its networks; giving addresses out all the same");
    };
    await Promise.all([
      this.#services.run((key) => this.#reconciler.reconcile(key), signal),
      this.#bundles.run(() => this.#reconcileBundles(), signal),
      this.#settling.run(() => this.#look(), signal),
      this.#cooling.run((name) => this.#allocations.free(name), signal),
      this.#speakers.run((node) => this.#createSpeaker(node), signal),
      giveUpWaiting(),
    ]);
  }

  async #reconcileBundles(): Promise<void> {
    try {
      await this.#placement.reconcile();
    } catch (error) {
      if (error instanceof SupersededError) {
        this.#superseded.abort(error);
      }
      throw error;
    }
  }

  #subscribe(): void {
    const { stores } = this.#options;
    stores.services.onChange(({ key, before, after }) => this.#serviceChanged(key, before, after));
    stores.allocations.onChange(({ key, before, after }) =>
      this.#allocationChanged(key, before?.allocation, after?.allocation),
    );
    stores.pools.onChange(() => this.#configurationChanged());
    stores.advertisements.onChange(() => this.#configurationChanged());
    stores.namespaces.onChange(({ key, before, after }) => {
      const terminates = before?.terminating !== after?.terminating;
      if (key === this.#options.configNamespace && terminates) {
        this.#configurationChanged();
      } else if (differs(before?.labels, after?.labels)) {
        this.#namespaceChanged(key);
      }
    });
    stores.nodes.onChange(({ key, before, after }) => {
      if (differs(before?.node, after?.node)) {
        this.#speakers.add(key);
        this.#networksChanged();
      }
    });
    stores.serviceCidrs.onChange(() => this.#networksChanged());
    stores.apiServers.onChange(() => this.#networksChanged());
    stores.bundles.onChange(({ key, before, after }) => {
      if (before?.bundle.owner.node !== after?.bundle.owner.node) {
        this.#triggerHolders(this.#placement.addressesOf(key));
      }
      if (after === undefined) {
        this.#bundles.add("all");
      } else if (before === undefined) {
        this.#triggerHolders(this.#placement.unplaced());
      }
    });
    stores.speakers.onChange(({ key, before, after }) => {
      const [old, now] = [before?.speaker.report, after?.speaker.report];
      if (after === undefined) {
        this.#speakers.add(key);
      } else if (
        differs([old?.interfaces, old?.defaultGateways], [now?.interfaces, now?.defaultGateways])
      ) {
        this.#networksChanged();
      }
      const failing = [...(old?.failures ?? []), ...(now?.failures ?? [])];
      this.#triggerHolders(failing.map(({ address }) => address));
      for (const service of this.#reconciler.takeAwaiting(key)) {
        this.#services.addUnhurried(service);
      }
      this.#speakersChanged();
    });
  }

  #serviceChanged(
    key: string,
    before: ServiceObject | undefined,
    after: ServiceObject | undefined,
  ): void {
    this.#state.serviceChanged(before, after);
    const ours = before?.service.wantsAddress === true || after?.service.wantsAddress === true;
    if (ours || this.#pending.has(key) || this.#state.ledger.heldBy(key).length > 0) {
      this.#services.add(key);
    }
    for (const address of claims(before?.service)) {
      this.#wakePending(address);
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
    this.#state.settle(address);
    for (const holder of after?.state === "Allocated" ? after.holders : []) {
      this.#services.add(serviceKey(holder));
    }
    if (after?.state !== "Cooling") {
      this.#cooling.forget(name);
    } else if (before?.state !== "Cooling") {
      this.#cooling.add(name, reuseDelayMs);
    }
    if (after === undefined || after.state === "Cooling") {
      this.#wakePending(address);
    }
    this.#triggerHoldersOf(before);
  }

  /** An allocation that somebody else deleted or changed must be noticed by those who had it. */
  #triggerHoldersOf(before: IpAllocation | undefined): void {
    for (const holder of before?.state === "Allocated" ? before.holders : []) {
      this.#services.add(serviceKey(holder));
    }
  }

  /** Only pools and advertisements make us look at everything: now, and when they have settled. */
  #configurationChanged(): void {
    this.#readConfiguration();
    this.#settling.add("settled", settleMs);
    void this.#look();
  }

  async #look(): Promise<void> {
    this.#bundles.add("all");
    this.#triggerEveryService();
  }

  /** The labels of a namespace matter only to its own Services, and only where a pool selects by them. */
  #namespaceChanged(namespace: string): void {
    const matters = this.#state.pools.some(
      ({ serviceAllocation }) => (serviceAllocation?.namespaceSelectors.length ?? 0) > 0,
    );
    for (const { key, service } of matters ? this.#options.stores.services.values() : []) {
      if (service.namespace === namespace) {
        this.#services.add(key);
      }
    }
  }

  #readConfiguration(): void {
    const { events, log } = this.#options;
    for (const { object, errors } of this.#configuration.refresh()) {
      const message = `${errors.join("; ")}. The last good version stays in force`;
      log.warn({ kind: object.kind, name: object.name, reason: "ConfigurationInvalid" }, message);
      events.record({ object, type: "Warning", reason: "ConfigurationInvalid", message });
    }
  }

  #networksChanged(): void {
    this.#state.networksChanged();
    this.#speakersChanged();
    for (const key of this.#pending.keys()) {
      this.#services.add(key);
    }
  }

  #speakersChanged(): void {
    this.#bundles.add("all");
    const nodes = [...this.#options.stores.nodes.values()];
    if (nodes.length > 0 && nodes.every(({ key }) => this.#reports.get(key) !== undefined)) {
      this.#openGate("networks are known from the speakers");
    }
    this.#triggerHolders(this.#placement.unplaced());
  }

  #openGate(why: string): void {
    if (!this.#state.networksKnown) {
      this.#options.log.info({}, why);
      this.#state.networksKnown = true;
      this.#triggerEveryService();
    }
  }

  #wakePending(address: IpAddress): void {
    const pool = this.#state.pools.find((candidate) => poolOffers(candidate, address));
    const slot = pool === undefined ? undefined : poolSlot(pool.name, familyOf(address));
    for (const key of this.#pending.couldUse(address, slot)) {
      this.#services.add(key);
    }
  }

  #triggerHolders(addresses: Iterable<IpAddress>): void {
    for (const address of addresses) {
      this.#triggerHoldersOf(this.#state.ledger.get(address));
    }
  }

  #triggerEverything(): void {
    const { stores } = this.#options;
    this.#bundles.add("all");
    for (const node of stores.nodes.values()) {
      this.#speakers.add(node.key);
    }
    for (const { key, allocation } of stores.allocations.values()) {
      if (allocation.state === "Cooling") {
        this.#cooling.add(key, reuseDelayMs);
      }
    }
    this.#triggerEveryService();
  }

  /** Those that have an address, or say so in their status, come before those that want one. */
  #triggerEveryService(): void {
    const { stores } = this.#options;
    for (const allocation of this.#state.ledger.allocations()) {
      this.#triggerHoldersOf(allocation);
    }
    const wanting = [...stores.services.values()].filter(({ service }) => service.wantsAddress);
    const claimsOne = (object: ServiceObject): boolean => object.service.statusAddresses.length > 0;
    for (const { key } of [
      ...wanting.filter(claimsOne),
      ...wanting.filter((object) => !claimsOne(object)),
    ]) {
      this.#services.add(key);
    }
  }

  /** At a first start everything is announced, so that one `kubectl apply` is a working install. */
  async #createDefaultAdvertisement(): Promise<void> {
    const { stores, configNamespace, defaultAdvertisement, log } = this.#options;
    if (!defaultAdvertisement || stores.allocations.size > 0 || stores.advertisements.size > 0) {
      return;
    }
    try {
      await this.#writer.create(resources.l2Advertisements, {
        metadata: { name: "default", namespace: configNamespace },
        spec: {},
      });
      log.info({}, "first start: created L2Advertisement default, which announces every pool");
    } catch (error) {
      if (!isAlreadyExists(error)) {
        log.warn({ error: String(error) }, "cannot create L2Advertisement default; create one");
      }
    }
  }

  async #createSpeaker(name: string): Promise<void> {
    const { stores } = this.#options;
    const node = stores.nodes.get(name);
    if (node === undefined || stores.speakers.get(name) !== undefined) {
      return;
    }
    try {
      await this.#writer.create(resources.l2Speakers, {
        metadata: {
          name,
          ownerReferences: [{ apiVersion: "v1", kind: "Node", name, uid: node.uid }],
        },
        spec: {},
      });
    } catch (error) {
      if (!isAlreadyExists(error)) {
        throw error;
      }
    }
  }
}

/** A report with an absurd term cannot push ours out of reach: bundles are what terms are compared on. */
function highestTerm(stores: ClusterStores): number {
  const highest = Math.max(
    0,
    ...[...stores.bundles.values()].map(({ bundle }) => bundle.version.term),
  );
  const seen = [...stores.speakers.values()]
    .map(({ speaker }) => speaker.report?.highestTerm ?? 0)
    .filter((term) => term <= highest + believableTerms);
  return Math.max(highest, ...seen);
}

function differs(a: unknown, b: unknown): boolean {
  const text = (value: unknown): string =>
    JSON.stringify(value, (_, item) => (typeof item === "bigint" ? item.toString() : item)) ?? "";
  return text(a) !== text(b);
}
