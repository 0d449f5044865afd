import { controllerMetrics } from "../src/controller/metrics.ts";
import { leaderMetrics } from "../src/controller/metrics-leader.ts";
import { clientMetrics, queueMetrics } from "../src/kube/client-metrics.ts";
import type { MetricDefinition } from "../src/runtime/metrics.ts";
import { processMetrics } from "../src/runtime/process-metrics.ts";
import { speakerMetrics } from "../src/speaker/metrics.ts";

const listed = (...parts: readonly Record<string, MetricDefinition>[]): MetricDefinition[] =>
  parts.flatMap((part) => Object.values(part));

/** Every metric, by who tells it; what a process does serve is compared with this in the e2e test. */
export const catalog = {
  both: listed(processMetrics, clientMetrics),
  controllers: listed(controllerMetrics),
  leader: listed(leaderMetrics, queueMetrics),
  speakers: listed(speakerMetrics),
} as const;
