import type { KnownCluster } from "../../core/admission/known-cluster.ts";
import type { L2Speaker } from "../../core/model/l2-speaker.ts";
import type { Clock } from "../../runtime/clock.ts";
import { AllocationState } from "../allocation-state.ts";
import type { ClusterStores } from "../cluster-stores.ts";
import { Configuration } from "../configuration.ts";
import { onConfigurationChange } from "../configuration-changes.ts";
import { differs } from "../differs.ts";
import { SpeakerReports } from "../speaker-reports.ts";

/** What decisions stand on in this process. */
export interface DerivedState {
  readonly state: AllocationState;
  readonly configuration: Configuration;
}

/**
 * The cluster as the webhook of this replica knows it: a standby derives it from its stores, once
 * this replica leads the leader's own is used.
 */
export class AdmissionKnowledge {
  readonly #stores: ClusterStores;
  readonly #configNamespace: string;
  readonly #clock: Clock;
  /** Undefined: not started, or this replica leads. */
  #own: DerivedState | undefined;
  #leaders: DerivedState | undefined;
  #configurationChanged = true;
  #networksChanged = true;

  constructor(stores: ClusterStores, configNamespace: string, clock: Clock) {
    this.#stores = stores;
    this.#configNamespace = configNamespace;
    this.#clock = clock;
  }

  /** Follows the stores from now on; they must have synced. */
  start(): void {
    const stores = this.#stores;
    const configuration = new Configuration(stores, this.#configNamespace, this.#clock);
    const reports = new SpeakerReports(stores);
    const state = new AllocationState(stores, configuration, reports);
    reports.load();
    state.load();
    // Nothing is given out here, so nothing has to wait for speakers.
    state.networksKnown = true;
    this.#own = { state, configuration };
    this.#subscribe();
  }

  /** Uses what the leader in this process knows, from now on. */
  useLeaders(derived: DerivedState): void {
    this.#leaders = derived;
    this.#own = undefined;
  }

  /** The cluster as it is now; undefined: not known yet. */
  get cluster(): KnownCluster | undefined {
    const derived = this.#leaders ?? this.#ownUpToDate();
    if (derived === undefined) {
      return undefined;
    }
    const { state, configuration } = derived;
    const { nodes, namespaces, services } = this.#stores;
    return {
      allocation: state,
      // Most questions are about a Service, and need none of these.
      get pools() {
        return configuration.pools;
      },
      get advertisements() {
        return configuration.advertisements;
      },
      get nodes() {
        return [...nodes.values()].map(({ node }) => node.labels);
      },
      get namespaces() {
        return new Map([...namespaces.values()].map(({ key, labels }) => [key, labels]));
      },
      service: (key) => services.get(key)?.service,
    };
  }

  #ownUpToDate(): DerivedState | undefined {
    if (this.#configurationChanged) {
      this.#configurationChanged = false;
      this.#own?.configuration.refresh();
      // What policies exclude is denied too, as far as pools reach.
      this.#networksChanged = true;
    }
    if (this.#networksChanged) {
      this.#networksChanged = false;
      this.#own?.state.networksChanged();
    }
    return this.#own;
  }

  #subscribe(): void {
    const { services, allocations, nodes, speakers, serviceCidrs, apiServers } = this.#stores;
    services.onChange(({ before, after }) => this.#own?.state.serviceChanged(before, after));
    allocations.onChange(({ before, after }) => {
      const address = (after ?? before)?.allocation.address;
      if (address !== undefined) {
        this.#own?.state.settle(address);
        this.#own?.state.contestChanged(before?.allocation, after?.allocation);
      }
    });
    const networksChanged = (): void => {
      this.#networksChanged = true;
    };
    onConfigurationChange(this.#stores, this.#configNamespace, () => {
      this.#configurationChanged = true;
    });
    // Others write to these too, and to the status of most of them often.
    nodes.onChange(({ before, after }) => {
      if (differs(before?.node, after?.node)) {
        networksChanged();
      }
    });
    speakers.onChange(({ before, after }) => {
      if (differs(networksOf(before?.speaker), networksOf(after?.speaker))) {
        networksChanged();
      }
    });
    serviceCidrs.onChange(networksChanged);
    apiServers.onChange(networksChanged);
  }
}

function networksOf(speaker: L2Speaker | undefined): unknown {
  return speaker && [speaker.report?.interfaces, speaker.report?.defaultGateways];
}
