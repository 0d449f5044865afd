import type { Conflict } from "../inspect/conflict.ts";
import type { LeaderSign } from "../inspect/lease-signs.ts";

/**
 * What `steelyard status` tells, and with `--output json` prints: docs/commands.md describes it for
 * programs. Fields are added, never renamed or removed, within a version.
 */
export interface ClusterStatus {
  readonly kind: "ClusterStatus";
  readonly version: 1;
  /** Missing: Leases may not be read. */
  readonly controller?: LeaderSign;
  /** By name. Missing: they may not be read. */
  readonly pools?: readonly PoolStatus[];
  /** By name. Missing: they may not be read. */
  readonly nodes?: readonly NodeStatus[];
  readonly conflicts: readonly Conflict[];
  /** What the user may not, such as `list nodes`; empty: all was read. */
  readonly unread: readonly string[];
}

/** One IPAddressPool, as its status says. */
export interface PoolStatus {
  readonly name: string;
  readonly ranges: readonly string[];
  readonly assignedIPv4: number;
  readonly availableIPv4: number;
  readonly assignedIPv6: number;
  readonly availableIPv6: number;
}

/** One Node and its speaker. */
export interface NodeStatus {
  readonly node: string;
  /** `alive`; `silent`: it has reported once, and is not heard of; `missing`: it never has. */
  readonly speaker: "alive" | "silent" | "missing";
  /** How many addresses it answers, by its own report; missing unless it is alive. */
  readonly announced?: number;
  /** How many L2Bundles are its own. */
  readonly bundles: number;
  /** What keeps it from announcing anything, or anything new. */
  readonly reason?: string;
  readonly message?: string;
  /** Addresses that are its own and that it does not announce, at most 100. */
  readonly failures: readonly {
    readonly address: string;
    readonly reason: string;
    readonly message: string;
  }[];
}
