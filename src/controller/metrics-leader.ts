import type { IpAllocation } from "../core/model/ip-allocation.ts";
import { describeQueues } from "../kube/client-metrics.ts";
import type { MetricDefinition, Metrics, Sample } from "../runtime/metrics.ts";
import type { AddressConflicts } from "./address-conflicts.ts";
import type { AllocationState } from "./allocation-state.ts";
import type { ClusterStores } from "./cluster-stores.ts";
import type { Configuration } from "./configuration.ts";
import { onConfigurationChange } from "./configuration-changes.ts";
import type { PendingServices } from "./pending-services.ts";
import type { Placement } from "./placement.ts";
import type { ConfigurationReporter } from "./reporting/configuration-reporter.ts";
import type { SpeakerLiveness } from "./speaker-liveness.ts";
import type { LeaderQueues } from "./triggers.ts";

const pool = ["pool"] as const;

/**
 * What the leader alone tells, so that a sum over the replicas counts nothing
 * twice. Nothing has a series for each Service or address.
 */
export const leaderMetrics = {
  total: {
    name: "metallb_allocator_addresses_total",
    type: "gauge",
    help: "Addresses that the pool can give out.",
    labels: pool,
  },
  total4: {
    name: "metallb_allocator_ipv4_addresses_total",
    type: "gauge",
    help: "IPv4 addresses that the pool can give out.",
    labels: pool,
  },
  total6: {
    name: "metallb_allocator_ipv6_addresses_total",
    type: "gauge",
    help: "IPv6 addresses that the pool can give out.",
    labels: pool,
  },
  inUse: {
    name: "metallb_allocator_addresses_in_use_total",
    type: "gauge",
    help: "Addresses of the pool that Services hold.",
    labels: pool,
  },
  inUse4: {
    name: "metallb_allocator_ipv4_addresses_in_use_total",
    type: "gauge",
    help: "IPv4 addresses of the pool that Services hold.",
    labels: pool,
  },
  inUse6: {
    name: "metallb_allocator_ipv6_addresses_in_use_total",
    type: "gauge",
    help: "IPv6 addresses of the pool that Services hold.",
    labels: pool,
  },
  conflicts: {
    name: "steelyard_pool_conflicts",
    type: "gauge",
    help: "1 for each kind of conflict that the pool is in; there is no series without one.",
    labels: ["pool", "reason"],
  },
  addressConflicts: {
    name: "steelyard_address_conflicts",
    type: "gauge",
    help: "Addresses that Services hold and that a host which is none of ours has, too.",
  },
  updates: {
    name: "metallb_k8s_client_updates_total",
    type: "counter",
    help: "Looks at a Service, and changes of pools and advertisements.",
  },
  updateErrors: {
    name: "metallb_k8s_client_update_errors_total",
    type: "counter",
    help: "Looks at a Service that failed and are repeated, and changes that left a pool or an advertisement unreadable.",
  },
  configLoaded: {
    name: "metallb_k8s_client_config_loaded_bool",
    type: "gauge",
    help: "1 when there is a pool that could be read, else 0.",
  },
  configStale: {
    name: "metallb_k8s_client_config_stale_bool",
    type: "gauge",
    help: "1 while a pool or an advertisement cannot be read, so that its last good version is in force.",
  },
  configLost: {
    name: "steelyard_configuration_lost",
    type: "gauge",
    help: "1 while no pool is left or their namespace is going: nothing is given out.",
  },
  unreadable: {
    name: "steelyard_configuration_unreadable",
    type: "gauge",
    help: "Pools, advertisements and policies that cannot be read.",
    labels: ["kind"],
  },
  term: {
    name: "steelyard_term",
    type: "gauge",
    help: "The term of this leader; each leader's is higher than the last one's.",
  },
  allocations: {
    name: "steelyard_allocations",
    type: "gauge",
    help: "Addresses that are not free, by state of their IPAllocation.",
    labels: ["state"],
  },
  pending: {
    name: "steelyard_services_pending",
    type: "gauge",
    help: "Services that do not have all that they ask for.",
  },
  unplaced: {
    name: "steelyard_addresses_unplaced",
    type: "gauge",
    help: "Addresses that are held and that no node is to announce.",
  },
  bundles: {
    name: "steelyard_bundles",
    type: "gauge",
    help: "Bundles of addresses that the node announces.",
    labels: ["node"],
  },
  speakers: {
    name: "steelyard_speakers",
    type: "gauge",
    help: "Nodes by the state of their speaker: alive, dead (6 s without a sign), or missing (never seen).",
    labels: ["state"],
  },
  moves: {
    name: "steelyard_bundle_moves_total",
    type: "counter",
    help: "Bundles that got another node, by cause: failover (its speaker is dead) or plan.",
    labels: ["cause"],
  },
} as const satisfies Record<string, MetricDefinition>;

/** Where the leader's metrics come from. */
export interface LeaderSources {
  readonly stores: ClusterStores;
  readonly configNamespace: string;
  readonly state: Pick<AllocationState, "supply" | "pools">;
  readonly reporter: Pick<ConfigurationReporter, "conflicts">;
  readonly configuration: Configuration;
  readonly pending: PendingServices;
  readonly placement: Placement;
  readonly liveness: SpeakerLiveness;
  readonly conflicts: Pick<AddressConflicts, "heldCount">;
  readonly queues: LeaderQueues;
  readonly term: { readonly value: number };
}

/** MetalLB's counter ends here, and so does what a Prometheus counter holds exactly enough. */
const largestSize = 2n ** 63n - 1n;

/** Adds what the leader knows. */
export function describeLeader(metrics: Metrics, sources: LeaderSources): void {
  describePools(metrics, sources);
  describeConfiguration(metrics, sources);
  describeUpdates(metrics, sources);
  const { stores, pending, placement, conflicts, term } = sources;
  metrics.read(leaderMetrics.term, () => term.value);
  metrics.read(leaderMetrics.pending, () => pending.size);
  metrics.read(leaderMetrics.addressConflicts, () => conflicts.heldCount);
  metrics.read(leaderMetrics.unplaced, () => [...placement.unplaced()].length);
  metrics.read(leaderMetrics.allocations, () => {
    const counts = countBy(allocationsOf(stores), ({ state }) => state);
    const states: readonly IpAllocation["state"][] = ["Allocated", "Cooling", "Quarantined"];
    return states.map((state): Sample => [[state], counts.get(state) ?? 0]);
  });
  describeNodes(metrics, sources);
  describeQueues(metrics, { ...sources.queues });
}

function describePools(metrics: Metrics, { state, reporter }: LeaderSources): void {
  const sizes = (definition: MetricDefinition, families: readonly (4 | 6)[]): void =>
    metrics.read(definition, () =>
      state.pools.map(({ name }): Sample => {
        const counts = families.map((family) => state.supply.count(name, family).size);
        const size = counts.reduce((sum, count) => sum + count, 0n);
        return [[name], Number(size > largestSize ? largestSize : size)];
      }),
    );
  sizes(leaderMetrics.total, [4, 6]);
  sizes(leaderMetrics.total4, [4]);
  sizes(leaderMetrics.total6, [6]);
  const inUse = (definition: MetricDefinition, families: readonly (4 | 6)[]): void =>
    metrics.read(definition, () =>
      state.pools.map(({ name }): Sample => {
        const counts = families.map((family) => state.supply.count(name, family).assigned);
        return [[name], Number(counts.reduce((sum, count) => sum + count, 0n))];
      }),
    );
  inUse(leaderMetrics.inUse, [4, 6]);
  inUse(leaderMetrics.inUse4, [4]);
  inUse(leaderMetrics.inUse6, [6]);
  metrics.read(leaderMetrics.conflicts, () =>
    [...reporter.conflicts()].map(({ pool, reason }): Sample => [[pool, reason], 1]),
  );
}

function describeConfiguration(metrics: Metrics, { stores, configuration }: LeaderSources): void {
  const unreadable = {
    IPAddressPool: (): number => countUnreadable(stores.pools.values()),
    L2Advertisement: (): number => countUnreadable(stores.advertisements.values()),
    AddressPolicy: (): number => countUnreadable(stores.policies.values()),
  };
  metrics.read(leaderMetrics.configLoaded, () => Number(configuration.pools.length > 0));
  metrics.read(leaderMetrics.configStale, () =>
    Number(unreadable.IPAddressPool() + unreadable.L2Advertisement() > 0),
  );
  metrics.read(leaderMetrics.configLost, () => Number(configuration.lost));
  metrics.read(leaderMetrics.unreadable, () =>
    Object.entries(unreadable).map(([kind, count]): Sample => [[kind], count()]),
  );
}

function describeUpdates(
  metrics: Metrics,
  { stores, configNamespace, queues }: LeaderSources,
): void {
  const updates = metrics.counter(leaderMetrics.updates);
  const errors = metrics.counter(leaderMetrics.updateErrors);
  queues.services.onWork(({ failed }) => {
    updates.add();
    if (failed) {
      errors.add();
    }
  });
  onConfigurationChange(stores, configNamespace, ({ what, isUnreadable }) => {
    if (what === "pool" || what === "advertisement") {
      updates.add();
      if (isUnreadable) {
        errors.add();
      }
    }
  });
}

function describeNodes(metrics: Metrics, { stores, liveness }: LeaderSources): void {
  metrics.read(leaderMetrics.bundles, () => {
    const owners = [...stores.bundles.values()].map(({ bundle }) => bundle.owner.node);
    const counts = countBy(owners, (node) => node);
    const nodes = new Set([...[...stores.nodes.values()].map(({ key }) => key), ...owners]);
    return [...nodes].map((node): Sample => [[node], counts.get(node) ?? 0]);
  });
  metrics.read(leaderMetrics.speakers, () => {
    const counts = countBy([...stores.nodes.values()], ({ key }) => liveness.verdict(key));
    return ["alive", "dead", "missing"].map((state): Sample => [[state], counts.get(state) ?? 0]);
  });
  const moves = metrics.counter(leaderMetrics.moves, [["failover"], ["plan"]]);
  stores.bundles.onChange(({ before, after }) => {
    const from = before?.bundle.owner.node;
    if (from !== undefined && after !== undefined && after.bundle.owner.node !== from) {
      moves.add(liveness.verdict(from) === "dead" ? "failover" : "plan");
    }
  });
}

function allocationsOf(stores: ClusterStores): readonly IpAllocation[] {
  return [...stores.allocations.values()].map(({ allocation }) => allocation);
}

function countUnreadable(objects: Iterable<{ readonly errors: readonly string[] }>): number {
  return [...objects].filter(({ errors }) => errors.length > 0).length;
}

function countBy<T>(items: readonly T[], key: (item: T) => string): Map<string, number> {
  const counts = new Map<string, number>();
  for (const item of items) {
    counts.set(key(item), (counts.get(key(item)) ?? 0) + 1);
  }
  return counts;
}
