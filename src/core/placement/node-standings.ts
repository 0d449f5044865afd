import type { L2Advertisement } from "../model/l2-advertisement.ts";
import type { NodeObstacle, NodeReserve } from "../model/reason.ts";
import type { IpRange } from "../net/ip-range.ts";
import { type Candidate, eligibleNodes, hinderedNodes, type PlacementNode } from "./eligibility.ts";

/**
 * What a node is to an address: it is its owner's to announce, it would be next, it could if
 * those before it could not, or it cannot.
 */
export type NodeRole = "owner" | "standby" | "able" | "unable";

/** Why a node does not announce an address. */
export type StandingReason =
  | NodeObstacle
  | NodeReserve
  | "NodeNotSelected"
  | "NodePreferred"
  | "NodeNotChosen";

/** How one node stands to an address. */
export interface NodeStanding {
  readonly node: string;
  readonly role: NodeRole;
  /** `undefined`: it is the owner, and can announce. Of an owner that cannot: why not. */
  readonly reason: StandingReason | undefined;
}

/** What standings follow from: the same facts on which placement decides. */
export interface StandingFacts {
  /** Those that cover the address. */
  readonly advertisements: readonly L2Advertisement[];
  /** All nodes. */
  readonly nodes: Iterable<PlacementNode>;
  /** As in {@link eligibleNodes}. */
  readonly hosts?: ReadonlySet<string> | undefined;
  /** As in {@link eligibleNodes}. */
  readonly ranges?: readonly IpRange[];
  /** Who has the address; `undefined`: nobody. */
  readonly owner: string | undefined;
  /** Who would take over, in this order, as its bundle says. */
  readonly standbys: readonly string[];
}

/**
 * Returns how every node stands to an address: the owner first, then who would be next in
 * order, who could, and who cannot, each by name. Whether a node can is what placement
 * finds: nothing is judged here a second time.
 */
export function nodeStandings(facts: StandingFacts): readonly NodeStanding[] {
  const { advertisements, hosts, ranges, owner, standbys } = facts;
  const nodes = [...facts.nodes];
  const candidates = new Map(
    eligibleNodes(advertisements, nodes, hosts, ranges).map((candidate) => [
      candidate.node,
      candidate,
    ]),
  );
  const obstacles = new Map(
    hinderedNodes(advertisements, nodes, hosts, ranges).map(({ node, reason }) => [node, reason]),
  );
  const present = owner === undefined ? undefined : candidates.get(owner);
  const standingOf = (node: string): NodeStanding => {
    const candidate = candidates.get(node);
    const reason =
      candidate === undefined
        ? (obstacles.get(node) ?? "NodeNotSelected")
        : whyNot(candidate, present);
    if (node === owner) {
      return { node, role: "owner", reason: candidate === undefined ? reason : undefined };
    }
    const isNext = standbys.includes(node);
    return { node, role: candidate === undefined ? "unable" : isNext ? "standby" : "able", reason };
  };
  const place = new Map(standbys.map((node, index) => [node, index]));
  return nodes
    .map(({ node }) => standingOf(node.name))
    .sort(
      (a, b) =>
        order[a.role] - order[b.role] ||
        (a.role === "standby" ? (place.get(a.node) ?? 0) - (place.get(b.node) ?? 0) : 0) ||
        (a.node < b.node ? -1 : 1),
    );
}

const order: Readonly<Record<NodeRole, number>> = { owner: 0, standby: 1, able: 2, unable: 3 };

/** Why a node that could announce does not. */
function whyNot({ reserve, preference }: Candidate, owner: Candidate | undefined): StandingReason {
  const isLess = owner !== undefined && preference < owner.preference;
  return reserve ?? (isLess ? "NodePreferred" : "NodeNotChosen");
}

const sentences: Readonly<Record<StandingReason, string>> = {
  SpeakerSilent: "its speaker does not run, has not reported, or was not heard of for 6 s",
  NodeNetworkUnavailable: "the Node has the condition NetworkUnavailable",
  NodeExcluded: "the Node is labelled node.kubernetes.io/exclude-from-external-load-balancers",
  NodeDraining: "the Node is annotated steelyard.dev/drain",
  NodeShuttingDown: "its kubelet says that the node shuts down",
  NodeOutOfService: "the Node has the taint node.kubernetes.io/out-of-service",
  DataplaneUnhealthy: "its kube-proxy says that its rules are late",
  NodeLeaving: "its kube-proxy says that the Node is about to be deleted",
  NodeWithoutDataplane:
    "its kube-proxy does not answer (yet): it gets nothing new while others can",
  NodeWithoutEndpoint: "externalTrafficPolicy is Local, and no Pod of the Service serves there",
  InterfaceMissing: "none of the interfaces that the L2Advertisements name is up there",
  NoUsableInterface: "no interface is up there that can announce",
  NodeNotSelected: "no L2Advertisement of the address selects it",
  NodeNotReady: "the Node is not Ready: it gets nothing new while others can",
  NodeReturned: "it came back a moment ago: it gets nothing new while others can",
  NodePreferred: "it could, but the L2Advertisements prefer the one that announces",
  NodeNotChosen: "it could; another one was chosen, and nothing moves without need",
};

/** Returns the reason in a sentence, for people. */
export function describeStanding(reason: StandingReason): string {
  return sentences[reason];
}
