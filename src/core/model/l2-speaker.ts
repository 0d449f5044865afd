import type { IpAddress } from "../net/ip-address.ts";
import type { IpPrefix } from "../net/ip-prefix.ts";
import type { MacAddress } from "../net/mac-address.ts";
import type { AnnounceFailure } from "./reason.ts";

/** One interface as a speaker reports it. */
export interface SpeakerInterface {
  readonly name: string;
  readonly mac: MacAddress | undefined;
  readonly carrier: boolean;
  /** True if addresses can be announced here. */
  readonly usable: boolean;
  readonly prefixes: readonly IpPrefix[];
}

/** A report names at most so many failures; a full list may have left some out. */
export const reportedFailuresMax = 100;

/** A report names at most so many bundles that are ignored; the rest follows when they are not. */
export const reportedIgnoredMax = 100;

/** What a speaker told about its node; absent until its first report. */
export interface SpeakerReport {
  readonly interfaces: readonly SpeakerInterface[];
  readonly defaultGateways: readonly IpAddress[];
  /** The highest {@link BundleVersion.term} that it has seen. */
  readonly highestTerm: number;
  /** Names of bundles whose version is lower than one that it knows, at most 100. */
  readonly ignoredBundles: readonly string[];
  /** The newest versions that are in force on the node; compared as integers. */
  readonly applied: { readonly allocations: bigint; readonly bundles: bigint };
  /** Addresses it should announce and does not, at most 100. */
  readonly failures: readonly SpeakerFailure[];
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
