import { allocationName } from "../../src/core/model/ip-allocation.ts";
import type { L2Bundle } from "../../src/core/model/l2-bundle.ts";
import type { IpAddress } from "../../src/core/net/ip-address.ts";
import type { IpAllocationObject } from "../../src/kube/decode/ip-allocation.ts";
import type { L2BundleObject } from "../../src/kube/decode/l2-bundle.ts";
import { Store } from "../../src/kube/store.ts";
import type { LinkEntry } from "../../src/link/link.ts";
import { silentLog } from "../../src/runtime/log.ts";
import { AnnouncementDriver } from "../../src/speaker/announcement-driver.ts";
import { VanishedObjects } from "../../src/speaker/vanished-objects.ts";
import { nic } from "../core/layer2/interfaces.ts";
import type { HandClock } from "../kube/hand-clock.ts";

/** When a node begins or ceases to answer for the address. */
export interface AnswerChange {
  readonly at: number;
  readonly node: string;
  readonly answers: boolean;
}

export interface MovingNodeOptions {
  readonly name: string;
  readonly address: IpAddress;
  readonly clock: HandClock;
  readonly onChange: (change: AnswerChange) => void;
  /** It is to send its gratuitous frames. */
  readonly onAnnounce: () => void;
}

/** A real speaker's decisions over a wire that only notes what it is told. */
export class MovingNode {
  readonly driver: AnnouncementDriver;
  readonly #options: MovingNodeOptions;
  readonly #allocations = new Store<IpAllocationObject>();
  readonly #bundles = new Store<L2BundleObject>();
  readonly #end = new AbortController();
  #answers = false;

  constructor(options: MovingNodeOptions) {
    const { name, clock, onAnnounce } = options;
    this.#options = options;
    const told = (answers: boolean) => (entries: readonly LinkEntry[]) => {
      if (entries.length > 0) {
        this.#told(answers);
      }
      return [];
    };
    this.driver = new AnnouncementDriver({
      node: name,
      allocations: this.#allocations,
      bundles: this.#bundles,
      vanished: new VanishedObjects(clock, () => true),
      link: {
        answer: told(true),
        withdraw: told(false),
        watch: told(false),
        setGateways: () => undefined,
        announce: (entries) => entries.length > 0 && onAnnounce(),
      },
      clock,
      log: silentLog,
      onChange: () => {},
    });
    this.driver.linkChanged([nic("eth0")], []);
    this.driver.start();
    void this.driver.run(this.#end.signal);
  }

  get answers(): boolean {
    return this.#answers;
  }

  /** The node's watch delivers a state of the bundle. */
  read(bundle: L2Bundle): void {
    const { address } = this.#options;
    const resourceVersion = String(bundle.version.sequence + 1);
    this.#bundles.upsert({ key: bundle.name, uid: bundle.name, resourceVersion, bundle });
    const key = allocationName(address);
    const state = { state: "Allocated", holders: [], bundle: bundle.name } as const;
    const allocation = { address, pool: "pool", ...state };
    this.#allocations.upsert({ key, uid: key, resourceVersion: "1", createdAt: 0, allocation });
  }

  /** A frame of another host arrives that has the address; only who answers for it looks. */
  hear(): void {
    if (this.#answers) {
      this.driver.claimed(this.#options.address);
    }
  }

  stop(): void {
    this.#end.abort();
  }

  #told(answers: boolean): void {
    if (answers !== this.#answers) {
      this.#answers = answers;
      const { clock, name: node, onChange } = this.#options;
      onChange({ at: clock.now(), node, answers });
    }
  }
}
