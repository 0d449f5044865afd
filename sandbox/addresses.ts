/**
 * The address plan: who lives where on the LAN and on the management network.
 *
 * The LAN is what Steelyard announces on. The management network joins the nodes to the API
 * server only, so that a node can lose its LAN and keep the API, and the other way round.
 */

/** The two networks of the sandbox that hold hosts. */
export const lan = { ipv4: "192.0.2.0/24", ipv6: "2001:db8:0:2::/64" } as const;
export const management = { ipv4: "198.51.100.0/24" } as const;

/** Where pods and Services get their addresses; the first of each pair is the primary family. */
export const podNetworks = ["10.244.0.0/16", "fd00:10:244::/48"] as const;
export const serviceNetworks = ["10.96.0.0/16", "fd00:10:96::/112"] as const;
/** The Service `kubernetes.default`: the first address of each Service network. */
export const kubernetesService = ["10.96.0.1", "fd00:10:96::1"] as const;

/** Where the API server listens, on the management network. */
export const apiServer = { address: "198.51.100.1", port: 6443 } as const;

/** The most nodes and clients that the plan has room for. */
export const limits = { nodes: 9, clients: 3 } as const;

/** A host on the LAN: its network namespace has the same name as the host. */
export interface Host {
  readonly name: string;
  /** The MAC address of its LAN interface, `eth0`. */
  readonly mac: string;
  readonly ipv4: string;
  readonly ipv6: string;
}

/** A host that is a Kubernetes node. */
export interface NodeHost extends Host {
  /** Counts from 1. */
  readonly index: number;
  readonly managementAddress: string;
  readonly managementMac: string;
  /** The networks of this node's pods, IPv4 first. */
  readonly podNetworks: readonly [string, string];
}

/** The default gateway of the LAN. It forwards, but leads nowhere. */
export const gateway: Host = {
  name: "gateway",
  mac: "02:00:00:00:02:01",
  ipv4: "192.0.2.254",
  ipv6: "2001:db8:0:2::254",
};

/** Node `index` (1 to {@link limits}.nodes). */
export function nodeHost(index: number): NodeHost {
  return {
    index,
    name: `node-${index}`,
    mac: `02:00:00:00:00:0${index}`,
    ipv4: `192.0.2.${240 + index}`,
    ipv6: `2001:db8:0:2::${240 + index}`,
    managementAddress: `198.51.100.${10 + index}`,
    managementMac: `02:00:00:00:03:0${index}`,
    podNetworks: [`10.244.${index}.0/24`, `fd00:10:244:${index}::/64`],
  };
}

/** Client `index` (1 to {@link limits}.clients). */
export function clientHost(index: number): Host {
  return {
    name: `client-${index}`,
    mac: `02:00:00:00:01:0${index}`,
    ipv4: `192.0.2.${250 + index}`,
    ipv6: `2001:db8:0:2::${250 + index}`,
  };
}
