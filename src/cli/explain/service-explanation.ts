import type { NodeRole } from "../../core/placement/node-standings.ts";
import type { Conflict } from "../inspect/conflict.ts";
import type { LeaderSign } from "../inspect/lease-signs.ts";

/**
 * What `steelyard explain service` tells, and with `--output json` prints: docs/commands.md
 * describes it for programs. Fields are added, never renamed or removed, within a version.
 * Times are RFC 3339; a text is missing where nothing is known.
 */
export interface ServiceExplanation {
  readonly kind: "ServiceExplanation";
  readonly version: 1;
  readonly service: ExplainedService;
  /** Missing: Leases may not be read. */
  readonly controller?: LeaderSign;
  /** Missing: EndpointSlices may not be read. */
  readonly endpoints?: ExplainedEndpoints;
  /** Those of the Service that are Steelyard's. */
  readonly conditions: readonly ExplainedCondition[];
  /** In the order of the Service's status. */
  readonly addresses: readonly ExplainedAddress[];
  /** Of a Service that waits for an address, where it could come from. Missing: it waits for none, or they may not be read. */
  readonly pools?: readonly ExplainedPool[];
  /** The latest first: Events as long as the API server keeps them, and what objects say besides. */
  readonly changes: readonly ExplainedChange[];
  /** What the user may not, such as `list nodes`; empty: all was read. */
  readonly unread: readonly string[];
}

/** The Service that is explained. */
export interface ExplainedService {
  readonly namespace: string;
  readonly name: string;
  readonly type: string;
  readonly externalTrafficPolicy?: string;
  readonly loadBalancerClass?: string;
}

/** Where the Service leads. */
export interface ExplainedEndpoints {
  /** Nodes with Pods of it that are ready, sorted. */
  readonly ready: readonly string[];
  /** Nodes with Pods of it that are not ready (any more) and still serve, sorted. */
  readonly serving: readonly string[];
  /** True if it has ready endpoints that name no node. */
  readonly elsewhere: boolean;
}

/** A condition, without the prefix of its type. */
export interface ExplainedCondition {
  readonly type: string;
  readonly status: string;
  readonly reason: string;
  readonly message: string;
  /** When its status became so. */
  readonly since: string;
}

/** One address that the Service has. */
export interface ExplainedAddress {
  readonly address: string;
  /** Whether it is announced; Unknown: a node was chosen and has not reported. */
  readonly announced: "True" | "False" | "Unknown";
  readonly reason: string;
  readonly message: string;
  readonly pool?: ExplainedPool;
  /** The AddressPolicies that hold for the pool, and what they demand; empty: none does. Missing: not known. */
  readonly policies?: readonly string[];
  readonly demands?: readonly string[];
  /** Who has the address, first come first, as `namespace/name`. */
  readonly holders: readonly string[];
  /** The L2Advertisements that cover it. Missing: not known. */
  readonly advertisements?: readonly string[];
  /** The L2Bundle that it is in. */
  readonly bundle?: string;
  readonly announcer?: ExplainedAnnouncer;
  /** What is wrong with its pool, its advertisements or its policies. */
  readonly conflicts: readonly Conflict[];
  /** Nodes that would take over, in this order. Missing: not known. */
  readonly next?: readonly string[];
  /** Every node, and why it does not announce the address. */
  readonly nodes: readonly ExplainedNode[];
}

/** A pool and how full it is, as its status says. */
export interface ExplainedPool {
  readonly name: string;
  /** False: it gives addresses only to whom asks for the pool or the address. Missing: not known. */
  readonly autoAssign?: boolean;
  /** Empty: the pool is gone, or cannot be read. Missing: it may not be read. */
  readonly ranges?: readonly string[];
  readonly assigned?: number;
  readonly available?: number;
}

/** The node that is to announce an address. */
export interface ExplainedAnnouncer {
  readonly node: string;
  /** Where it answers, as far as its report tells. */
  readonly interfaces: readonly string[];
  readonly since?: string;
  /** The node before it, and why that one lost the address. */
  readonly from?: string;
  readonly reason?: string;
}

/** How one node stands to an address. */
export interface ExplainedNode {
  readonly node: string;
  /** `owner` is to announce it, `standby` would be next, `able` could, `unable` could not. */
  readonly role: NodeRole;
  /** Missing: it announces. */
  readonly reason?: string;
  readonly message?: string;
}

/** Something that changed. */
export interface ExplainedChange {
  readonly at: string;
  /** The kind of the object that tells of it. */
  readonly source: "Event" | "IPAllocation" | "L2Bundle";
  readonly reason: string;
  readonly message: string;
  /** How often it happened. */
  readonly count: number;
}
