import { includesNode, type L2Advertisement } from "../model/l2-advertisement.ts";
import type { BundleNode } from "../model/l2-bundle.ts";
import type { SpeakerReport } from "../model/l2-speaker.ts";
import { isExcluded, type Node } from "../model/node.ts";

/** A node as placement sees it. */
export interface PlacementNode {
  readonly node: Node;
  /** What its speaker reported last; `undefined`: never. */
  readonly report: SpeakerReport | undefined;
  /** False if its speaker is judged dead, or was never seen. */
  readonly alive: boolean;
}

/**
 * Returns the nodes that may announce addresses covered by `advertisements`
 * together, each with the interfaces that the advertisements name there.
 *
 * A node counts if its speaker is alive and has reported, an advertisement
 * selects it, it is neither excluded from external load balancers nor without
 * network, and one of the interfaces in question can announce.
 */
export function eligibleNodes(
  advertisements: readonly L2Advertisement[],
  nodes: Iterable<PlacementNode>,
): readonly BundleNode[] {
  const eligible: BundleNode[] = [];
  for (const candidate of nodes) {
    const interfaces = allowedInterfaces(advertisements, candidate.node);
    if (interfaces !== undefined && canAnnounce(candidate, interfaces)) {
      eligible.push({ node: candidate.node.name, interfaces });
    }
  }
  return eligible.sort((a, b) => (a.node < b.node ? -1 : 1));
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
  const wanting = all
    .filter((candidate) => canAnnounce(candidate, []))
    .flatMap((candidate) => allowedInterfaces(advertisements, candidate.node) ?? []);
  return [...new Set(wanting)].sort();
}

/** Returns those of `candidates`, named with their interfaces before, that still can announce. */
export function stillEligible(
  candidates: readonly BundleNode[],
  nodes: Iterable<PlacementNode>,
): readonly BundleNode[] {
  const known = new Map([...nodes].map((node) => [node.node.name, node]));
  return candidates.filter(({ node, interfaces }) => {
    const candidate = known.get(node);
    return candidate !== undefined && canAnnounce(candidate, interfaces);
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

function canAnnounce(
  { node, report, alive }: PlacementNode,
  interfaces: readonly string[],
): boolean {
  const nics = report?.interfaces ?? [];
  const fits = (name: string): boolean => interfaces.length === 0 || interfaces.includes(name);
  return (
    alive &&
    !node.networkUnavailable &&
    !isExcluded(node) &&
    nics.some((nic) => nic.usable && fits(nic.name))
  );
}
