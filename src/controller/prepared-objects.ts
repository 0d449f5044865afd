import { isAlreadyExists } from "../kube/api-error.ts";
import * as resources from "../kube/resources.ts";
import type { Writer } from "../kube/write.ts";
import type { Log } from "../runtime/log.ts";
import type { ClusterStores } from "./cluster-stores.ts";

export interface PreparedObjectsOptions {
  readonly stores: ClusterStores;
  readonly writer: Writer;
  readonly configNamespace: string;
  readonly defaultAdvertisement: boolean;
  readonly log: Log;
}

/** Objects that others fill or use, and that must be there first. */
export class PreparedObjects {
  readonly #options: PreparedObjectsOptions;

  constructor(options: PreparedObjectsOptions) {
    this.#options = options;
  }

  /** At a first start everything is announced, so that one `kubectl apply` is a working install. */
  async createDefaultAdvertisement(): Promise<void> {
    const { stores, configNamespace, defaultAdvertisement, log } = this.#options;
    if (!defaultAdvertisement || stores.allocations.size > 0 || stores.advertisements.size > 0) {
      return;
    }
    try {
      await this.#options.writer.create(resources.l2Advertisements, {
        metadata: { name: "default", namespace: configNamespace },
        spec: {},
      });
      log.info({}, "first start: created L2Advertisement default, which announces every pool");
    } catch (error) {
      if (!isAlreadyExists(error)) {
        log.warn({ err: String(error) }, "cannot create L2Advertisement default; create one");
      }
    }
  }

  /** Makes the L2Speaker of a Node, which goes with it. */
  async createSpeaker(name: string): Promise<void> {
    const { stores } = this.#options;
    const node = stores.nodes.get(name);
    if (node === undefined || stores.speakers.get(name) !== undefined) {
      return;
    }
    try {
      await this.#options.writer.create(resources.l2Speakers, {
        metadata: {
          name,
          ownerReferences: [{ apiVersion: "v1", kind: "Node", name, uid: node.uid }],
        },
        spec: {},
      });
    } catch (error) {
      if (!isAlreadyExists(error)) {
        throw error;
      }
    }
  }
}
