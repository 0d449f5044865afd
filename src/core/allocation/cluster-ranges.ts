import type { L2Speaker } from "../model/l2-speaker.ts";
import type { Node } from "../model/node.ts";
import type { PoolConflictReason } from "../model/reason.ts";
import { familyOf, type IpAddress, toNumber } from "../net/ip-address.ts";
import { type IpPrefix, reservedAddresses } from "../net/ip-prefix.ts";
import type { IpRange } from "../net/ip-range.ts";
import type { DeniedRange } from "./deny-list.ts";

/** What of the cluster has addresses of its own. */
export interface ClusterNetworks {
  readonly nodes: Iterable<Node>;
  readonly speakers: Iterable<L2Speaker>;
  readonly serviceCidrs: readonly IpPrefix[];
  readonly apiServers: readonly IpAddress[];
}

/**
 * Returns every address that the cluster itself uses, with the words that say for what. A pool
 * may have network and broadcast addresses: whoever writes a whole prefix means the rest.
 */
export function clusterRanges(networks: ClusterNetworks): readonly DeniedRange[] {
  return [
    ...networks.apiServers.map((address) =>
      single(address, "an address of the Kubernetes API server", "PoolHasApiServer"),
    ),
    ...networks.serviceCidrs.map((prefix) =>
      whole(prefix, "inside the Service CIDR of this cluster", "PoolInServiceCidr"),
    ),
    ...[...networks.nodes].flatMap(nodeRanges),
    ...[...networks.speakers].flatMap(speakerRanges),
  ];
}

function nodeRanges(node: Node): readonly DeniedRange[] {
  return [
    ...node.addresses.map((address) =>
      single(address, `an address of node ${node.name}`, "PoolHasNodeAddress"),
    ),
    ...node.podCidrs.map((prefix) =>
      whole(prefix, `inside the Pod CIDR of node ${node.name}`, "PoolInPodCidr"),
    ),
  ];
}

function speakerRanges({ node, report }: L2Speaker): readonly DeniedRange[] {
  const gateways = report?.defaultGateways ?? [];
  const prefixes = report?.interfaces.flatMap((nic) => nic.prefixes) ?? [];
  return [
    ...gateways.map((address) =>
      single(address, `the default gateway of node ${node}`, "PoolHasGateway"),
    ),
    ...prefixes.flatMap((prefix) => [
      single(prefix.address, `an address of node ${node}`, "PoolHasNodeAddress"),
      ...reservedAddresses(prefix).map((address) =>
        single(address, reservedWhy(prefix, node), undefined),
      ),
    ]),
  ];
}

function reservedWhy(prefix: IpPrefix, node: string): string {
  const kind = prefix.family === 4 ? "network or broadcast" : "subnet-router anycast";
  return `the ${kind} address of ${prefix.address}/${prefix.length} on node ${node}`;
}

function single(
  address: IpAddress,
  why: string,
  conflict: PoolConflictReason | undefined,
): DeniedRange {
  const value = toNumber(address);
  return denied({ family: familyOf(address), first: value, last: value }, why, conflict);
}

function whole(
  { family, first, last }: IpPrefix,
  why: string,
  conflict: PoolConflictReason,
): DeniedRange {
  return denied({ family, first, last }, why, conflict);
}

function denied(
  range: IpRange,
  why: string,
  conflict: PoolConflictReason | undefined,
): DeniedRange {
  return { ...range, why, ...(conflict === undefined ? { isHarmless: true } : { conflict }) };
}
