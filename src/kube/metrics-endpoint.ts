import type { Clock } from "../runtime/clock.ts";
import type { Log } from "../runtime/log.ts";
import { Metrics } from "../runtime/metrics.ts";
import { serveMetrics } from "../runtime/metrics-server.ts";
import { describeProcess } from "../runtime/process-metrics.ts";
import { describeClient } from "./client-metrics.ts";
import { scrapeJudge } from "./scrape-judge.ts";
import type { Transport } from "./transport.ts";
import type { WatchedKind } from "./watch-state.ts";

/** Where metrics are served, as the flags say it. */
export interface MetricsSettings {
  /** 0: nowhere. */
  readonly port: number;
  readonly host: string | undefined;
  /** A folder with `tls.crt` and `tls.key`: HTTPS, and only for those whom the API server lets. */
  readonly metricsCertDir: string | undefined;
}

export interface MetricsEndpointOptions {
  readonly settings: MetricsSettings;
  /** All that the process has; the last one is asked about those who read the metrics. */
  readonly transports: readonly [Transport, ...Transport[]];
  readonly watches: readonly WatchedKind[];
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Returns the metrics of this process, with what any process tells in them; `served` serves them
 * until `signal` aborts, and never rejects.
 * @throws Error when the settings would show metrics to the network without TLS
 */
export function openMetrics(
  options: MetricsEndpointOptions,
  signal: AbortSignal,
): { readonly metrics: Metrics; readonly served: Promise<void> } {
  const { settings, transports, watches, clock, log } = options;
  const metrics = new Metrics();
  describeProcess(metrics, clock, signal);
  describeClient(metrics, transports, watches);
  const asked = transports.at(-1) ?? transports[0];
  const { port, host, metricsCertDir: directory } = settings;
  const tls =
    directory === undefined ? undefined : { directory, judge: scrapeJudge(asked, clock, log) };
  const served = serveMetrics(
    { port, host, tls, pieces: () => metrics.pieces(), clock, log },
    signal,
  );
  return { metrics, served };
}
