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
  readonly prefixes: readonly IpPrefix[];
}

/** True if ARP can be answered here: up, with carrier, a hardware address, and nobody's port. */
export function canAnnounceOn(nic: NetworkInterface): boolean {
  return (
    nic.up &&
    nic.carrier &&
    !nic.loopback &&
    !nic.noArp &&
    nic.mac !== undefined &&
    nic.master === undefined
  );
}
