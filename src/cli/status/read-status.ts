import type { L2Advertisement } from "../../core/model/l2-advertisement.ts";
import { formatIpBlock } from "../../core/net/ip-range.ts";
import { describeStanding, nodeStandings } from "../../core/placement/node-standings.ts";
import { decodeAddressPolicy } from "../../kube/decode/address-policy.ts";
import {
  decodeIpAddressPool,
  type IpAddressPoolObject,
} from "../../kube/decode/ip-address-pool.ts";
import { decodeL2Advertisement } from "../../kube/decode/l2-advertisement.ts";
import { decodeL2Bundle } from "../../kube/decode/l2-bundle.ts";
import * as resources from "../../kube/resources.ts";
import type { ClusterReading } from "../inspect/cluster-reading.ts";
import { type InspectSettings, type NodeView, readNodes } from "../inspect/cluster-view.ts";
import { conflictsHeard, conflictsOf } from "../inspect/conflict.ts";
import type { ClusterStatus, NodeStatus, PoolStatus } from "./cluster-status.ts";

/** Whatever a node may announce, judged without any Service. */
const everything: L2Advertisement = {
  name: "",
  ...{ pools: [], poolSelectors: [], nodeSelectors: [], serviceSelectors: [] },
  ...{ interfaces: [], preferredNodes: [] },
};

/** Reads what there is to tell of the cluster. */
export async function readStatus(
  reading: ClusterReading,
  settings: InspectSettings,
  serverTime: () => Date,
): Promise<ClusterStatus> {
  const namespace = settings.configNamespace;
  const [view, pools, advertisements, policies, bundles] = await Promise.all([
    readNodes(reading, settings, serverTime),
    reading.list(resources.ipAddressPools, decodeIpAddressPool, { namespace }),
    reading.list(resources.l2Advertisements, decodeL2Advertisement, { namespace }),
    reading.list(resources.addressPolicies, decodeAddressPolicy),
    reading.list(resources.l2Bundles, decodeL2Bundle),
  ]);
  const owners = (bundles ?? []).map(({ bundle }) => bundle.owner.node);
  return {
    kind: "ClusterStatus",
    version: 1,
    ...(view.controller === undefined ? {} : { controller: view.controller }),
    ...(pools === undefined ? {} : { pools: sorted(pools).map(poolStatus) }),
    ...(view.nodes === undefined ? {} : { nodes: nodeStatuses(view.nodes, owners) }),
    conflicts: [
      ...sorted(pools ?? []).flatMap(({ name, written }) =>
        conflictsOf("IPAddressPool", name, written.conditions),
      ),
      ...sorted(advertisements ?? []).flatMap(({ name, conditions }) =>
        conflictsOf("L2Advertisement", name, conditions),
      ),
      ...sorted(policies ?? []).flatMap(({ name, written }) =>
        conflictsOf("AddressPolicy", name, written.conditions),
      ),
      ...conflictsHeard(view.nodes ?? []),
    ],
    unread: reading.unread,
  };
}

function sorted<T extends { readonly name: string }>(objects: readonly T[]): readonly T[] {
  return [...objects].sort((a, b) => (a.name < b.name ? -1 : 1));
}

function poolStatus({ name, pool, written }: IpAddressPoolObject): PoolStatus {
  const {
    assignedIPv4 = 0,
    availableIPv4 = 0,
    assignedIPv6 = 0,
    availableIPv6 = 0,
  } = written.counts;
  const ranges = (pool?.ranges ?? []).map(formatIpBlock);
  return { name, ranges, assignedIPv4, availableIPv4, assignedIPv6, availableIPv6 };
}

function nodeStatuses(
  nodes: readonly NodeView[],
  owners: readonly string[],
): readonly NodeStatus[] {
  const facts = { advertisements: [everything], nodes, owner: undefined, standbys: [] };
  const standings = new Map(nodeStandings(facts).map((standing) => [standing.node, standing]));
  return nodes.map(({ node: { name }, report, announced, alive }): NodeStatus => {
    const { reason } = standings.get(name) ?? {};
    const speaker = report === undefined ? "missing" : alive ? "alive" : "silent";
    return {
      node: name,
      speaker,
      ...(speaker === "alive" && announced !== undefined ? { announced } : {}),
      bundles: owners.filter((owner) => owner === name).length,
      ...(reason === undefined || reason === "NodeNotChosen"
        ? {}
        : { reason, message: describeStanding(reason) }),
      failures: speaker === "alive" ? (report?.failures ?? []) : [],
    };
  });
}
