import type { AnnouncerState } from "../core/layer2/announcer.ts";
import type { IpPrefix } from "../core/net/ip-prefix.ts";
import { canAnnounceOn, type NetworkInterface } from "../core/net/network-interface.ts";

/** At most this many failures are reported; the API object stays small. */
const failuresMax = 100;

/** The versions of objects that are in force on this node. */
export interface AppliedVersions {
  readonly allocations: string;
  readonly bundles: string;
}

/** Returns `L2Speaker.status` as this node sees itself. */
export function nodeReport(
  state: AnnouncerState,
  highestTerm: number,
  applied: AppliedVersions,
): object {
  return {
    interfaces: state.interfaces
      .filter((nic) => !nic.loopback && nic.mac !== undefined)
      .map(reportInterface)
      .sort((a, b) => (a.name < b.name ? -1 : 1)),
    defaultGateways: state.defaultGateways,
    highestTerm,
    announced: state.answering.size,
    applied,
    failures: [...state.failures.values()].slice(0, failuresMax),
  };
}

function reportInterface(nic: NetworkInterface): { readonly name: string } {
  return {
    name: nic.name,
    ...(nic.mac === undefined ? {} : { mac: nic.mac }),
    carrier: nic.carrier,
    usable: canAnnounceOn(nic),
    prefixes: nic.prefixes.map(formatPrefix),
  } as { readonly name: string };
}

function formatPrefix({ address, length }: IpPrefix): string {
  return `${address}/${length}`;
}
