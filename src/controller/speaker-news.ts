import type { SpeakerReport } from "../core/model/l2-speaker.ts";
import { differs } from "./differs.ts";

type Report = SpeakerReport | undefined;

/** True if a speaker reports other interfaces or gateways than before. */
export function concernsNetworks(before: Report, after: Report): boolean {
  return differs(
    [before?.interfaces, before?.defaultGateways],
    [after?.interfaces, after?.defaultGateways],
  );
}

/**
 * True if who announces what may have to change between these two reports of a speaker. Most reports
 * only say what is in force by now, each second from each node, and need no look at all bundles.
 * As long as a speaker ignores bundles, every report of it concerns us: these have to be written again.
 */
export function concernsPlacement(before: Report, after: Report): boolean {
  const isIgnoring = (after?.ignoredBundles.length ?? 0) > 0;
  return isIgnoring || concernsNetworks(before, after) || differs(said(before), said(after));
}

function said(report: Report): readonly unknown[] {
  return [report?.dataplane?.state, report?.highestTerm, report?.ignoredBundles];
}
