import { allocationName } from "../core/model/ip-allocation.ts";
import { serviceKey } from "../core/model/service.ts";
import { canAnnounceOn } from "../core/net/network-interface.ts";
import type { IpAllocationObject } from "../kube/decode/ip-allocation.ts";
import type { LeaseRenewer } from "../kube/lease-renewer.ts";
import type { Store } from "../kube/store.ts";
import type { AddressStats, Link } from "../link/link.ts";
import type { Clock } from "../runtime/clock.ts";
import type { MetricDefinition, Metrics, Sample } from "../runtime/metrics.ts";
import type { AnnouncementDriver } from "./announcement-driver.ts";
import type { ConflictWatch } from "./conflict-watch.ts";
import type { HeardCounts } from "./link-events.ts";

const ip = ["ip"] as const;

/** What a speaker tells of the addresses and interfaces of its node. */
export const speakerMetrics = {
  announced: {
    name: "metallb_speaker_announced",
    type: "gauge",
    help: "Always 1; says that this node answers for the address of the Service.",
    labels: ["service", "protocol", "node", "ip"],
  },
  requests: {
    name: "metallb_layer2_requests_received",
    type: "counter",
    help: "Requests for the address that were received, since this node answers for it.",
    labels: ip,
  },
  responses: {
    name: "metallb_layer2_responses_sent",
    type: "counter",
    help: "Answers for the address that were sent, since this node answers for it.",
    labels: ip,
  },
  gratuitous: {
    name: "metallb_layer2_gratuitous_sent",
    type: "counter",
    help: "Unasked announcements of the address that were sent, since this node answers for it.",
    labels: ip,
  },
  assigned: {
    name: "steelyard_addresses_assigned",
    type: "gauge",
    help: "Addresses that this node is to announce.",
  },
  announcing: {
    name: "steelyard_addresses_announced",
    type: "gauge",
    help: "Addresses that this node answers for.",
  },
  failures: {
    name: "steelyard_announce_failures",
    type: "gauge",
    help: "Addresses that this node is to announce and does not, by reason.",
    labels: ["reason"],
  },
  interfaces: {
    name: "steelyard_interface_usable",
    type: "gauge",
    help: "1 for an interface that addresses can be announced on, 0 while the kernel refuses it.",
    labels: ["interface"],
  },
  claims: {
    name: "steelyard_foreign_claims_total",
    type: "counter",
    help: "ARP and neighbor discovery frames in which another host claims an address that this node answers for or looks for.",
  },
  conflicts: {
    name: "steelyard_foreign_hosts",
    type: "gauge",
    help: "Addresses that another host has: held ones, which this node answers for, and free ones, which it looked for.",
    labels: ["state"],
  },
  dropped: {
    name: "steelyard_network_events_dropped_total",
    type: "counter",
    help: "Claims and other events of the network that were not looked at because there were too many.",
  },
  leaseAge: {
    name: "steelyard_lease_age_seconds",
    type: "gauge",
    help: "Since the last renewal of this speaker's Lease; after 6 s it counts as dead.",
  },
} as const satisfies Record<string, MetricDefinition>;

/** Where a speaker's metrics come from. */
export interface SpeakerSources {
  readonly node: string;
  readonly driver: Pick<AnnouncementDriver, "state">;
  readonly allocations: Store<IpAllocationObject>;
  /** Open. */
  readonly link: Pick<Link, "stats">;
  readonly lease: Pick<LeaseRenewer, "renewedAt">;
  readonly conflicts: Pick<ConflictWatch, "report">;
  readonly heard: Readonly<HeardCounts>;
  readonly clock: Clock;
}

/** Adds what this speaker does. */
export function describeSpeaker(metrics: Metrics, sources: SpeakerSources): void {
  const { driver, lease, conflicts, heard, clock } = sources;
  describeAddresses(metrics, sources);
  metrics.read(speakerMetrics.assigned, () => driver.state.assigned.size);
  metrics.read(speakerMetrics.announcing, () => driver.state.answering.size);
  metrics.read(speakerMetrics.failures, () => {
    const counts = new Map<string, number>();
    for (const { reason } of driver.state.failures.values()) {
      counts.set(reason, (counts.get(reason) ?? 0) + 1);
    }
    return [...counts].map(([reason, count]): Sample => [[reason], count]);
  });
  metrics.read(speakerMetrics.interfaces, () =>
    driver.state.interfaces
      .filter(canAnnounceOn)
      .map(({ name }): Sample => [[name], Number(!driver.state.brokenInterfaces.has(name))]),
  );
  metrics.read(speakerMetrics.conflicts, () => {
    const seen = conflicts.report.conflicts ?? [];
    const held = seen.filter((one) => one.held).length;
    return [
      [["held"], held],
      [["free"], seen.length - held],
    ];
  });
  metrics.read(speakerMetrics.dropped, () => heard.dropped);
  metrics.read(speakerMetrics.leaseAge, () =>
    lease.renewedAt === undefined ? [] : [[[], (clock.now() - lease.renewedAt) / 1_000]],
  );
  metrics.read(speakerMetrics.claims, () => heard.claims);
}

function describeAddresses(metrics: Metrics, sources: SpeakerSources): void {
  const { node, driver, allocations, link } = sources;
  metrics.read(speakerMetrics.announced, function* (): Iterable<Sample> {
    for (const address of driver.state.answering.keys()) {
      for (const holder of allocations.get(allocationName(address))?.allocation.holders ?? []) {
        yield [[serviceKey(holder), "layer2", node, address], 1];
      }
    }
  });
  const statsNow = heldForOnce(() => link.stats());
  const count = (definition: MetricDefinition, of: (stats: AddressStats) => number): void =>
    metrics.read(definition, () => {
      // An address may be answered on several interfaces; MetalLB has one series for it.
      const sums = new Map<string, number>();
      for (const stats of statsNow()) {
        sums.set(stats.address, (sums.get(stats.address) ?? 0) + of(stats));
      }
      return samplesOf(sums);
    });
  count(speakerMetrics.requests, ({ requestsReceived }) => requestsReceived);
  count(speakerMetrics.responses, ({ repliesSent }) => repliesSent);
  count(speakerMetrics.gratuitous, ({ gratuitousSent }) => gratuitousSent);
}

function* samplesOf(values: ReadonlyMap<string, number>): Iterable<Sample> {
  for (const [label, value] of values) {
    yield [[label], value];
  }
}

/** What `read` returns, for all that ask in the same turn of the event loop. */
function heldForOnce<T>(read: () => T): () => T {
  let held: { readonly value: T } | undefined;
  return () => {
    if (held === undefined) {
      held = { value: read() };
      queueMicrotask(() => {
        held = undefined;
      });
    }
    return held.value;
  };
}
