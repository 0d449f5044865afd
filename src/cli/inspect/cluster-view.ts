import { isExcluded } from "../../core/model/node.ts";
import type { PlacementNode } from "../../core/placement/eligibility.ts";
import { numberField } from "../../kube/decode/fields.ts";
import { decodeL2Speaker } from "../../kube/decode/l2-speaker.ts";
import { decodeNode } from "../../kube/decode/node.ts";
import * as resources from "../../kube/resources.ts";
import type { ClusterReading } from "./cluster-reading.ts";
import { decodeLeaseSign, type LeaderSign, leaderOf, livingSpeakers } from "./lease-signs.ts";

/** Where things are, and whose cluster it is. */
export interface InspectSettings {
  /** Where Steelyard's own Leases are. */
  readonly systemNamespace: string;
  /** Where pools and advertisements are. */
  readonly configNamespace: string;
}

/** A node with what a command has to know of it. */
export interface NodeView extends PlacementNode {
  /** How many addresses its speaker says that it answers; undefined: it has not said. */
  readonly announced: number | undefined;
}

/** Who decides, and the nodes with their speakers. */
export interface NodesView {
  /** By name. Undefined: they may not be read. */
  readonly nodes: readonly NodeView[] | undefined;
  /** Undefined: Leases may not be read. */
  readonly controller: LeaderSign | undefined;
}

/**
 * Reads nodes, speakers and Leases. `serverTime` is asked once these have been read. As far as the
 * leader's memory decides, which nobody can read, it is left out: that a node came back a moment ago.
 */
export async function readNodes(
  reading: ClusterReading,
  { systemNamespace: namespace }: InspectSettings,
  serverTime: () => Date,
): Promise<NodesView> {
  const [nodes, speakers, leases] = await Promise.all([
    reading.list(resources.nodes, decodeNode),
    reading.list(resources.l2Speakers, (raw) => ({
      ...decodeL2Speaker(raw).speaker,
      announced: numberField(raw, "status", "announced"),
    })),
    reading.list(resources.leases, decodeLeaseSign, { namespace }),
  ]);
  const controller = leases === undefined ? undefined : leaderOf(leases, serverTime());
  if (nodes === undefined || speakers === undefined) {
    return { controller, nodes: undefined };
  }
  const known = new Map(speakers.map((speaker) => [speaker.node, speaker]));
  const living = livingSpeakers(leases ?? [], serverTime());
  return {
    controller,
    nodes: nodes
      .map(({ node }) => ({
        node,
        report: known.get(node.name)?.report,
        announced: known.get(node.name)?.announced,
        // Without the right to see Leases a speaker that has reported passes for alive.
        alive: leases === undefined || living.has(node.name),
        excluded: isExcluded(node),
        returned: false,
      }))
      .sort((a, b) => (a.node.name < b.node.name ? -1 : 1)),
  };
}
