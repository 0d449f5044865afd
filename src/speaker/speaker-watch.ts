import { decodeIpAllocation, type IpAllocationObject } from "../kube/decode/ip-allocation.ts";
import { decodeL2Bundle, type L2BundleObject } from "../kube/decode/l2-bundle.ts";
import { decodeL2Speaker, type L2SpeakerObject } from "../kube/decode/l2-speaker.ts";
import { Reflector } from "../kube/reflector.ts";
import * as resources from "../kube/resources.ts";
import { Store } from "../kube/store.ts";
import type { Transport } from "../kube/transport.ts";
import { notSynced, type WatchedKind } from "../kube/watch-state.ts";
import type { Clock } from "../runtime/clock.ts";
import type { Log } from "../runtime/log.ts";

/** The little that a speaker knows of the cluster: no Services, no Secrets. */
export class SpeakerWatch {
  readonly allocations = new Store<IpAllocationObject>();
  readonly bundles = new Store<L2BundleObject>();
  /** Holds the L2Speaker of this node, once there is one. */
  readonly ownSpeaker = new Store<L2SpeakerObject>();
  /** Every kind that is watched, with how that goes. */
  readonly watches: readonly WatchedKind[];
  readonly #reflectors: readonly { run(signal: AbortSignal): Promise<void> }[];

  constructor(options: { transport: Transport; node: string; clock: Clock; log: Log }) {
    const { node, ...common } = options;
    const allocations = new Reflector({
      ...common,
      resource: resources.ipAllocations,
      project: decodeIpAllocation,
      store: this.allocations,
    });
    const bundles = new Reflector({
      ...common,
      resource: resources.l2Bundles,
      project: decodeL2Bundle,
      store: this.bundles,
    });
    const ownSpeaker = new Reflector({
      ...common,
      resource: resources.l2Speakers,
      fieldSelector: `metadata.name=${node}`,
      project: decodeL2Speaker,
      store: this.ownSpeaker,
    });
    this.#reflectors = [allocations, bundles, ownSpeaker];
    this.watches = [
      { kind: resources.ipAllocations.kind, store: this.allocations, reflector: allocations },
      { kind: resources.l2Bundles.kind, store: this.bundles, reflector: bundles },
      { kind: resources.l2Speakers.kind, store: this.ownSpeaker, reflector: ownSpeaker },
    ];
  }

  /** True once it is known what this node is to announce. */
  get synced(): boolean {
    return this.allocations.synced && this.bundles.synced;
  }

  /** Whether it is told at once what this node is to announce. */
  get live(): boolean {
    return this.allocations.live && this.bundles.live;
  }

  /** Kinds that were never listed completely yet, with the last error of each. */
  notSynced(): readonly string[] {
    return notSynced(this.watches);
  }

  /** Lists and watches until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all(this.#reflectors.map((reflector) => reflector.run(signal)));
  }
}
