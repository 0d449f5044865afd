import { isExcluded } from "../core/model/node.ts";
import type { PlacementNode } from "../core/placement/eligibility.ts";
import { nextRelease, noReturns, noteReturns } from "../core/placement/hold-down.ts";
import type { Clock } from "../runtime/clock.ts";
import type { ClusterStores } from "./cluster-stores.ts";
import type { SpeakerReports } from "./speaker-reports.ts";

export interface PlacementNodesOptions {
  readonly stores: Pick<ClusterStores, "nodes">;
  readonly reports: SpeakerReports;
  readonly isAlive: (node: string) => boolean;
  /** The label that excludes a node is not heard: MetalLB's `--ignore-exclude-lb`. */
  readonly ignoreExcludeLabel: boolean;
  readonly clock: Clock;
}

/** The nodes as placement sees them, and which of them came back a moment ago. */
export class PlacementNodes {
  readonly #options: PlacementNodesOptions;
  #returns = noReturns;

  constructor(options: PlacementNodesOptions) {
    this.#options = options;
  }

  /** All nodes, in no order. */
  list(): readonly PlacementNode[] {
    this.#look();
    return this.#picture();
  }

  /** In how many ms the first node that came back counts as any other; `undefined`: none waits. */
  get nextReleaseMs(): number | undefined {
    const at = nextRelease(this.#returns);
    return at === undefined ? undefined : Math.max(1, at - this.#options.clock.now());
  }

  #look(): void {
    const presence = this.#picture().map(({ node, report, alive }) => ({
      node: node.name,
      known: report !== undefined,
      able:
        alive &&
        node.ready &&
        !node.networkUnavailable &&
        report?.interfaces.some(({ usable }) => usable) === true,
    }));
    this.#returns = noteReturns(this.#returns, presence, this.#options.clock.now());
  }

  #picture(): readonly PlacementNode[] {
    const { stores, reports, isAlive, ignoreExcludeLabel } = this.#options;
    return [...stores.nodes.values()].map(({ node }) => ({
      node,
      report: reports.get(node.name),
      alive: isAlive(node.name),
      excluded: isExcluded(node) && !ignoreExcludeLabel,
      returned: this.#returns.returnedAt.has(node.name),
    }));
  }
}
