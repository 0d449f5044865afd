import { enumerated } from "../../core/model/enumerated.ts";
import { describeConflict } from "../inspect/conflict.ts";
import { describeUnread } from "../inspect/rights.ts";
import { describeLeader } from "../print/leader.ts";
import { table } from "../print/table.ts";
import { paragraphs, wrapped } from "../print/wrapped.ts";
import type { ClusterStatus, NodeStatus, PoolStatus } from "./cluster-status.ts";

/** More failures of one node than this are counted. */
const failuresMax = 3;

/** The status for people, in lines no wider than `width` where words allow it. `now` is the server's. */
export function formatStatus(status: ClusterStatus, now: Date, width: number): string {
  const { controller, pools, nodes, unread } = status;
  return paragraphs([
    controller === undefined ? [] : wrapped("", describeLeader(controller, now), width),
    pools?.length === 0
      ? ["There is no IPAddressPool: nothing is given out"]
      : tableOf(["POOL", "IN USE", "FREE", "ADDRESSES"], pools?.map(poolRow), width),
    tableOf(["NODE", "SPEAKER", "ANNOUNCES", "BUNDLES", "TROUBLE"], nodes?.map(nodeRow), width),
    conflictsOf(status, width),
    describeUnread(unread).flatMap((line) => wrapped("! ", line, width)),
  ]);
}

/** Who may not read everything is not told that there are none. */
function conflictsOf({ conflicts, unread }: ClusterStatus, width: number): readonly string[] {
  if (conflicts.length === 0) {
    return unread.length === 0 ? ["No conflicts"] : [];
  }
  const lines = conflicts.flatMap((conflict) => wrapped("  ", describeConflict(conflict), width));
  return ["Conflicts", ...lines];
}

function tableOf(
  header: readonly string[],
  rows: readonly (readonly string[])[] | undefined,
  width: number,
): readonly string[] {
  return rows === undefined || rows.length === 0 ? [] : table(header, rows, width);
}

function poolRow(pool: PoolStatus): readonly string[] {
  const { name, ranges, assignedIPv4, availableIPv4, assignedIPv6, availableIPv6 } = pool;
  const counts = [assignedIPv4 + assignedIPv6, availableIPv4 + availableIPv6].map(countOf);
  return [name, ...counts, ranges.length === 0 ? "cannot be read" : enumerated(ranges)];
}

/** From 2^53 - 1 on a count says that there are at least as many. */
function countOf(count: number): string {
  return count >= Number.MAX_SAFE_INTEGER ? "9e15+" : String(count);
}

function nodeRow(status: NodeStatus): readonly string[] {
  const { node, speaker, announced, bundles, reason, message, failures } = status;
  const troubles = [
    ...(reason === undefined ? [] : [`${reason}: ${message}`]),
    ...failures.map((failure) => `${failure.address} ${failure.reason}: ${failure.message}`),
  ];
  const trouble = troubles.length === 0 ? "none" : enumerated(troubles, "; ", failuresMax);
  return [
    node,
    speaker,
    announced === undefined ? "-" : String(announced),
    String(bundles),
    trouble,
  ];
}
