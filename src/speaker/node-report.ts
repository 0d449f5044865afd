import type { AnnouncerState } from "../core/layer2/announcer.ts";
import {
  type Dataplane,
  reportedFailuresMax,
  reportedIgnoredMax,
  type SpeakerReport,
} from "../core/model/l2-speaker.ts";
import { isNeverAssignable } from "../core/net/ip-address.ts";
import type { IpPrefix } from "../core/net/ip-prefix.ts";
import {
  holdsNodeAddresses,
  interfaceState,
  type NetworkInterface,
} from "../core/net/network-interface.ts";

/** Limits of the API object: a report that is too large would be refused as a whole. */
const prefixesMax = 256;
const messageMax = 1_024;

/** The versions of objects that are in force on this node. */
export interface AppliedVersions {
  readonly allocations: string;
  readonly bundles: string;
}

/** What was seen of bundles, at any time. */
export interface KnownBundles {
  readonly highestTerm: number;
  /** Names of those of which a later version than the present one is known. */
  readonly ignoredBundles: ReadonlySet<string>;
}

/** Returns `L2Speaker.status` as this node sees itself. */
export function nodeReport(
  state: AnnouncerState,
  known: KnownBundles,
  applied: AppliedVersions,
  dataplane: Dataplane | undefined,
  seen: Pick<SpeakerReport, "conflicts" | "clear"> = {},
): object {
  const { highestTerm, ignoredBundles } = known;
  return {
    interfaces: state.interfaces
      .filter(isWorthReporting)
      .map((nic) => reportInterface(nic, state.brokenInterfaces.has(nic.name)))
      .sort((a, b) => (a.name < b.name ? -1 : 1)),
    defaultGateways: state.defaultGateways,
    ...(dataplane === undefined
      ? {}
      : { dataplane: { ...dataplane, message: dataplane.message.slice(0, messageMax) } }),
    highestTerm,
    ignoredBundles: [...ignoredBundles].sort().slice(0, reportedIgnoredMax),
    announced: state.answering.size,
    applied,
    failures: [...state.failures.values()]
      .slice(0, reportedFailuresMax)
      .map((failure) => ({ ...failure, message: failure.message.slice(0, messageMax) })),
    // A merge patch takes out what is null.
    conflicts: seen.conflicts ?? null,
    clear: seen.clear ?? null,
  };
}

/**
 * Interfaces of Pods come and go; what neighbours cannot reach is left out. An interface that is down
 * stays in, if it has addresses: those of its subnet are announced nowhere else.
 */
function isWorthReporting(nic: NetworkInterface): boolean {
  const state = interfaceState(nic);
  const hasAddress = nic.prefixes.some(({ address }) => !isNeverAssignable(address));
  const reachable = hasAddress && holdsNodeAddresses(nic) && nic.mac !== undefined;
  const waits = state === "NoCarrier" || (state === "Down" && hasAddress);
  return !nic.loopback && (reachable || state === "Usable" || waits);
}

function reportInterface(nic: NetworkInterface, broken: boolean): { readonly name: string } {
  const asItIs = interfaceState(nic);
  const state = asItIs === "Usable" && broken ? "Refused" : asItIs;
  return {
    name: nic.name,
    ...(nic.mac === undefined ? {} : { mac: nic.mac }),
    carrier: nic.carrier,
    usable: state === "Usable",
    state,
    prefixes: nic.prefixes.slice(0, prefixesMax).map(formatPrefix),
  } as { readonly name: string };
}

function formatPrefix({ address, length }: IpPrefix): string {
  return `${address}/${length}`;
}
