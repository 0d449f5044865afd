import { readdirSync } from "node:fs";
import type { Clock } from "./clock.ts";
import type { Histogram, MetricDefinition, Metrics } from "./metrics.ts";
import { version } from "./version.ts";

/** What any process tells of itself; the `process_` names are those that Prometheus recommends. */
export const processMetrics = {
  build: {
    name: "steelyard_build_info",
    type: "gauge",
    help: "Always 1; says which version runs, on which Node.",
    labels: ["version", "node_version"],
  },
  cpu: {
    name: "process_cpu_seconds_total",
    type: "counter",
    help: "User and system CPU time in seconds.",
  },
  memory: {
    name: "process_resident_memory_bytes",
    type: "gauge",
    help: "Resident memory in bytes.",
  },
  start: {
    name: "process_start_time_seconds",
    type: "gauge",
    help: "When the process started, in seconds since 1970.",
  },
  files: { name: "process_open_fds", type: "gauge", help: "Open file descriptors." },
  delay: {
    name: "steelyard_event_loop_delay_seconds",
    type: "histogram",
    help: "How late a timer fires, looked at once a second; answers to ARP do not wait for it.",
  },
} as const satisfies Record<string, MetricDefinition>;

const delayPeriodMs = 1_000;

/** Adds the metrics of the process itself, and measures its event loop until `signal` aborts. */
export function describeProcess(metrics: Metrics, clock: Clock, signal: AbortSignal): void {
  metrics.read(processMetrics.build, () => [[[version, process.versions.node], 1]]);
  metrics.read(processMetrics.cpu, () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e6;
  });
  metrics.read(processMetrics.memory, () => process.memoryUsage.rss());
  const startedAt = (Date.now() - process.uptime() * 1_000) / 1_000;
  metrics.read(processMetrics.start, () => startedAt);
  metrics.read(processMetrics.files, () => readdirSync("/proc/self/fd").length - 1);
  void measureDelay(metrics.histogram(processMetrics.delay), clock, signal);
}

async function measureDelay(delay: Histogram, clock: Clock, signal: AbortSignal): Promise<void> {
  for (;;) {
    const due = clock.now() + delayPeriodMs;
    await clock.sleep(delayPeriodMs, signal);
    if (signal.aborted) {
      return;
    }
    delay.observe(Math.max(0, clock.now() - due) / 1_000);
  }
}
