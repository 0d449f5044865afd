import type { IpAddress } from "../net/ip-address.ts";
import type { IpPrefix } from "../net/ip-prefix.ts";
import type { MacAddress } from "../net/mac-address.ts";
import type { InterfaceState } from "../net/network-interface.ts";
import type { AnnounceFailure } from "./reason.ts";

/** One interface as a speaker reports it. */
export interface SpeakerInterface {
  readonly name: string;
  readonly mac: MacAddress | undefined;
  readonly carrier: boolean;
  /** True if addresses can be announced here: its state is `Usable`. */
  readonly usable: boolean;
  /** Why they can or cannot. */
  readonly state: InterfaceState;
  readonly prefixes: readonly IpPrefix[];
}

/**
 * What the node's kube-proxy, or what stands in for it, says of itself. `Unhealthy`: its rules are
 * late. `NodeLeaving`: it works, and the node is about to be deleted. `Absent`: nobody listens there,
 * because it does not run (yet), or because the cluster has none. `Unasked`: an admin said so.
 */
export const dataplaneStates = [
  "Healthy",
  "Unhealthy",
  "NodeLeaving",
  "Absent",
  "Unasked",
] as const;

export type DataplaneState = (typeof dataplaneStates)[number];

/** Whether traffic that a node attracts goes on from there, as far as is known. */
export interface Dataplane {
  readonly state: DataplaneState;
  /** For people: who was asked, and what came back. */
  readonly message: string;
}

/** A report names at most so many failures; a full list may have left some out. */
export const reportedFailuresMax = 100;

/** A report names at most so many bundles that are ignored; the rest follows when they are not. */
export const reportedIgnoredMax = 100;

/** A report names at most so many conflicts. */
export const reportedConflictsMax = 64;

/** A host that is none of this node's and has an address that it should not have. */
export interface SpeakerConflict {
  readonly address: IpAddress;
  readonly mac: MacAddress;
  /** Where it was heard. */
  readonly interface: string;
  /** The node answers for the address itself; otherwise it was to be free. */
  readonly held: boolean;
}

/** What the controller asks of a speaker. */
export interface SpeakerOrders {
  /** Addresses that are to be free: hosts that have them are looked for. */
  readonly probes: readonly IpAddress[];
  /** Addresses that are to be defended: the host with this hardware address is no speaker of ours. */
  readonly intruders: readonly Pick<SpeakerConflict, "address" | "mac">[];
}

/** What a speaker told about its node; absent until its first report. */
export interface SpeakerReport {
  readonly interfaces: readonly SpeakerInterface[];
  readonly defaultGateways: readonly IpAddress[];
  /** `undefined`: its speaker is of a version that does not ask, or says what we do not know. */
  readonly dataplane?: Dataplane | undefined;
  /** The highest {@link BundleVersion.term} that it has seen. */
  readonly highestTerm: number;
  /** Names of bundles whose version is lower than one that it knows, at most 100. */
  readonly ignoredBundles: readonly string[];
  /** The newest versions that are in force on the node; compared as integers. */
  readonly applied: { readonly allocations: bigint; readonly bundles: bigint };
  /** Addresses it should announce and does not, at most 100. */
  readonly failures: readonly SpeakerFailure[];
  /** Other hosts that have addresses of ours; none: absent. */
  readonly conflicts?: readonly SpeakerConflict[];
  /** Addresses in quarantine that nobody has any more; none: absent. */
  readonly clear?: readonly IpAddress[];
}

/** Why a speaker does not announce an address that is its own to announce. */
export interface SpeakerFailure {
  readonly address: IpAddress;
  readonly reason: AnnounceFailure;
  readonly message: string;
}

/** The speaker of one node; named after the node. */
export interface L2Speaker {
  readonly node: string;
  readonly report: SpeakerReport | undefined;
}
