import type { IpAllocationObject } from "../kube/decode/ip-allocation.ts";
import type { L2BundleObject } from "../kube/decode/l2-bundle.ts";
import type { L2SpeakerObject } from "../kube/decode/l2-speaker.ts";
import type { Store } from "../kube/store.ts";
import { readDefaultGateways } from "../link/default-gateways.ts";
import { Link } from "../link/link.ts";
import type { Clock } from "../runtime/clock.ts";
import type { Log } from "../runtime/log.ts";
import { AnnouncementDriver } from "./announcement-driver.ts";
import { ConflictWatch } from "./conflict-watch.ts";
import type { ExcludedInterfaces } from "./excluded-interfaces.ts";
import { type HeardCounts, takeLinkEvent } from "./link-events.ts";
import type { VanishedObjects } from "./vanished-objects.ts";

export interface NetworkSideOptions {
  readonly node: string;
  readonly allocations: Store<IpAllocationObject>;
  readonly bundles: Store<L2BundleObject>;
  readonly ownSpeaker: Store<L2SpeakerObject>;
  readonly vanished: VanishedObjects;
  readonly excluded: ExcludedInterfaces;
  readonly addonPath?: string;
  /** As the link's. */
  readonly refreshSeconds?: number;
  readonly clock: Clock;
  readonly log: Log;
  /** Called when the node's report may say something else than before. */
  readonly onChange: () => void;
}

/** What stands between the API objects and the wire, put together. */
export class NetworkSide {
  readonly link: Link;
  readonly driver: AnnouncementDriver;
  readonly conflicts: ConflictWatch;
  readonly heard: HeardCounts = { claims: 0, dropped: 0 };
  readonly #excluded: ExcludedInterfaces;

  constructor(options: NetworkSideOptions) {
    const { excluded, log, onChange } = options;
    this.#excluded = excluded;
    this.link = new Link({
      ...options,
      onEvents: (events) => {
        for (const event of events) {
          takeLinkEvent(event, { ...this, excluded, log });
        }
      },
    });
    this.driver = new AnnouncementDriver({
      ...options,
      link: this.link,
      onChange: () => {
        this.conflicts.answeringChanged();
        onChange();
      },
      onGranted: (address) => this.conflicts.granted(address),
    });
    this.conflicts = new ConflictWatch({ ...options, link: this.link, driver: this.driver });
  }

  /** Opens the link and takes in the interfaces. Throws as {@link Link.open}. */
  open(): void {
    this.link.open();
    this.driver.linkChanged(this.#excluded.mark(this.link.interfaces()), readDefaultGateways());
  }

  /** Takes in the stores, which have synced, and follows them from now on. */
  start(): void {
    this.driver.start();
    this.conflicts.start();
  }

  /** Does what is due, until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all([this.driver.run(signal), this.conflicts.run(signal)]);
  }
}
