import {
  type Contest,
  type ContestedInput,
  contests,
  step as stepContested,
  uncontested,
} from "../core/conflicts/contested.ts";
import {
  clearAddresses,
  idleLookout,
  type LookoutInput,
  type Sought,
  sightings,
  step as stepLookout,
} from "../core/conflicts/lookout.ts";
import { segmentOf } from "../core/conflicts/questions.ts";
import { allocationName } from "../core/model/ip-allocation.ts";
import type { SpeakerConflict, SpeakerOrders, SpeakerReport } from "../core/model/l2-speaker.ts";
import type { IpAddress } from "../core/net/ip-address.ts";
import { canAnnounceOn } from "../core/net/network-interface.ts";
import type { IpAllocationObject } from "../kube/decode/ip-allocation.ts";
import type { L2SpeakerObject } from "../kube/decode/l2-speaker.ts";
import type { Store } from "../kube/store.ts";
import type { Link, LinkEntry } from "../link/link.ts";
import type { Clock } from "../runtime/clock.ts";
import type { Log } from "../runtime/log.ts";
import type { AnnouncementDriver } from "./announcement-driver.ts";

export interface ConflictWatchOptions {
  readonly node: string;
  readonly driver: Pick<AnnouncementDriver, "state" | "servicesOf">;
  readonly allocations: Store<IpAllocationObject>;
  readonly ownSpeaker: Store<L2SpeakerObject>;
  readonly link: Pick<Link, "observe" | "ignore" | "inquire" | "defend">;
  readonly clock: Clock;
  readonly log: Log;
  /** Called when the report says something else than before. */
  readonly onChange: () => void;
}

/** What is reported changes at most so often in so long: whoever forges frames does not have us write. */
export const publishesMax = 3;
export const publishWindowMs = 30_000;

/** A granted address is asked for twice, this long after each other; the first time its port may just be opening. */
const fastInquiryMs = 50;
/** Of many grants at once, so many are asked for in this way. */
const fastInquiriesMax = 64;

const noOrders: SpeakerOrders = { probes: [], intruders: [] };

/**
 * Notices other hosts that have addresses of ours: those that this node answers for, and free ones
 * that the controller has it look for. The shell around `core/conflicts`.
 */
export class ConflictWatch {
  readonly #options: ConflictWatchOptions;
  #contested = uncontested();
  #lookout = idleLookout();
  #contestedWakeAt: number | undefined;
  #lookoutWakeAt: number | undefined;
  /** Granted a moment ago, with the times at which to ask. */
  #granted: (LinkEntry & { readonly at: number })[] = [];
  #published: Pick<SpeakerReport, "conflicts" | "clear"> = {};
  /** The last {@link publishesMax} times. */
  #publishedAt: readonly number[] = [];
  #waitsToPublish = false;
  #wake: (() => void) | undefined;

  constructor(options: ConflictWatchOptions) {
    this.#options = options;
  }

  /** What this node is to report of other hosts. */
  get report(): Pick<SpeakerReport, "conflicts" | "clear"> {
    return this.#published;
  }

  /** Follows the controller's orders from now on; both stores have synced. */
  start(): void {
    const { node, allocations, ownSpeaker } = this.#options;
    ownSpeaker.onChange(({ key }) => {
      if (key === node) {
        this.#ordersChanged();
      }
    });
    allocations.onChange(({ before, after }) => {
      const address = (after ?? before)?.allocation.address;
      if (address !== undefined && this.#orders.probes.includes(address)) {
        this.#seek();
      }
    });
    this.#ordersChanged();
  }

  /** Another host says that it has an address that is answered or looked for here. */
  claimed(claim: Contest): void {
    if (this.#options.driver.state.answering.has(claim.address)) {
      this.#takeContested({ kind: "claim", ...claim });
    } else {
      this.#takeLookout({ kind: "claim", address: claim.address, mac: claim.mac });
    }
  }

  /** What this node answers for may have changed. */
  answeringChanged(): void {
    const { answering } = this.#options.driver.state;
    for (const address of [...this.#contested.known.keys()]) {
      if (!answering.has(address)) {
        this.#takeContested({ kind: "lost", address });
      }
    }
  }

  /** The interfaces of the node changed. */
  networksChanged(): void {
    this.#seek();
  }

  /** An address was given out, and this node answers for it: nobody else should. */
  granted(address: IpAddress): void {
    const { driver, clock } = this.#options;
    for (const name of driver.state.answering.get(address) ?? []) {
      if (this.#granted.length < 2 * fastInquiriesMax) {
        const now = clock.now();
        const entry = { address, interface: name };
        this.#granted.push({ ...entry, at: now + fastInquiryMs });
        this.#granted.push({ ...entry, at: now + 2 * fastInquiryMs });
      }
    }
    this.#wake?.();
  }

  /** Does what is due, until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    signal.addEventListener("abort", () => this.#wake?.());
    while (!signal.aborted) {
      const wakeAt = this.#wakeAt();
      const woken = new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      if (wakeAt === undefined) {
        await woken;
      } else {
        const sleep = new AbortController();
        const ms = Math.max(1, wakeAt - clock.now());
        await Promise.race([woken, clock.sleep(ms, AbortSignal.any([signal, sleep.signal]))]);
        sleep.abort();
      }
      if (!signal.aborted) {
        this.#doWhatIsDue();
      }
    }
  }

  get #orders(): SpeakerOrders {
    const { node, ownSpeaker } = this.#options;
    return ownSpeaker.get(node)?.orders ?? noOrders;
  }

  #ordersChanged(): void {
    const intruded = new Set(this.#orders.intruders.map(({ address }) => address));
    this.#takeContested({ kind: "judged", intruded });
    this.#seek();
  }

  #seek(): void {
    const { driver, allocations } = this.#options;
    const { answering, interfaces } = driver.state;
    const segments = interfaces.map((nic) => ({ ...nic, usable: canAnnounceOn(nic) }));
    const sought = this.#orders.probes.flatMap((address): Sought[] => {
      const state = allocations.get(allocationName(address))?.allocation.state;
      const name = segmentOf(segments, address);
      const isOurs = answering.has(address) || (state !== undefined && state !== "Quarantined");
      const quarantined = state === "Quarantined";
      return name === undefined || isOurs ? [] : [{ address, interface: name, quarantined }];
    });
    this.#takeLookout({ kind: "sought", sought });
  }

  #takeContested(input: ContestedInput): void {
    const { link, clock } = this.#options;
    const { state, effects, wakeAt } = stepContested(this.#contested, input, clock.now());
    this.#contested = state;
    this.#contestedWakeAt = wakeAt;
    link.inquire(effects.filter(({ kind }) => kind === "inquire"));
    link.defend(effects.filter(({ kind }) => kind === "defend"));
    this.#publish();
    this.#wake?.();
  }

  #takeLookout(input: LookoutInput): void {
    const { link, clock } = this.#options;
    const { state, effects, wakeAt } = stepLookout(this.#lookout, input, clock.now());
    this.#lookout = state;
    this.#lookoutWakeAt = wakeAt;
    link.ignore(effects.filter(({ kind }) => kind === "ignore"));
    link.observe(effects.filter(({ kind }) => kind === "observe"));
    link.inquire(effects.filter(({ kind }) => kind === "inquire"));
    this.#publish();
    this.#wake?.();
  }

  #doWhatIsDue(): void {
    const { link, clock } = this.#options;
    const now = clock.now();
    const due = this.#granted.filter(({ at }) => at <= now);
    this.#granted = this.#granted.filter(({ at }) => at > now);
    link.inquire(due);
    this.#takeContested({ kind: "wake" });
    this.#takeLookout({ kind: "wake" });
  }

  #wakeAt(): number | undefined {
    const times = [
      this.#contestedWakeAt,
      this.#lookoutWakeAt,
      this.#granted[0]?.at,
      this.#waitsToPublish ? this.#mayPublishAt() : undefined,
    ].flatMap((at) => at ?? []);
    return times.length === 0 ? undefined : Math.min(...times);
  }

  /** Makes the report say what is known now, if it is time for that. */
  #publish(): void {
    const { clock, log, onChange } = this.#options;
    const now = clock.now();
    const known = this.#known(now);
    if (JSON.stringify(known) === JSON.stringify(this.#published)) {
      this.#waitsToPublish = false;
      return;
    }
    this.#waitsToPublish = now < this.#mayPublishAt();
    if (!this.#waitsToPublish) {
      const before = this.#published.conflicts ?? [];
      this.#published = known;
      this.#publishedAt = [...this.#publishedAt, now].slice(-publishesMax);
      this.#tell(log, before, known.conflicts ?? []);
      onChange();
    }
  }

  #mayPublishAt(): number {
    const [first = 0] = this.#publishedAt;
    return this.#publishedAt.length < publishesMax ? 0 : first + publishWindowMs;
  }

  #known(now: number): Pick<SpeakerReport, "conflicts" | "clear"> {
    const { allocations } = this.#options;
    const conflicts: readonly SpeakerConflict[] = [
      ...contests(this.#contested, now).map((one) => ({ ...one, held: true })),
      ...sightings(this.#lookout)
        .slice(0, 32)
        .map((one) => ({ ...one, held: false })),
    ];
    const clear = clearAddresses(this.#lookout).filter(
      (address) => allocations.get(allocationName(address))?.allocation.state === "Quarantined",
    );
    return {
      ...(conflicts.length === 0 ? {} : { conflicts }),
      ...(clear.length === 0 ? {} : { clear }),
    };
  }

  #tell(log: Log, before: readonly SpeakerConflict[], after: readonly SpeakerConflict[]): void {
    const isIn = (list: readonly SpeakerConflict[], one: SpeakerConflict): boolean =>
      list.some(
        ({ address, mac, held }) => address === one.address && mac === one.mac && held === one.held,
      );
    for (const conflict of after.filter((one) => !isIn(before, one))) {
      const service = this.#options.driver.servicesOf(conflict.address);
      log.warn({ service, ...conflict }, "another host has an address of ours");
    }
    for (const conflict of before.filter((one) => !isIn(after, one))) {
      const service = this.#options.driver.servicesOf(conflict.address);
      log.info({ service, ...conflict }, "the other host that had an address of ours is gone");
    }
  }
}
