import { expect, vi } from "vitest";
import type { AnnouncerState } from "../../src/core/layer2/announcer.ts";
import type { IpAllocationObject } from "../../src/kube/decode/ip-allocation.ts";
import type { L2BundleObject } from "../../src/kube/decode/l2-bundle.ts";
import { Store } from "../../src/kube/store.ts";
import { readDefaultGateways } from "../../src/link/default-gateways.ts";
import { Link } from "../../src/link/link.ts";
import { systemClock } from "../../src/runtime/clock.ts";
import { silentLog } from "../../src/runtime/log.ts";
import { AnnouncementDriver } from "../../src/speaker/announcement-driver.ts";
import { ExcludedInterfaces } from "../../src/speaker/excluded-interfaces.ts";
import { takeLinkEvent } from "../../src/speaker/link-events.ts";
import { VanishedObjects } from "../../src/speaker/vanished-objects.ts";
import { ip4 } from "./link-fixture.ts";

/** A speaker's parts between the API objects and the wire, as `speaker/main.ts` puts them together. */
export class AnnouncingNode {
  readonly link: Link;
  readonly #driver: AnnouncementDriver;
  readonly #allocations = new Store<IpAllocationObject>();
  readonly #bundles = new Store<L2BundleObject>();
  #version = 0;

  constructor(addonPath: string, excluded: readonly string[] = []) {
    const by = new ExcludedInterfaces(excluded);
    const claims = { add: (): void => undefined };
    this.link = new Link({
      addonPath,
      log: silentLog,
      onEvents: (events) => {
        for (const event of events) {
          takeLinkEvent(event, { driver: this.#driver, excluded: by, claims, log: silentLog });
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
    this.#driver.linkChanged(by.mark(this.link.interfaces()), readDefaultGateways());
    this.#driver.start();
  }

  /** Gives the node an address to announce, on the interfaces named, or where it sees fit. */
  assign(address: string, ...interfaces: readonly string[]): void {
    const bundle = {
      name: `l2-${address}`,
      advertisements: ["default"],
      owner: { node: "node-1", interfaces },
      standbys: [],
      version: { term: 1, sequence: ++this.#version },
    };
    const resourceVersion = String(this.#version);
    this.#bundles.upsert({ key: bundle.name, uid: bundle.name, resourceVersion, bundle });
    this.#allocations.upsert({
      key: address,
      uid: address,
      resourceVersion,
      createdAt: 0,
      allocation: {
        address: ip4(address),
        pool: "pool",
        holders: [],
        state: "Allocated",
        bundle: bundle.name,
      },
    });
  }

  get state(): AnnouncerState {
    return this.#driver.state;
  }

  /** The interfaces on which the address is answered, or the words why on none. */
  place(address: string): readonly string[] | string | undefined {
    const { answering, failures } = this.state;
    return answering.get(ip4(address)) ?? failures.get(ip4(address))?.message;
  }

  /** Resolves when {@link place} is this. */
  async placed(address: string, place: readonly string[] | string): Promise<void> {
    await vi.waitFor(() => expect(this.place(address)).toEqual(place), 10_000);
  }

  /** Unasked frames sent for the address so far, on all interfaces. */
  announced(address: string): number {
    return this.link
      .stats()
      .filter((stats) => stats.address === address)
      .reduce((sum, { gratuitousSent }) => sum + gratuitousSent, 0);
  }

  async close(): Promise<void> {
    await this.link.close();
  }
}
