import type { V1Probe } from "@kubernetes/client-node";
import { systemClock } from "../../src/runtime/clock.ts";

/** Tries a probe once: `undefined` when it succeeds, else why not. Never rejects. */
export type TryProbe = (probe: V1Probe, timeoutMs: number) => Promise<string | undefined>;

/** A probe's opinion: `undefined` until it has one. */
export interface ProbeVerdict {
  readonly healthy: boolean | undefined;
  readonly successes: number;
  readonly failures: number;
}

/** Before the first result. */
export const noVerdict: ProbeVerdict = { healthy: undefined, successes: 0, failures: 0 };

/** Counts one more result against the thresholds of `probe` (defaults: 1 success, 3 failures). */
export function judge(verdict: ProbeVerdict, probe: V1Probe, succeeded: boolean): ProbeVerdict {
  const successes = succeeded ? verdict.successes + 1 : 0;
  const failures = succeeded ? 0 : verdict.failures + 1;
  if (successes >= (probe.successThreshold ?? 1)) {
    return { healthy: true, successes, failures };
  }
  if (failures >= (probe.failureThreshold ?? 3)) {
    return { healthy: false, successes, failures };
  }
  return { healthy: verdict.healthy, successes, failures };
}

const eagerPeriodMs = 100;
const eagerForMs = 15_000;

/**
 * Tries `probe` until `signal` aborts and reports each change of its verdict.
 *
 * Faster than the kubelet at the start: before the first success it tries ten
 * times a second for 15 s. A failure counts only once per period all the same.
 */
export async function watchProbe(
  probe: V1Probe,
  tryProbe: TryProbe,
  report: (healthy: boolean, reason: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const periodMs = 1000 * (probe.periodSeconds ?? 10);
  const timeoutMs = 1000 * (probe.timeoutSeconds ?? 1);
  await systemClock.sleep(1000 * (probe.initialDelaySeconds ?? 0), signal);
  const eagerUntil = systemClock.now() + eagerForMs;
  let verdict = noVerdict;
  let failureCountsAt = systemClock.now() + periodMs;
  while (!signal.aborted) {
    const reason = await tryProbe(probe, timeoutMs);
    if (signal.aborted) {
      return;
    }
    const now = systemClock.now();
    const isEager = verdict.healthy === undefined && now < eagerUntil;
    if (reason === undefined || !isEager || now >= failureCountsAt) {
      const before = verdict.healthy;
      verdict = judge(verdict, probe, reason === undefined);
      failureCountsAt = now + periodMs;
      reportChange(before, verdict.healthy, reason ?? "", report);
    }
    const isUndecided = isEager && verdict.healthy === undefined;
    await systemClock.sleep(isUndecided ? eagerPeriodMs : periodMs, signal);
  }
}

function reportChange(
  before: boolean | undefined,
  after: boolean | undefined,
  reason: string,
  report: (healthy: boolean, reason: string) => void,
): void {
  if (after !== undefined && after !== before) {
    report(after, reason);
  }
}
