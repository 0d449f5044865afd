import type { IpPrefix } from "./ip-prefix.ts";
import type { MacAddress } from "./mac-address.ts";

/** What netlink tells of one interface of this node. */
export interface NetworkInterface {
  readonly name: string;
  readonly index: number;
  /** Absent where the interface has no 48-bit hardware address (tunnels). */
  readonly mac: MacAddress | undefined;
  readonly up: boolean;
  readonly carrier: boolean;
  readonly loopback: boolean;
  readonly noArp: boolean;
  /** Index of the bridge, bond or VRF that this interface belongs to. */
  readonly master: number | undefined;
  /** Index of the interface of whose segment this one is a further member, as a macvlan of its parent's. */
  readonly lower: number | undefined;
  /** What made it, in the kernel's words (`veth`, `bridge`, `macvlan`); absent for hardware. */
  readonly kind: string | undefined;
  /**
   * Grows whenever neighbours and switches must be told anew where its addresses are: it got its carrier
   * back, however shortly it was gone, or the kernel says so (a bond failed over, a virtual machine moved).
   */
  readonly renewals: number;
  /** The pattern by which the admin keeps it from announcing. */
  readonly excludedBy: string | undefined;
  readonly prefixes: readonly IpPrefix[];
}

/**
 * True if the addresses on the interface are the node's own for its neighbours.
 * kube-proxy in IPVS mode puts every Service address on one that is down.
 */
export function holdsNodeAddresses(nic: NetworkInterface): boolean {
  return nic.up && !nic.noArp;
}

/**
 * Whether addresses can be announced on an interface, or what keeps them from it. `Port`: its
 * bridge, bond or VRF is where they are announced. `NoArp`: neighbours cannot ask for a hardware
 * address there. `Refused`: the kernel does not let us.
 */
export const interfaceStates = [
  "Usable",
  "Down",
  "NoCarrier",
  "Refused",
  "Port",
  "Excluded",
  "NoArp",
] as const;

export type InterfaceState = (typeof interfaceStates)[number];

/** Returns what can be said of an interface as it is; never `Refused`, which shows only when tried. */
export function interfaceState(nic: NetworkInterface): InterfaceState {
  if (nic.loopback || nic.noArp || nic.mac === undefined) {
    return "NoArp";
  }
  if (nic.excludedBy !== undefined) {
    return "Excluded";
  }
  if (nic.master !== undefined) {
    return "Port";
  }
  return nic.up ? (nic.carrier ? "Usable" : "NoCarrier") : "Down";
}

/** True if ARP can be answered here: up, with carrier, a hardware address, nobody's port, not excluded. */
export function canAnnounceOn(nic: NetworkInterface): boolean {
  return interfaceState(nic) === "Usable";
}
