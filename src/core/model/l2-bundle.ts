import type { Reason } from "./reason.ts";

/** A node that announces, or would next, and on which interfaces the advertisements let it. */
export interface BundleNode {
  readonly node: string;
  /** Names given by advertisements; empty: the speaker chooses. */
  readonly interfaces: readonly string[];
}

/** Addresses that are announced by one node and move together. */
export interface L2Bundle {
  readonly name: string;
  /** Names of the advertisements that its addresses match, sorted. */
  readonly advertisements: readonly string[];
  /** Only these may announce: its addresses are served by Pods there, and nowhere else. Absent: any may. */
  readonly hosts?: readonly string[];
  readonly owner: BundleNode;
  /** Who takes over, in this order. */
  readonly standbys: readonly BundleNode[];
  readonly version: BundleVersion;
  /** How it came to its owner; absent: the owner has been the same since the bundle was made. */
  readonly moved?: BundleMove;
}

/**
 * That a bundle went from one node to another. For people and Events; who loses it so tells a
 * planned move, at which it answers on for a moment, from its own death.
 */
export interface BundleMove {
  /** Who had it before. */
  readonly from: string;
  /** Why that one lost it. */
  readonly reason: Reason;
  /** When, by the clock of the leader: RFC 3339. */
  readonly at: string;
}

/** Orders decisions over a bundle across controllers: a pair that never decreases. */
export interface BundleVersion {
  /** One more for every leader. */
  readonly term: number;
  /** One more for every change inside a term. */
  readonly sequence: number;
}

/** Negative if `a` was decided before `b`. */
export function compareBundleVersions(a: BundleVersion, b: BundleVersion): number {
  return a.term - b.term || a.sequence - b.sequence;
}
