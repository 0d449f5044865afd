import type { MetricDefinition, Metrics, Sample } from "../runtime/metrics.ts";
import type { Transport } from "./transport.ts";
import type { WatchedKind } from "./watch-state.ts";
import type { WorkQueue } from "./work-queue.ts";

/** What every process tells of its dealings with the API server. */
export const clientMetrics = {
  requests: {
    name: "steelyard_api_requests_total",
    type: "counter",
    help: "Requests to the API server, by HTTP method (WATCH for watches) and status; none: no answer came.",
    labels: ["verb", "code"],
  },
  synced: {
    name: "steelyard_watch_synced",
    type: "gauge",
    help: "1 when all objects of the kind have been listed once, else 0.",
    labels: ["kind"],
  },
  connected: {
    name: "steelyard_watch_connected",
    type: "gauge",
    help: "1 while a watch on the kind is open, else 0.",
    labels: ["kind"],
  },
  lists: {
    name: "steelyard_watch_lists_total",
    type: "counter",
    help: "How often all objects of the kind were listed.",
    labels: ["kind"],
  },
  interruptions: {
    name: "steelyard_watch_interruptions_total",
    type: "counter",
    help: "How often listing or watching the kind failed.",
    labels: ["kind"],
  },
} as const satisfies Record<string, MetricDefinition>;

/** What the work queues tell. */
export const queueMetrics = {
  depth: {
    name: "steelyard_queue_depth",
    type: "gauge",
    help: "Keys that wait for a worker now.",
    labels: ["queue"],
  },
  wait: {
    name: "steelyard_queue_wait_seconds",
    type: "histogram",
    help: "From a key being ready to the start of its work.",
    labels: ["queue"],
  },
  work: {
    name: "steelyard_queue_work_seconds",
    type: "histogram",
    help: "How long work on a key took.",
    labels: ["queue"],
  },
  failures: {
    name: "steelyard_queue_failures_total",
    type: "counter",
    help: "Work that failed and is tried again.",
    labels: ["queue"],
  },
} as const satisfies Record<string, MetricDefinition>;

/** Adds what the connections and watches of this process do. */
export function describeClient(
  metrics: Metrics,
  transports: readonly Transport[],
  watches: readonly WatchedKind[],
): void {
  const requests = metrics.counter(clientMetrics.requests);
  for (const transport of transports) {
    transport.onAnswer((verb, status) => requests.add(verb, `${status ?? "none"}`));
  }
  const each = (definition: MetricDefinition, value: (watch: WatchedKind) => number): void =>
    metrics.read(definition, () => watches.map((watch): Sample => [[watch.kind], value(watch)]));
  each(clientMetrics.synced, ({ store }) => Number(store.synced));
  each(clientMetrics.connected, ({ reflector }) => Number(reflector.state.connected));
  each(clientMetrics.lists, ({ reflector }) => reflector.state.lists);
  each(clientMetrics.interruptions, ({ reflector }) => reflector.state.interruptions);
}

/** Adds what these queues do, by name. */
export function describeQueues(
  metrics: Metrics,
  queues: Readonly<Record<string, WorkQueue>>,
): void {
  const wait = metrics.histogram(queueMetrics.wait);
  const work = metrics.histogram(queueMetrics.work);
  const named = Object.entries(queues);
  const failures = metrics.counter(
    queueMetrics.failures,
    named.map(([name]) => [name]),
  );
  metrics.read(queueMetrics.depth, () =>
    named.map(([name, queue]): Sample => [[name], queue.depth]),
  );
  for (const [name, queue] of named) {
    queue.onWork(({ waitedMs, workedMs, failed }) => {
      wait.observe(waitedMs / 1_000, name);
      work.observe(workedMs / 1_000, name);
      if (failed) {
        failures.add(name);
      }
    });
  }
}
