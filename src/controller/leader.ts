import type { EventRecorder } from "../kube/event-recorder.ts";
import type { Leadership } from "../kube/lease-election.ts";
import type { ApiClient } from "../kube/transport.ts";
import { WorkQueue } from "../kube/work-queue.ts";
import { Writer } from "../kube/write.ts";
import type { Clock } from "../runtime/clock.ts";
import type { Log } from "../runtime/log.ts";
import type { Metrics } from "../runtime/metrics.ts";
import { AddressConflicts } from "./address-conflicts.ts";
import { AllocationState } from "./allocation-state.ts";
import { AllocationWriter } from "./allocation-writer.ts";
import { Announcements } from "./announcements.ts";
import { SupersededError } from "./bundle-writer.ts";
import type { ClusterStores } from "./cluster-stores.ts";
import { Configuration } from "./configuration.ts";
import { LateComers } from "./late-comers.ts";
import { LeaderTerm } from "./leader-term.ts";
import { describeLeader } from "./metrics-leader.ts";
import { PendingServices } from "./pending-services.ts";
import { Placement } from "./placement.ts";
import { PreparedObjects } from "./prepared-objects.ts";
import { Rebalancer } from "./rebalancer.ts";
import { ConfigurationReporter } from "./reporting/configuration-reporter.ts";
import { ConfigurationStates } from "./reporting/configuration-states.ts";
import { NodeDeaths } from "./reporting/node-deaths.ts";
import { ServiceL2Statuses } from "./reporting/service-l2-statuses.ts";
import { ServiceReconciler } from "./service-reconciler.ts";
import type { ConflictSettings, PlacementSettings } from "./settings.ts";
import type { SpeakerLiveness } from "./speaker-liveness.ts";
import { SpeakerReports } from "./speaker-reports.ts";
import { type LeaderQueues, Triggers } from "./triggers.ts";

export interface LeaderOptions {
  /** All synced. */
  readonly stores: ClusterStores;
  /** At work already. */
  readonly liveness: SpeakerLiveness;
  readonly writes: ApiClient;
  readonly leadership: Leadership;
  readonly events: EventRecorder;
  readonly configNamespace: string;
  readonly loadBalancerClass: string;
  readonly defaultAdvertisement: boolean;
  readonly placement: PlacementSettings;
  readonly conflicts: ConflictSettings;
  readonly metrics: Metrics;
  readonly clock: Clock;
  readonly log: Log;
}

/** Nodes without a speaker never tell their networks; after this long addresses are given out anyway. */
const networksWaitMs = 10_000;

/** How often to look whether the Lease was renewed. */
const leaseLookMs = 50;

/**
 * What only the leader does, from all stores synced to the loss of leadership.
 *
 * Changes in the stores become keys in queues; the queues call the code that
 * decides and writes. A key says which object to look at, never what happened.
 */
export class Leader {
  readonly #options: LeaderOptions;
  readonly #reports: SpeakerReports;
  readonly #configuration: Configuration;
  readonly #state: AllocationState;
  readonly #pending = new PendingServices();
  readonly #placement: Placement;
  readonly #allocations: AllocationWriter;
  readonly #reconciler: ServiceReconciler;
  readonly #prepared: PreparedObjects;
  readonly #reporter: ConfigurationReporter;
  readonly #lateComers: LateComers;
  readonly #states: ConfigurationStates;
  readonly #l2Statuses: ServiceL2Statuses;
  readonly #deaths: NodeDeaths;
  readonly #triggers: Triggers;
  readonly #rebalancer: Rebalancer;
  readonly #conflicts: AddressConflicts;
  readonly #queues: LeaderQueues;
  readonly #term: LeaderTerm;
  readonly #superseded = new AbortController();

  constructor(options: LeaderOptions) {
    this.#options = options;
    const { stores, liveness, clock, log, leadership, writes } = options;
    const writer = new Writer(writes, () => leadership.holds());
    const term = new LeaderTerm(stores, leadership.transitions);
    this.#term = term;
    log.info({ term: term.value }, "leading");
    const configuration = new Configuration(stores, options.configNamespace, clock);
    this.#configuration = configuration;
    const reports = new SpeakerReports(stores);
    this.#reports = reports;
    this.#state = new AllocationState(stores, configuration, reports);
    const isAlive = (node: string): boolean => liveness.isAlive(node);
    const { placement: rules } = options;
    this.#placement = new Placement({
      ...{ stores, configuration, reports, writer, term, isAlive, rules, clock, log },
    });
    const state = this.#state;
    const placement = this.#placement;
    this.#allocations = new AllocationWriter({ stores, state, placement, writer, clock });
    const announcements = new Announcements({ stores, state, placement });
    this.#conflicts = new AddressConflicts({
      ...{ ...options, state, reports, isAlive, writer, allocations: this.#allocations },
      onHeldChanged: (addresses) => this.#triggers.triggerHolders(addresses),
      onPoolChanged: (pool) => this.#reporter.foreignHostsChanged(pool),
    });
    this.#reconciler = new ServiceReconciler({
      ...options,
      state,
      announcements,
      writer,
      allocations: this.#allocations,
      conflicts: this.#conflicts,
      pending: this.#pending,
      onLiveEnded: (address) => this.#triggers.addressFreed(address),
    });
    this.#prepared = new PreparedObjects({ ...options, writer });
    this.#reporter = new ConfigurationReporter({
      ...{ ...options, configuration, state, writer },
      foreignHosts: (pool) => this.#conflicts.inPool(pool),
    });
    this.#lateComers = new LateComers({ ...options, configuration, state });
    this.#states = new ConfigurationStates({ ...options, state, writer });
    const isBusy = (): boolean => this.#queues.services.depth > 0;
    this.#deaths = new NodeDeaths({ ...options, placement });
    this.#l2Statuses = new ServiceL2Statuses({
      ...{ ...options, state, announcements, placement, isBusy, writer },
    });
    this.#queues = {
      services: new WorkQueue({ clock, log, workers: 8, keyField: "service" }),
      bundles: new WorkQueue({ clock, log }),
      cooling: new WorkQueue({ clock, log, workers: 2, keyField: "address" }),
      speakers: new WorkQueue({ clock, log, keyField: "node" }),
      settling: new WorkQueue({ clock, log }),
    };
    const { services } = this.#queues;
    const { rebalanceAfterMs: afterMs } = options.placement;
    this.#rebalancer = new Rebalancer({ stores, placement, services, afterMs, clock, log });
    this.#triggers = new Triggers({
      ...options,
      configuration,
      reports,
      state,
      allocations: this.#allocations,
      placement,
      pending: this.#pending,
      queues: this.#queues,
      takeAwaiting: (node) => this.#reconciler.takeAwaiting(node),
      onContestChanged: () => {
        this.#reporter.contestChanged();
        this.#states.contestChanged();
      },
    });
    options.events.giveWayTo(isBusy);
    this.#describe();
  }

  #describe(): void {
    const { stores, liveness, configNamespace, metrics } = this.#options;
    const queues = {
      ...this.#queues,
      configuration: this.#reporter.queue,
      states: this.#states.queue,
      l2Statuses: this.#l2Statuses.queue,
      conflicts: this.#conflicts.queue,
    };
    describeLeader(metrics, {
      ...{ stores, configNamespace, liveness, queues, term: this.#term },
      ...{ state: this.#state, configuration: this.#configuration, placement: this.#placement },
      ...{ reporter: this.#reporter, pending: this.#pending, conflicts: this.#conflicts },
    });
  }

  /** What this leader decides on; good from the start of {@link run}. */
  get derived(): { readonly state: AllocationState; readonly configuration: Configuration } {
    return { state: this.#state, configuration: this.#configuration };
  }

  /** Leads until leadership is lost, or a newer leader was seen. */
  async run(): Promise<void> {
    const { leadership, liveness, clock, log } = this.#options;
    const signal = AbortSignal.any([leadership.signal, this.#superseded.signal]);
    this.#reports.load();
    this.#state.load();
    const inherited = this.#state.takeOver(clock.wallTime());
    if (inherited > 0) {
      log.info(
        { services: inherited },
        "first start: taking over the addresses that their statuses show",
      );
    }
    this.#placement.load();
    this.#triggers.start();
    this.#reporter.start();
    this.#lateComers.start();
    this.#states.start();
    this.#l2Statuses.start();
    this.#deaths.start();
    this.#conflicts.start();
    liveness.onVerdict(() => {
      this.#triggers.speakersChanged();
      this.#conflicts.planAnew();
    });
    this.#endWhenStoresGoBack();
    await this.#prepared.createDefaultAdvertisement();
    const giveUpWaiting = async (): Promise<void> => {
      await clock.sleep(networksWaitMs, signal);
      if (signal.aborted) {
        return;
      }
      this.#triggers.openGate(
        "no speaker has reported its networks; giving addresses out all the same",
      );
    };
    const { services, bundles, settling, cooling, speakers } = this.#queues;
    await Promise.all([
      services.run((key) => this.#reconcileService(key), signal),
      bundles.run(() => this.#reconcileBundles(signal), signal),
      settling.run(async () => this.#triggers.lookAtEverything(), signal),
      cooling.run((name) => this.#allocations.free(name), signal),
      speakers.run((node) => this.#prepared.createSpeaker(node), signal),
      this.#reporter.run(signal),
      this.#states.run(signal),
      this.#l2Statuses.run(signal),
      this.#deaths.run(signal),
      this.#rebalancer.run(signal),
      this.#conflicts.run(signal),
      giveUpWaiting(),
    ]);
  }

  async #reconcileService(key: string): Promise<void> {
    try {
      await this.#reconciler.reconcile(key);
    } finally {
      this.#triggers.lookedAt(key);
    }
  }

  async #reconcileBundles(signal: AbortSignal): Promise<void> {
    try {
      await this.#outgrowSpentTerm(signal);
      await this.#placement.reconcile();
      const releaseMs = this.#placement.nextReleaseMs;
      if (releaseMs !== undefined) {
        this.#queues.bundles.add("all", releaseMs);
      }
    } catch (error) {
      if (error instanceof SupersededError) {
        this.#superseded.abort(error);
      }
      throw error;
    }
  }

  /**
   * Speakers know later versions than ours: from a newer leader, or from before etcd
   * was restored. A Lease that is ours still, renewed afterwards, tells them apart.
   */
  async #outgrowSpentTerm(signal: AbortSignal): Promise<void> {
    const { leadership, clock, log } = this.#options;
    if (!this.#term.isSpent) {
      return;
    }
    const seenAt = clock.now();
    while (leadership.renewedAt() <= seenAt && !signal.aborted) {
      await clock.sleep(leaseLookMs, signal);
    }
    if (leadership.holds()) {
      this.#term.raise();
      log.warn(
        { term: this.#term.value },
        "speakers know later versions of bundles: writing under a higher term",
      );
    }
  }

  /** What was decided on is no more so: this process must not go by what it remembers. */
  #endWhenStoresGoBack(): void {
    const { definitions, ...others } = this.#options.stores;
    for (const store of [...Object.values(others), ...Object.values(definitions)]) {
      store.onWentBack(() => {
        this.#options.log.warn({}, "the API server went back in time: this leader ends");
        this.#superseded.abort(new Error("the API server went back in time"));
      });
    }
  }
}
