import {
  type AnnouncerEffect,
  type AnnouncerInput,
  type AnnouncerState,
  brokenFor,
  silentAnnouncer,
  step,
} from "../core/layer2/announcer.ts";
import { type AssignmentChange, Assignments } from "../core/layer2/assignments.ts";
import { allocationName } from "../core/model/ip-allocation.ts";
import { serviceKey } from "../core/model/service.ts";
import type { IpAddress, IpFamily } from "../core/net/ip-address.ts";
import { canAnnounceOn, type NetworkInterface } from "../core/net/network-interface.ts";
import type { IpAllocationObject } from "../kube/decode/ip-allocation.ts";
import type { L2BundleObject } from "../kube/decode/l2-bundle.ts";
import { compareResourceVersions } from "../kube/resource-version.ts";
import type { Store, Stored } from "../kube/store.ts";
import type { Link } from "../link/link.ts";
import type { Clock } from "../runtime/clock.ts";
import type { Log } from "../runtime/log.ts";
import { Handovers } from "./handovers.ts";
import type { AppliedVersions } from "./node-report.ts";
import type { VanishedObjects } from "./vanished-objects.ts";

export interface AnnouncementDriverOptions {
  readonly node: string;
  readonly allocations: Store<IpAllocationObject>;
  readonly bundles: Store<L2BundleObject>;
  readonly vanished: VanishedObjects;
  readonly link: Pick<Link, "answer" | "watch" | "withdraw" | "announce" | "setGateways">;
  readonly clock: Clock;
  readonly log: Log;
  /** Called when something of this node's own changed. */
  readonly onChange: () => void;
  /** Called with an address that was given out just now, and that this node answers for. */
  readonly onGranted?: (address: IpAddress) => void;
}

/** Turns what the stores say into what the link does: the shell around the announcer. */
export class AnnouncementDriver {
  readonly #options: AnnouncementDriverOptions;
  readonly #assignments: Assignments;
  readonly #handovers: Handovers;
  #state = silentAnnouncer();
  #started = false;
  #applied: AppliedVersions = { allocations: "0", bundles: "0" };

  constructor(options: AnnouncementDriverOptions) {
    this.#options = options;
    this.#assignments = new Assignments(options.node);
    this.#handovers = new Handovers(options.clock, (addresses) =>
      this.#own(addresses.map((address) => this.#assignments.standing(address))),
    );
  }

  get state(): AnnouncerState {
    return this.#state;
  }

  /** The highest term of any leader that was seen. */
  get highestTerm(): number {
    return this.#assignments.highestTerm;
  }

  /** Names of bundles of which a later version than the present one is known. */
  get ignoredBundles(): ReadonlySet<string> {
    return this.#assignments.ignored;
  }

  get applied(): AppliedVersions {
    return this.#applied;
  }

  /** Interfaces that could announce if the kernel let us, with its words; empty: none. */
  brokenSockets(): readonly string[] {
    const { interfaces, brokenInterfaces, brokenForIpv6 } = this.#state;
    const usable = ["", ...interfaces.filter(canAnnounceOn).map(({ name }) => name)];
    const told = (broken: ReadonlyMap<string, string>, protocol: string): readonly string[] =>
      [...broken]
        .filter(([name]) => usable.includes(name))
        .map(
          ([name, error]) =>
            `no ${protocol} socket on ${name === "" ? "any interface" : name}: ${error}`,
        );
    return [...told(brokenInterfaces, "ARP"), ...told(brokenForIpv6, "NDP")];
  }

  /** The Services that hold an address, for people: `namespace/name`; empty: not known (any more). */
  servicesOf(address: IpAddress): string {
    const object = this.#options.allocations.get(allocationName(address));
    return (object?.allocation.holders ?? []).map(serviceKey).join(",");
  }

  /** Takes in both stores, which have synced, and every change from now on. */
  start(): void {
    const { allocations, bundles } = this.#options;
    for (const object of bundles.values()) {
      this.#bundleChanged(undefined, object);
    }
    for (const object of allocations.values()) {
      this.#allocationChanged(undefined, object);
    }
    this.#started = true;
    bundles.onChange(({ before, after }) => this.#bundleChanged(before, after));
    allocations.onChange(({ before, after }) => this.#allocationChanged(before, after));
    for (const store of [bundles, allocations]) {
      store.onWentBack(() => this.#wentBack());
    }
  }

  /** Versions that were in force are no more, and will be those of other objects. */
  #wentBack(): void {
    const { allocations, bundles } = this.#options;
    this.#applied = {
      allocations: newest(allocations.values()),
      bundles: newest(bundles.values()),
    };
    this.#options.onChange();
  }

  /** Takes in the interfaces and gateways of the node. */
  linkChanged(
    interfaces: readonly NetworkInterface[],
    defaultGateways: readonly IpAddress[],
  ): void {
    this.#options.link.setGateways(defaultGateways);
    this.#take([{ kind: "link", interfaces, defaultGateways }]);
    this.#options.onChange();
  }

  /** Takes in that the kernel lets us answer on an interface, or not, with its words. */
  socketChanged(name: string, family: IpFamily, error: string | undefined): void {
    if (brokenFor(this.#state, family).get(name) !== error) {
      this.#take([{ kind: "socket", interface: name, family, error }]);
      this.#options.onChange();
    }
  }

  /**
   * Takes in that another host says that it has the address. Returns whether that is to be so:
   * then this node falls silent.
   */
  claimed(address: IpAddress): boolean {
    const wasOurs = this.#state.answering.has(address);
    this.#handovers.take({ kind: "claim", address });
    return wasOurs && !this.#state.answering.has(address);
  }

  /** Ends what this node answers only until another does, until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    await this.#handovers.run(signal);
  }

  #bundleChanged(before: L2BundleObject | undefined, after: L2BundleObject | undefined): void {
    const ignored = this.#assignments.ignored.size;
    const name = (after ?? before)?.bundle.name ?? "";
    const forget = (): void => this.#own(this.#assignments.removeBundle(name));
    if (after === undefined) {
      const inForce = this.#assignments.owns(name) && this.#assignments.carries(name);
      this.#goes(`L2Bundle ${name}`, inForce, forget);
    } else {
      const returned = this.#options.vanished.returned(`L2Bundle ${name}`);
      if (returned || (before !== undefined && before.uid !== after.uid)) {
        // Another object under the same name starts its versions afresh.
        forget();
      }
      this.#own(this.#assignments.putBundle(after.bundle));
    }
    const bundles = newer(this.#applied.bundles, after);
    const mine = this.#assignments.owns(name);
    this.#applied = { ...this.#applied, bundles };
    if (mine || this.#assignments.ignored.size !== ignored) {
      this.#options.onChange();
    }
  }

  #allocationChanged(
    before: IpAllocationObject | undefined,
    after: IpAllocationObject | undefined,
  ): void {
    const allocations = newer(this.#applied.allocations, after);
    this.#applied = { ...this.#applied, allocations };
    if (after !== undefined) {
      this.#options.vanished.returned(`IPAllocation ${after.allocation.address}`);
      this.#own(this.#assignments.putAllocation(after.allocation));
      const isNew = before?.allocation.state !== "Allocated";
      if (this.#started && isNew && this.#state.answering.has(after.allocation.address)) {
        this.#options.onGranted?.(after.allocation.address);
      }
    } else if (before !== undefined) {
      const { address, bundle } = before.allocation;
      const forget = (): void => this.#own(this.#assignments.removeAllocation(address));
      this.#goes(`IPAllocation ${address}`, this.#assignments.owns(bundle), forget);
    }
  }

  /** The leader deletes no allocation and no bundle that is in force: then it was not the leader. */
  #goes(object: string, inForce: boolean, forget: () => void): void {
    const { vanished, log } = this.#options;
    if (!inForce) {
      forget();
      return;
    }
    if (vanished.size === 0) {
      log.warn({ object }, "deleted without a release: what was in force stays for a minute");
    }
    vanished.hold(object, forget);
  }

  #own(changes: readonly AssignmentChange[]): void {
    for (const change of changes) {
      if (change.kind === "yield" && this.#state.assigned.has(change.address)) {
        this.#handovers.take(change);
      } else {
        const settled =
          change.kind === "yield" ? this.#assignments.standing(change.address) : change;
        this.#handovers.take({ kind: "settled", address: change.address });
        this.#take([settled]);
      }
    }
    if (changes.length > 0) {
      this.#options.onChange();
    }
  }

  #take(inputs: readonly AnnouncerInput[]): void {
    for (const input of inputs) {
      const { state, effects } = step(this.#state, input);
      this.#state = state;
      this.#carryOut(effects);
    }
  }

  #carryOut(effects: readonly AnnouncerEffect[]): void {
    const { link, log } = this.#options;
    const of = (kind: AnnouncerEffect["kind"]): readonly AnnouncerEffect[] =>
      effects.filter((effect) => effect.kind === kind);
    const watched = new Set(of("watch").map(placeOf));
    const ended = of("withdraw").filter((effect) => !watched.has(placeOf(effect)));
    link.withdraw([...ended, ...of("unwatch")]);
    // Ends the answers, too, and forgets nobody who asked while we answered.
    link.watch(of("watch"));
    link.answer(of("answer"));
    link.announce(of("announce"));
    for (const effect of effects) {
      const { kind, address, interface: nic } = effect;
      if (kind === "answer" || kind === "withdraw") {
        const service = this.servicesOf(address);
        log.info(
          { service, address, interface: nic },
          kind === "answer" ? "announcing" : "withdrawn",
        );
      }
    }
  }
}

function placeOf({ address, interface: nic }: AnnouncerEffect): string {
  return `${address} ${nic}`;
}

function newest(objects: Iterable<Stored>): string {
  return [...objects].reduce(newer, "0");
}

function newer(known: string, object: Stored | undefined): string {
  const version = object?.resourceVersion ?? "0";
  return compareResourceVersions(version, known) > 0 ? version : known;
}
