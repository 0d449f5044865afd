import type { SpeakerReport } from "../core/model/l2-speaker.ts";
import type { ClusterStores } from "./cluster-stores.ts";

/** A speaker may have seen at most so many terms more than the bundles carry. */
const believableTerms = 1_000;

/**
 * The term under which a leader writes L2Bundles: higher than any that a bundle
 * carries or a speaker has seen.
 *
 * Where etcd was restored from an older copy, speakers know later versions of
 * bundles than the API has, and ignore those. They say so, and such a bundle has
 * to be written again, under a term beyond all that they have seen.
 */
export class LeaderTerm {
  readonly #stores: Pick<ClusterStores, "bundles" | "speakers">;
  #value: number;

  /**
   * Both stores must have synced. `transitions`: how often the Lease has changed hands; where
   * no bundle is left and no speaker has told, it still counts the leaders before us.
   */
  constructor(stores: Pick<ClusterStores, "bundles" | "speakers">, transitions: number) {
    this.#stores = stores;
    const terms = [...stores.bundles.values()].map(({ bundle }) => bundle.version.term);
    const carried = Math.max(0, ...terms);
    const seen = this.#reports(carried).map(({ highestTerm }) => highestTerm);
    const counted = transitions <= carried + believableTerms ? transitions : 0;
    this.#value = 1 + Math.max(carried, counted, ...seen);
  }

  get value(): number {
    return this.#value;
  }

  /**
   * Names of the bundles whose present version a speaker ignores, with the highest
   * term that such a speaker has seen: they are to be written again, beyond it.
   */
  ignored(): ReadonlyMap<string, number> {
    const ignored = new Map<string, number>();
    for (const { ignoredBundles, highestTerm } of this.#reports(this.#value)) {
      for (const name of ignoredBundles) {
        const term = this.#stores.bundles.get(name)?.bundle.version.term;
        // A higher one was written since the report.
        if (term !== undefined && term <= highestTerm) {
          ignored.set(name, Math.max(highestTerm, ignored.get(name) ?? 0));
        }
      }
    }
    return ignored;
  }

  /** Whether speakers would ignore what is written under this term, too. */
  get isSpent(): boolean {
    return Math.max(0, ...this.ignored().values()) >= this.#value;
  }

  /** Takes a term beyond all. Only for one who has made sure of still being the leader. */
  raise(): void {
    this.#value = 1 + Math.max(this.#value, ...this.ignored().values());
  }

  /** An absurd report cannot push ours out of reach: `known` is what terms are compared with. */
  #reports(known: number): readonly SpeakerReport[] {
    return [...this.#stores.speakers.values()]
      .flatMap(({ speaker }) => speaker.report ?? [])
      .filter(({ highestTerm }) => highestTerm <= known + believableTerms);
  }
}
