import { includesNode, type L2Advertisement, preferenceFor } from "../model/l2-advertisement.ts";
import type { BundleNode } from "../model/l2-bundle.ts";
import type { SpeakerReport } from "../model/l2-speaker.ts";
import type { Node } from "../model/node.ts";
import type { NodeObstacle, NodeReserve } from "../model/reason.ts";
import type { IpRange } from "../net/ip-range.ts";
import { losesSubnet } from "./lost-subnet.ts";

/** A node as placement sees it. */
export interface PlacementNode {
  readonly node: Node;
  /** What its speaker reported last; `undefined`: never. */
  readonly report: SpeakerReport | undefined;
  /** False if its speaker is judged dead, or was never seen. */
  readonly alive: boolean;
  /** It asks not to attract traffic from outside, and is heard. */
  readonly excluded: boolean;
  /** It was gone and came back a moment ago. */
  readonly returned: boolean;
}

/** A node that may announce. */
export interface Candidate extends BundleNode {
  /** How much the advertisements would like it to. */
  readonly preference: number;
  /** Why it gets nothing that another could have; `undefined`: it is as good as any. */
  readonly reserve: NodeReserve | undefined;
}

/** A node that is selected and does not announce, and why. */
export interface HinderedNode {
  readonly node: string;
  readonly reason: NodeObstacle;
}

/**
 * Returns the nodes that may announce addresses covered by `advertisements`
 * together, by name, each with the interfaces that the advertisements name there.
 *
 * A node counts if its speaker is alive and has reported, an advertisement
 * selects it, it is neither excluded from external load balancers nor without
 * network nor out of service, and one of the interfaces in question can announce.
 * Where the addresses are for Pods on the announcing node alone, `hosts` are the
 * nodes with such Pods, and no other counts. Nodes that drain, shut down, are about to
 * be deleted, whose kube-proxy is late, or that have lost the link to the subnet of
 * some of the addresses, which are from `ranges`, count only if there are no others:
 * better there than nowhere.
 */
export function eligibleNodes(
  advertisements: readonly L2Advertisement[],
  nodes: Iterable<PlacementNode>,
  hosts?: ReadonlySet<string>,
  ranges: readonly IpRange[] = [],
): readonly Candidate[] {
  const all = [...nodes];
  const able = selectedNodes(advertisements, all)
    .filter((selected) => obstacleOf(selected, hosts) === undefined)
    .sort((a, b) => (a.candidate.node.name < b.candidate.node.name ? -1 : 1));
  return preferStaying(able, hasDataplane(all), ranges);
}

/** Returns the selected nodes that are not among the {@link eligibleNodes}, by name, with the reason. */
export function hinderedNodes(
  advertisements: readonly L2Advertisement[],
  nodes: Iterable<PlacementNode>,
  hosts?: ReadonlySet<string>,
  ranges: readonly IpRange[] = [],
): readonly HinderedNode[] {
  const all = [...nodes];
  const eligible = new Set(
    eligibleNodes(advertisements, all, hosts, ranges).map(({ node }) => node),
  );
  return selectedNodes(advertisements, all)
    .filter(({ candidate }) => !eligible.has(candidate.node.name))
    .flatMap((selected) => {
      const { candidate } = selected;
      const reason = obstacleOf(selected, hosts) ?? departureOf(selected, ranges);
      return reason === undefined ? [] : [{ node: candidate.node.name, reason }];
    })
    .sort((a, b) => (a.node < b.node ? -1 : 1));
}

/**
 * Returns the interfaces for want of which no selected node can announce, although
 * one could otherwise; empty when the reason is another one, or there is none.
 */
export function missingInterfaces(
  advertisements: readonly L2Advertisement[],
  nodes: Iterable<PlacementNode>,
): readonly string[] {
  const all = [...nodes];
  if (eligibleNodes(advertisements, all).length > 0) {
    return [];
  }
  const wanting = selectedNodes(advertisements, all)
    .filter(({ candidate }) => inability(candidate, []) === undefined)
    .flatMap(({ interfaces }) => interfaces);
  return [...new Set(wanting)].sort();
}

/** Returns those of `candidates`, named with their interfaces before, that still can announce. */
export function stillEligible(
  candidates: readonly BundleNode[],
  nodes: Iterable<PlacementNode>,
): readonly Candidate[] {
  const all = [...nodes];
  const known = new Map(all.map((node) => [node.node.name, node]));
  const able = candidates.flatMap(({ node, interfaces }) => {
    const candidate = known.get(node);
    return candidate !== undefined && inability(candidate, interfaces) === undefined
      ? [{ candidate, interfaces, preference: 0 }]
      : [];
  });
  return preferStaying(able, hasDataplane(all));
}

/** A node with the interfaces that it may announce on; none named: any. */
interface SelectedNode {
  readonly candidate: PlacementNode;
  readonly interfaces: readonly string[];
  readonly preference: number;
}

function selectedNodes(
  advertisements: readonly L2Advertisement[],
  nodes: Iterable<PlacementNode>,
): readonly SelectedNode[] {
  return [...nodes].flatMap((candidate) => {
    const { labels } = candidate.node;
    const interfaces = allowedInterfaces(advertisements, candidate.node);
    const preference = advertisements.reduce((sum, one) => sum + preferenceFor(one, labels), 0);
    return interfaces === undefined ? [] : [{ candidate, interfaces, preference }];
  });
}

function preferStaying(
  able: readonly SelectedNode[],
  dataplaneExpected: boolean,
  ranges: readonly IpRange[] = [],
): readonly Candidate[] {
  const staying = able.filter((selected) => departureOf(selected, ranges) === undefined);
  const canServe = staying.some(
    ({ candidate }) => reserveOf(candidate, dataplaneExpected) !== "NodeWithoutDataplane",
  );
  return (canServe ? staying : able).map(({ candidate, interfaces, preference }) => ({
    node: candidate.node.name,
    interfaces,
    preference,
    reserve: reserveOf(candidate, dataplaneExpected),
  }));
}

/** Why others should announce in its place, though it can. */
function departureOf(
  { candidate, interfaces }: SelectedNode,
  ranges: readonly IpRange[],
): NodeObstacle | undefined {
  const { node, report } = candidate;
  if (node.departure !== undefined) {
    return node.departure;
  }
  switch (report?.dataplane?.state) {
    case "Unhealthy":
      return "DataplaneUnhealthy";
    case "NodeLeaving":
      return "NodeLeaving";
    default: {
      const isFree = interfaces.length === 0;
      const losing = isFree && losesSubnet(report?.interfaces ?? [], ranges);
      return losing ? "NoUsableInterface" : undefined;
    }
  }
}

function reserveOf(
  { node, report, returned }: PlacementNode,
  dataplaneExpected: boolean,
): NodeReserve | undefined {
  if (!node.ready) {
    return "NodeNotReady";
  }
  if (dataplaneExpected && report?.dataplane?.state === "Absent") {
    return "NodeWithoutDataplane";
  }
  return returned ? "NodeReturned" : undefined;
}

/** True if the cluster has what answers for kube-proxy on any node: then a node without is one that boots. */
function hasDataplane(nodes: readonly PlacementNode[]): boolean {
  return nodes.some(({ report }) => {
    const state = report?.dataplane?.state;
    return state === "Healthy" || state === "Unhealthy" || state === "NodeLeaving";
  });
}

/** The union of the interfaces named for a node; empty: any; `undefined`: the node is not selected. */
function allowedInterfaces(
  advertisements: readonly L2Advertisement[],
  node: Node,
): readonly string[] | undefined {
  const selecting = advertisements.filter((advertisement) =>
    includesNode(advertisement, node.labels),
  );
  if (selecting.length === 0) {
    return undefined;
  }
  return selecting.some(({ interfaces }) => interfaces.length === 0)
    ? []
    : [...new Set(selecting.flatMap(({ interfaces }) => interfaces))].sort();
}

function obstacleOf(
  { candidate, interfaces }: SelectedNode,
  hosts: ReadonlySet<string> | undefined,
): NodeObstacle | undefined {
  const isHost = hosts?.has(candidate.node.name) ?? true;
  return inability(candidate, interfaces) ?? (isHost ? undefined : "NodeWithoutEndpoint");
}

/** Why the node cannot announce; `undefined`: it can, though it may be about to leave. */
function inability(
  { node, report, alive, excluded }: PlacementNode,
  interfaces: readonly string[],
): NodeObstacle | undefined {
  if (node.departure === "NodeOutOfService") {
    return "NodeOutOfService";
  }
  if (!alive || report === undefined) {
    return "SpeakerSilent";
  }
  if (node.networkUnavailable) {
    return "NodeNetworkUnavailable";
  }
  if (excluded) {
    return "NodeExcluded";
  }
  const fits = (name: string): boolean => interfaces.length === 0 || interfaces.includes(name);
  if (report.interfaces.some((nic) => nic.usable && fits(nic.name))) {
    return undefined;
  }
  return interfaces.length === 0 ? "NoUsableInterface" : "InterfaceMissing";
}
