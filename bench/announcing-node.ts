import type { AnnouncerState } from "../src/core/layer2/announcer.ts";
import { allocationName } from "../src/core/model/ip-allocation.ts";
import type { IpAddress } from "../src/core/net/ip-address.ts";
import type { IpAllocationObject } from "../src/kube/decode/ip-allocation.ts";
import type { L2BundleObject } from "../src/kube/decode/l2-bundle.ts";
import { Store } from "../src/kube/store.ts";
import { readDefaultGateways } from "../src/link/default-gateways.ts";
import { Link } from "../src/link/link.ts";
import { systemClock } from "../src/runtime/clock.ts";
import { silentLog } from "../src/runtime/log.ts";
import { AnnouncementDriver } from "../src/speaker/announcement-driver.ts";
import { ExcludedInterfaces } from "../src/speaker/excluded-interfaces.ts";
import { takeLinkEvent } from "../src/speaker/link-events.ts";
import { VanishedObjects } from "../src/speaker/vanished-objects.ts";

/**
 * A speaker's parts between the API objects and the wire, as `speaker/main.ts` puts them together,
 * in this process's network namespace and without a cluster. Kernel tests use it, too.
 */
export class AnnouncingNode {
  readonly link: Link;
  readonly #driver: AnnouncementDriver;
  readonly #allocations = new Store<IpAllocationObject>();
  readonly #bundles = new Store<L2BundleObject>();
  #version = 0;

  /** Opens the link. `excluded` are patterns of interfaces that never announce. */
  constructor(options: { readonly addonPath?: string; readonly excluded?: readonly string[] }) {
    const { addonPath, excluded: patterns = [] } = options;
    const excluded = new ExcludedInterfaces(patterns);
    const claims = { add: (): void => undefined };
    this.link = new Link({
      ...(addonPath === undefined ? {} : { addonPath }),
      log: silentLog,
      onEvents: (events) => {
        for (const event of events) {
          takeLinkEvent(event, { driver: this.#driver, excluded, claims, log: silentLog });
        }
      },
    });
    this.#driver = new AnnouncementDriver({
      node: "node-1",
      allocations: this.#allocations,
      bundles: this.#bundles,
      vanished: new VanishedObjects(systemClock, () => true),
      link: this.link,
      clock: systemClock,
      log: silentLog,
      onChange: () => undefined,
    });
    this.link.open();
    this.#driver.linkChanged(excluded.mark(this.link.interfaces()), readDefaultGateways());
    this.#driver.start();
  }

  /** Gives the node an address to announce, on the interfaces named, or where it sees fit. */
  assign(address: IpAddress, ...interfaces: readonly string[]): void {
    const name = allocationName(address);
    const bundle = {
      name: `l2-${name}`,
      advertisements: ["default"],
      owner: { node: "node-1", interfaces },
      standbys: [],
      version: { term: 1, sequence: ++this.#version },
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
    return this.#driver.state;
  }

  /** The interfaces on which the address is answered, or the words why on none. */
  place(address: IpAddress): readonly string[] | string | undefined {
    return this.state.answering.get(address) ?? this.state.failures.get(address)?.message;
  }

  async close(): Promise<void> {
    await this.link.close();
  }
}
