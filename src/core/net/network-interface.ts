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

/**
 * True if the addresses on the interface are the node's own for its neighbours.
 * kube-proxy in IPVS mode puts every Service address on one that is down.
 */
export function holdsNodeAddresses(nic: NetworkInterface): boolean {
  return nic.up && !nic.noArp;
}

/**
 * Names of interfaces that container networks and virtual machines make on a
 * node; MetalLB's list. Nobody on the LAN is behind them.
 */
const nodeInternal =
  /^(docker|cbr|dummy|virbr|lxcbr|veth|cali|tunl|flannel|kube-ipvs|cni|nodelocaldns|lxc)/;

/**
 * True if ARP can be answered here: up, with carrier, a hardware address, nobody's
 * port, and not one of the node's internal interfaces.
 */
export function canAnnounceOn(nic: NetworkInterface): boolean {
  return (
    !nodeInternal.test(nic.name) &&
    nic.up &&
    nic.carrier &&
    !nic.loopback &&
    !nic.noArp &&
    nic.mac !== undefined &&
    nic.master === undefined
  );
}
