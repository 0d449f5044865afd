import { createHash } from "node:crypto";
import type { BundleVersion, L2Bundle } from "../core/model/l2-bundle.ts";
import type { Reason } from "../core/model/reason.ts";
import type { BundleUpdate, PlannedBundle } from "../core/placement/plan-bundles.ts";
import { isAlreadyExists, isNotFound } from "../kube/api-error.ts";
import { decodeL2Bundle } from "../kube/decode/l2-bundle.ts";
import { encodeL2Bundle } from "../kube/encode.ts";
import * as resources from "../kube/resources.ts";
import type { Writer } from "../kube/write.ts";
import type { Clock } from "../runtime/clock.ts";
import type { Log } from "../runtime/log.ts";
import { type BundleGroup, groupKey } from "./bundle-contents.ts";
import type { ClusterStores } from "./cluster-stores.ts";
import type { LeaderTerm } from "./leader-term.ts";

export interface BundleWriterOptions {
  readonly stores: Pick<ClusterStores, "bundles">;
  readonly writer: Writer;
  readonly term: LeaderTerm;
  readonly clock: Clock;
  readonly log: Log;
}

/** A leader with a higher term has written: this process must lead no longer. */
export class SupersededError extends Error {
  constructor(seen: number, own: number) {
    super(`term ${seen} was seen: a newer leader than this one (${own}) exists`);
    this.name = "SupersededError";
  }
}

/** Writes L2Bundles under the term of this leader. */
export class BundleWriter {
  readonly #options: BundleWriterOptions;
  /** How many bundles this leader has made. */
  #created = 0;

  constructor(options: BundleWriterOptions) {
    this.#options = options;
  }

  /** Makes a bundle under a new name. */
  async create(group: BundleGroup, planned: PlannedBundle): Promise<void> {
    const { stores, writer, term, log } = this.#options;
    const name = this.#newName(group);
    const { owner, standbys } = planned;
    const version = { term: term.value, sequence: 0 };
    const { advertisements, hosts } = group;
    const where = hosts === undefined ? {} : { hosts };
    const bundle: L2Bundle = { name, advertisements, owner, standbys, version, ...where };
    try {
      const created = await writer.create(resources.l2Bundles, encodeL2Bundle(bundle));
      stores.bundles.upsertLocal(decodeL2Bundle(created));
      log.debug({ bundle: name, node: owner.node }, "bundle created");
    } catch (error) {
      if (!isAlreadyExists(error)) {
        throw error;
      }
      stores.bundles.upsertLocal(decodeL2Bundle(await writer.read(resources.l2Bundles, { name })));
    }
  }

  /**
   * A name that no bundle had before: under a name that comes again its version
   * would begin anew, and speakers ignore one that is lower than what they saw.
   */
  #newName(group: BundleGroup): string {
    const { stores, term } = this.#options;
    const hash = createHash("sha256").update(groupKey(group)).digest("hex").slice(0, 8);
    for (;;) {
      const name = `l2-${hash}-${term.value}-${this.#created}`;
      this.#created += 1;
      if (stores.bundles.get(name) === undefined) {
        return name;
      }
    }
  }

  /** Gives a bundle its new owner and standbys, in one write. `reason`: why another owner loses it. */
  async update(
    { name, owner, standbys }: BundleUpdate,
    reason: Reason = "NodeNotSelected",
  ): Promise<void> {
    const { stores, writer, term, clock, log } = this.#options;
    const object = stores.bundles.get(name);
    if (object === undefined) {
      return;
    }
    const version = nextVersion(object.bundle.version, term.value);
    const from = object.bundle.owner.node;
    const at = clock.wallTime().toISOString();
    const how = from === owner.node ? {} : { moved: { from, reason, at } };
    const encoded = encodeL2Bundle({ ...object.bundle, owner, standbys, version, ...how });
    const { uid, resourceVersion } = object;
    const updated = await writer.replace(resources.l2Bundles, {
      ...encoded,
      metadata: { ...encoded.metadata, uid, resourceVersion },
    });
    stores.bundles.upsertLocal(decodeL2Bundle(updated));
    if (owner.node !== from) {
      log.info({ bundle: name, from, to: owner.node, reason }, "bundle moved");
    }
  }

  /** Deletes a bundle that nobody needs. */
  async remove(name: string): Promise<void> {
    const { stores, writer } = this.#options;
    const object = stores.bundles.get(name);
    if (object === undefined) {
      return;
    }
    try {
      await writer.delete(resources.l2Bundles, { name }, object);
    } catch (error) {
      // A conflict says that it is still there, and changed: it may be needed again.
      if (!isNotFound(error)) {
        throw error;
      }
    }
    stores.bundles.deleteLocal(name, object.uid);
  }
}

/** A bundle with a higher term was written by a newer leader: then this process must not write. */
function nextVersion(current: BundleVersion, term: number): BundleVersion {
  if (current.term > term) {
    throw new SupersededError(current.term, term);
  }
  return current.term === term ? { term, sequence: current.sequence + 1 } : { term, sequence: 0 };
}
