import type { SpeakerReport } from "../core/model/l2-speaker.ts";
import type { ClusterStores } from "./cluster-stores.ts";

/**
 * The last report of each node's speaker, as long as the Node exists.
 *
 * An L2Speaker that was deleted, or made anew and not yet written to, says
 * nothing about its node: what was known goes on.
 */
export class SpeakerReports {
  readonly #stores: Pick<ClusterStores, "nodes" | "speakers">;
  readonly #reports = new Map<string, SpeakerReport>();

  constructor(stores: Pick<ClusterStores, "nodes" | "speakers">) {
    this.#stores = stores;
  }

  /** Takes in every report, from now on. Call once, after both stores have synced. */
  load(): void {
    const { nodes, speakers } = this.#stores;
    const take = (node: string, report: SpeakerReport | undefined): void => {
      if (report !== undefined) {
        this.#reports.set(node, report);
      }
    };
    for (const { speaker } of speakers.values()) {
      take(speaker.node, speaker.report);
    }
    speakers.onChange(({ key, after }) => take(key, after?.speaker.report));
    nodes.onChange(({ key, after }) => {
      if (after === undefined) {
        this.#reports.delete(key);
      }
    });
  }

  /** The last report of the speaker on `node`. */
  get(node: string): SpeakerReport | undefined {
    return this.#stores.nodes.get(node) === undefined ? undefined : this.#reports.get(node);
  }
}
