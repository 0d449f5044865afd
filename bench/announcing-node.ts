import type { AnnouncerState } from "../src/core/layer2/announcer.ts";
import { allocationName } from "../src/core/model/ip-allocation.ts";
import type { L2Bundle } from "../src/core/model/l2-bundle.ts";
import type { IpAddress } from "../src/core/net/ip-address.ts";
import type { IpAllocationObject } from "../src/kube/decode/ip-allocation.ts";
import type { L2BundleObject } from "../src/kube/decode/l2-bundle.ts";
import { decodeL2Speaker, type L2SpeakerObject } from "../src/kube/decode/l2-speaker.ts";
import { Store } from "../src/kube/store.ts";
import type { Link } from "../src/link/link.ts";
import { type Clock, systemClock } from "../src/runtime/clock.ts";
import { silentLog } from "../src/runtime/log.ts";
import type { ConflictWatch } from "../src/speaker/conflict-watch.ts";
import { ExcludedInterfaces } from "../src/speaker/excluded-interfaces.ts";
import { NetworkSide } from "../src/speaker/network-side.ts";
import { VanishedObjects } from "../src/speaker/vanished-objects.ts";

/**
 * A speaker's parts between the API objects and the wire, as `speaker/main.ts` puts them together,
 * in this process's network namespace and without a cluster. Kernel tests use it, too.
 */
export class AnnouncingNode {
  readonly link: Link;
  readonly conflicts: ConflictWatch;
  readonly #network: NetworkSide;
  readonly #allocations = new Store<IpAllocationObject>();
  readonly #bundles = new Store<L2BundleObject>();
  readonly #ownSpeaker = new Store<L2SpeakerObject>();
  readonly #end = new AbortController();
  readonly #running: Promise<void>;
  #version = 0;

  /**
   * Opens the link. `excluded` are patterns of interfaces that never announce; `onChange` is called
   * when the node's report may say something else than before. `clock` may run faster than the world's.
   */
  constructor(options: {
    readonly addonPath?: string;
    readonly excluded?: readonly string[];
    readonly onChange?: () => void;
    readonly clock?: Clock;
  }) {
    const {
      excluded = [],
      onChange = (): void => undefined,
      clock = systemClock,
      ...rest
    } = options;
    this.#network = new NetworkSide({
      ...rest,
      node: "node-1",
      allocations: this.#allocations,
      bundles: this.#bundles,
      ownSpeaker: this.#ownSpeaker,
      vanished: new VanishedObjects(clock, () => true),
      excluded: new ExcludedInterfaces(excluded),
      clock,
      log: silentLog,
      onChange,
    });
    this.link = this.#network.link;
    this.conflicts = this.#network.conflicts;
    this.#network.open();
    this.#network.start();
    this.#running = this.#network.run(this.#end.signal);
  }

  /** The controller's orders to the node's speaker. */
  order(spec: {
    readonly probes?: readonly IpAddress[];
    readonly intruders?: readonly { readonly address: IpAddress; readonly mac: string }[];
  }): void {
    const metadata = { name: "node-1", resourceVersion: String(++this.#version) };
    this.#ownSpeaker.upsert(decodeL2Speaker({ metadata, spec }));
  }

  /** Puts an address into quarantine. */
  quarantine(address: IpAddress): void {
    const key = allocationName(address);
    const resourceVersion = String(++this.#version);
    const state = { state: "Quarantined", holders: [], bundle: undefined } as const;
    const allocation = { address, pool: "pool", ...state };
    this.#allocations.upsert({ key, uid: key, resourceVersion, createdAt: 0, allocation });
  }

  /** Gives the node an address to announce, on the interfaces named, or where it sees fit. */
  assign(address: IpAddress, ...interfaces: readonly string[]): void {
    this.#put(address, { owner: { node: "node-1", interfaces } });
  }

  /** Another node is to announce the address from now on, as planned. */
  moveAway(address: IpAddress): void {
    const moved = { from: "node-1", reason: "NodeDraining", at: "2026-01-01T00:00:00Z" } as const;
    this.#put(address, { owner: { node: "node-2", interfaces: [] }, moved });
  }

  #put(address: IpAddress, change: Pick<L2Bundle, "owner" | "moved">): void {
    const name = allocationName(address);
    const bundle = {
      name: `l2-${name}`,
      advertisements: ["default"],
      standbys: [],
      version: { term: 1, sequence: ++this.#version },
      ...change,
    };
    const resourceVersion = String(this.#version);
    this.#bundles.upsert({ key: bundle.name, uid: bundle.name, resourceVersion, bundle });
    this.#allocations.upsert({
      key: name,
      uid: name,
      resourceVersion,
      createdAt: 0,
      allocation: { address, pool: "pool", holders: [], state: "Allocated", bundle: bundle.name },
    });
  }

  get state(): AnnouncerState {
    return this.#network.driver.state;
  }

  /** The interfaces on which the address is answered, or the words why on none. */
  place(address: IpAddress): readonly string[] | string | undefined {
    return this.state.answering.get(address) ?? this.state.failures.get(address)?.message;
  }

  async close(): Promise<void> {
    this.#end.abort();
    await this.#running;
    await this.link.close();
  }
}
