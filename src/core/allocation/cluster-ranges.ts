import type { L2Speaker } from "../model/l2-speaker.ts";
import type { Node } from "../model/node.ts";
import { familyOf, type IpAddress, toNumber } from "../net/ip-address.ts";
import { type IpPrefix, reservedAddresses } from "../net/ip-prefix.ts";
import type { DeniedRange } from "./deny-list.ts";

/** What of the cluster has addresses of its own. */
export interface ClusterNetworks {
  readonly nodes: Iterable<Node>;
  readonly speakers: Iterable<L2Speaker>;
  readonly serviceCidrs: readonly IpPrefix[];
  readonly apiServers: readonly IpAddress[];
}

/** Returns every address that the cluster itself uses, with the words that say for what. */
export function clusterRanges(networks: ClusterNetworks): readonly DeniedRange[] {
  return [
    ...networks.apiServers.map((address) =>
      single(address, "an address of the Kubernetes API server"),
    ),
    ...networks.serviceCidrs.map((prefix) =>
      whole(prefix, "inside the Service CIDR of this cluster"),
    ),
    ...[...networks.nodes].flatMap(nodeRanges),
    ...[...networks.speakers].flatMap(speakerRanges),
  ];
}

function nodeRanges(node: Node): readonly DeniedRange[] {
  return [
    ...node.addresses.map((address) => single(address, `an address of node ${node.name}`)),
    ...node.podCidrs.map((prefix) => whole(prefix, `inside the Pod CIDR of node ${node.name}`)),
  ];
}

function speakerRanges({ node, report }: L2Speaker): readonly DeniedRange[] {
  const gateways = report?.defaultGateways ?? [];
  const prefixes = report?.interfaces.flatMap((nic) => nic.prefixes) ?? [];
  return [
    ...gateways.map((address) => single(address, `the default gateway of node ${node}`)),
    ...prefixes.flatMap((prefix) => [
      single(prefix.address, `an address of node ${node}`),
      ...reservedAddresses(prefix).map((address) => single(address, reservedWhy(prefix, node))),
    ]),
  ];
}

function reservedWhy(prefix: IpPrefix, node: string): string {
  const kind = prefix.family === 4 ? "network or broadcast" : "subnet-router anycast";
  return `the ${kind} address of ${prefix.address}/${prefix.length} on node ${node}`;
}

function single(address: IpAddress, why: string): DeniedRange {
  const value = toNumber(address);
  return { family: familyOf(address), first: value, last: value, why };
}

function whole({ family, first, last }: IpPrefix, why: string): DeniedRange {
  return { family, first, last, why };
}
