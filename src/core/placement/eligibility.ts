import { includesNode, type L2Advertisement } from "../model/l2-advertisement.ts";
import type { BundleNode } from "../model/l2-bundle.ts";
import type { SpeakerReport } from "../model/l2-speaker.ts";
import { isExcluded, type Node } from "../model/node.ts";
import type { NodeObstacle } from "../model/reason.ts";

/** A node as placement sees it. */
export interface PlacementNode {
  readonly node: Node;
  /** What its speaker reported last; `undefined`: never. */
  readonly report: SpeakerReport | undefined;
  /** False if its speaker is judged dead, or was never seen. */
  readonly alive: boolean;
}

/** A node that is selected and does not announce, and why. */
export interface HinderedNode {
  readonly node: string;
  readonly reason: NodeObstacle;
}

/**
 * Returns the nodes that may announce addresses covered by `advertisements`
 * together, each with the interfaces that the advertisements name there.
 *
 * A node counts if its speaker is alive and has reported, an advertisement
 * selects it, it is neither excluded from external load balancers nor without
 * network nor out of service, and one of the interfaces in question can announce.
 * Nodes that drain or shut down count only if there are no others: better there
 * than nowhere.
 */
export function eligibleNodes(
  advertisements: readonly L2Advertisement[],
  nodes: Iterable<PlacementNode>,
): readonly BundleNode[] {
  const able = selectedNodes(advertisements, nodes)
    .filter(({ candidate, interfaces }) => inability(candidate, interfaces) === undefined)
    .sort((a, b) => (a.candidate.node.name < b.candidate.node.name ? -1 : 1));
  return preferStaying(able);
}

/** Returns the selected nodes that are not among the {@link eligibleNodes}, by name, with the reason. */
export function hinderedNodes(
  advertisements: readonly L2Advertisement[],
  nodes: Iterable<PlacementNode>,
): readonly HinderedNode[] {
  const all = [...nodes];
  const eligible = new Set(eligibleNodes(advertisements, all).map(({ node }) => node));
  return selectedNodes(advertisements, all)
    .filter(({ candidate }) => !eligible.has(candidate.node.name))
    .flatMap(({ candidate, interfaces }) => {
      const reason = inability(candidate, interfaces) ?? candidate.node.departure;
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
): readonly BundleNode[] {
  const known = new Map([...nodes].map((node) => [node.node.name, node]));
  const able = candidates.flatMap(({ node, interfaces }) => {
    const candidate = known.get(node);
    return candidate !== undefined && inability(candidate, interfaces) === undefined
      ? [{ candidate, interfaces }]
      : [];
  });
  return preferStaying(able);
}

/** A node with the interfaces that it may announce on; none named: any. */
interface SelectedNode {
  readonly candidate: PlacementNode;
  readonly interfaces: readonly string[];
}

function selectedNodes(
  advertisements: readonly L2Advertisement[],
  nodes: Iterable<PlacementNode>,
): readonly SelectedNode[] {
  return [...nodes].flatMap((candidate) => {
    const interfaces = allowedInterfaces(advertisements, candidate.node);
    return interfaces === undefined ? [] : [{ candidate, interfaces }];
  });
}

function preferStaying(able: readonly SelectedNode[]): readonly BundleNode[] {
  const staying = able.filter(({ candidate }) => candidate.node.departure === undefined);
  return (staying.length > 0 ? staying : able).map(({ candidate, interfaces }) => ({
    node: candidate.node.name,
    interfaces,
  }));
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

/** Why the node cannot announce; `undefined`: it can, though it may be about to leave. */
function inability(
  { node, report, alive }: PlacementNode,
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
  if (isExcluded(node)) {
    return "NodeExcluded";
  }
  const fits = (name: string): boolean => interfaces.length === 0 || interfaces.includes(name);
  if (report.interfaces.some((nic) => nic.usable && fits(nic.name))) {
    return undefined;
  }
  return interfaces.length === 0 ? "NoUsableInterface" : "InterfaceMissing";
}
