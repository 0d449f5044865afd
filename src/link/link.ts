import type { IpAddress, IpFamily } from "../core/net/ip-address.ts";
import type { MacAddress } from "../core/net/mac-address.ts";
import type { NetworkInterface } from "../core/net/network-interface.ts";
import type { Log } from "../runtime/log.ts";
import { toMacAddress, toNetworkInterface } from "./interface-picture.ts";
import {
  describeErrno,
  ethertype,
  loadNativeAddon,
  type NativeAddon,
  type NativeEngine,
  type NativeEvent,
  nativeEventKind,
} from "./native-addon.ts";
import { isMappedAddress, packAddresses, unpackAddress } from "./native-address.ts";

/** What the network tells of itself. */
export type LinkEvent =
  /** The complete picture, after every change of a link or an address. */
  | { readonly kind: "interfaces"; readonly interfaces: readonly NetworkInterface[] }
  /**
   * A foreign host says that it has an address that is answered or observed on this interface
   * (RFC 5227 2.4, RFC 4862 5.4): in an ARP request or a solicitation, or in an ARP reply or an
   * advertisement. The same is told once a second, of an observed address once in 50 ms; of
   * different ones 1,024 at once and 256 more each second.
   */
  | {
      readonly kind: "claim";
      readonly interface: string;
      readonly address: IpAddress;
      readonly mac: MacAddress;
      readonly operation: "request" | "reply";
    }
  /** So many events were not told, because there were too many. */
  | { readonly kind: "dropped"; readonly count: number }
  /**
   * Addresses of the family are answered on this interface from now on: first, and again after each
   * loss of it. An empty name: netlink works again.
   */
  | { readonly kind: "socketOpen"; readonly interface: string; readonly family: IpFamily }
  /**
   * Nothing of the family is answered on this interface; opening is tried each second. An empty
   * name: netlink failed, which concerns both families and is told as IPv4's.
   */
  | {
      readonly kind: "socketError";
      readonly interface: string;
      readonly family: IpFamily;
      readonly code: string;
      readonly message: string;
    };

/** An address and where it is answered. */
export interface LinkEntry {
  readonly address: IpAddress;
  /** Name of the interface, which may appear later and may come and go. */
  readonly interface: string;
}

/** Why an entry cannot be answered. */
export type LinkRefusalReason =
  /** An IPv6 address that stands for an IPv4 one (::ffff:0:0/96) is on no wire. */
  | "Ipv4MappedAddress"
  /** The kernel allows 1 to 15 bytes. */
  | "InvalidInterfaceName";

/** An entry that is not answered, and why. */
export interface LinkRefusal extends LinkEntry {
  readonly reason: LinkRefusalReason;
}

/** What was done for one address on one interface since it was answered there; counts of frames. */
export interface AddressStats extends LinkEntry {
  readonly requestsReceived: number;
  readonly repliesSent: number;
  readonly gratuitousSent: number;
  /** To gateways and to those who asked for the address before. */
  readonly directedSent: number;
}

/**
 * This node's place on its networks: answers ARP and neighbor discovery for
 * addresses, announces them, and watches interfaces, all on a native thread that a busy event loop does
 * not delay.
 *
 * It decides nothing: an interface that comes back is answered on again by
 * itself, but announced again only when told to. An open link does not keep the
 * process running, and ends with it.
 */
export class Link {
  readonly #addonPath: string | undefined;
  readonly #refreshSeconds: number;
  readonly #onEvents: (events: readonly LinkEvent[]) => void;
  readonly #log: Log;
  #open: { readonly addon: NativeAddon; readonly engine: NativeEngine } | undefined;
  #interfaces: readonly NetworkInterface[] = [];

  /**
   * @param options.addonPath where `steelyard.node` is; by default where the build puts it
   * @param options.refreshSeconds announce again each so many seconds, 0 (the default) for never
   * @param options.onEvents called on the event loop with what happened since the last call, in
   *   order, except that the picture of the interfaces comes first; at most 512 other events a call
   */
  constructor(options: {
    readonly addonPath?: string;
    readonly refreshSeconds?: number;
    readonly onEvents: (events: readonly LinkEvent[]) => void;
    readonly log: Log;
  }) {
    this.#addonPath = options.addonPath;
    this.#refreshSeconds = options.refreshSeconds ?? 0;
    this.#onEvents = options.onEvents;
    this.#log = options.log;
  }

  /**
   * Loads the addon, takes the first picture of the interfaces and starts the thread.
   *
   * Throws with `code` and `syscall` when the system refuses; EPERM says which capability is missing.
   */
  open(): void {
    if (this.#open !== undefined) {
      throw new Error("The link is already open");
    }
    const addon = loadNativeAddon(this.#addonPath);
    const engine = openEngine(addon, () => this.#takeNews());
    this.#open = { addon, engine };
    addon.setRefresh(engine, this.#refreshSeconds);
    this.#interfaces = addon.interfaces(engine).map(toNetworkInterface);
  }

  /** Returns the interfaces as of the last `interfaces` event, or of {@link open}. */
  interfaces(): readonly NetworkInterface[] {
    return this.#interfaces;
  }

  /**
   * Answers these entries from now on; those already answered keep their counters and their
   * announcements. Returns the entries that cannot be answered; empty is the rule.
   */
  answer(entries: readonly LinkEntry[]): readonly LinkRefusal[] {
    const { addon, engine } = this.#opened();
    const { accepted, refused } = sortOut(entries);
    for (const [name, addresses] of accepted) {
      addon.answer(engine, name, packAddresses(addresses));
    }
    return refused;
  }

  /**
   * Remembers who asks for these entries from now on, the last 30 of each, and answers them no
   * more. Answered later, an entry tells them by its announcement. Refuses as {@link answer}.
   */
  watch(entries: readonly LinkEntry[]): readonly LinkRefusal[] {
    const { addon, engine } = this.#opened();
    const { accepted, refused } = sortOut(entries);
    for (const [name, addresses] of accepted) {
      addon.watch(engine, name, packAddresses(addresses));
    }
    return refused;
  }

  /**
   * Takes these default gateways of the node, at most two of a family: each announcement is told
   * to them, too, where they are on the link.
   */
  setGateways(gateways: readonly IpAddress[]): void {
    const { addon, engine } = this.#opened();
    addon.setGateways(engine, packAddresses(gateways.filter((it) => !isMappedAddress(it))));
  }

  /**
   * Stops answering or watching these entries, forgets who asked, and cancels their announcements. After the return no frame for
   * them leaves this node. Entries that are unknown are ignored.
   */
  withdraw(entries: readonly LinkEntry[]): void {
    const { addon, engine } = this.#opened();
    for (const [name, addresses] of sortOut(entries).accepted) {
      addon.withdraw(engine, name, packAddresses(addresses));
    }
  }

  /**
   * Starts the gratuitous schedule of these entries anew: both forms of ARP, or one advertisement, at 0, 0.1, 1.1, 2.2 and 4.4 s,
   * paced over all entries to 5,000 frames a second at first and 500 for the repeats. Gateways and
   * those who asked for the address are told one by one besides, at 0 and 1.1 s, by ordinary
   * requests from it. Entries that are not answered are ignored; rounds that fall into a time
   * without link are lost.
   */
  announce(entries: readonly LinkEntry[]): void {
    const { addon, engine } = this.#opened();
    for (const [name, addresses] of sortOut(entries).accepted) {
      addon.announce(engine, name, packAddresses(addresses));
    }
  }

  /**
   * Tells of foreign hosts that have one of these entries, which are not answered here. Returns the
   * entries that cannot be observed; empty is the rule.
   */
  observe(entries: readonly LinkEntry[]): readonly LinkRefusal[] {
    const { addon, engine } = this.#opened();
    const { accepted, refused } = sortOut(entries);
    for (const [name, addresses] of accepted) {
      addon.observe(engine, name, packAddresses(addresses));
    }
    return refused;
  }

  /** Observes these entries no more. Those that are unknown are ignored. */
  ignore(entries: readonly LinkEntry[]): void {
    const { addon, engine } = this.#opened();
    for (const [name, addresses] of sortOut(entries).accepted) {
      addon.ignore(engine, name, packAddresses(addresses));
    }
  }

  /**
   * Asks the segments once, now, whether anybody else has these entries, by an ARP probe or the
   * solicitation of duplicate address detection; a claim tells of whoever answers. Only entries that
   * are answered or observed are asked for, and only while there is link.
   */
  inquire(entries: readonly LinkEntry[]): void {
    const { addon, engine } = this.#opened();
    for (const [name, addresses] of sortOut(entries).accepted) {
      addon.inquire(engine, name, packAddresses(addresses));
    }
  }

  /** Announces these entries once, now, against another host. Those that are not answered are ignored. */
  defend(entries: readonly LinkEntry[]): void {
    const { addon, engine } = this.#opened();
    for (const [name, addresses] of sortOut(entries).accepted) {
      addon.defend(engine, name, packAddresses(addresses));
    }
  }

  /** Returns the counters of all answered entries, in no order. */
  stats(): readonly AddressStats[] {
    const { addon, engine } = this.#opened();
    return addon
      .stats(engine)
      .map((native) => ({ ...native, address: unpackAddress(native.address) }));
  }

  /** Ends the thread and all answers. No event comes after the call. Harmless when not open. */
  async close(): Promise<void> {
    const open = this.#open;
    this.#open = undefined;
    if (open !== undefined) {
      open.addon.close(open.engine);
    }
  }

  #opened(): { readonly addon: NativeAddon; readonly engine: NativeEngine } {
    if (this.#open === undefined) {
      throw new Error("The link is not open: call open() first");
    }
    return this.#open;
  }

  #takeNews(): void {
    if (this.#open === undefined) {
      return;
    }
    const { addon, engine } = this.#open;
    const news = addon.take(engine);
    const events: LinkEvent[] = [];
    if (news.interfacesChanged) {
      this.#interfaces = addon.interfaces(engine).map(toNetworkInterface);
      events.push({ kind: "interfaces", interfaces: this.#interfaces });
    }
    for (const event of news.events) {
      events.push(toLinkEvent(event));
    }
    if (news.dropped > 0) {
      this.#log.debug({ dropped: news.dropped }, "more network events than can be reported");
      events.push({ kind: "dropped", count: news.dropped });
    }
    if (events.length > 0) {
      this.#onEvents(events);
    }
  }
}

function openEngine(addon: NativeAddon, notify: () => void): NativeEngine {
  try {
    return addon.open(notify);
  } catch (error) {
    const { errno, syscall } = error as { errno?: number; syscall?: string };
    if (errno === undefined || syscall === undefined) {
      throw error;
    }
    const { code, message } = describeErrno(errno);
    const remedy =
      code === "EPERM" ? ". The capability NET_RAW is missing: add it, or run as root" : "";
    throw Object.assign(
      new Error(`Cannot watch the network: ${syscall}: ${message} (${code})${remedy}`, {
        cause: error,
      }),
      { code, syscall },
    );
  }
}

function toLinkEvent(event: NativeEvent): LinkEvent {
  switch (event.kind) {
    case nativeEventKind.claim:
      return {
        kind: "claim",
        interface: event.interface,
        address: unpackAddress(event.address),
        mac: toMacAddress(event.mac),
        operation: event.tells === 1 ? "reply" : "request",
      };
    case nativeEventKind.socketOpened:
      return { kind: "socketOpen", interface: event.interface, family: familyOfSocket(event) };
    case nativeEventKind.socketFailed:
      return {
        kind: "socketError",
        interface: event.interface,
        family: familyOfSocket(event),
        ...describeErrno(event.errno),
      };
  }
}

function familyOfSocket(event: { readonly ethertype: number }): IpFamily {
  return event.ethertype === ethertype.ipv6 ? 6 : 4;
}

function refusalOf(entry: LinkEntry): LinkRefusalReason | undefined {
  const nameLength = Buffer.byteLength(entry.interface);
  if (nameLength < 1 || nameLength > 15) {
    return "InvalidInterfaceName";
  }
  return isMappedAddress(entry.address) ? "Ipv4MappedAddress" : undefined;
}

/** Groups entries by interface, because the addon takes one interface and many addresses at a time. */
function sortOut(entries: readonly LinkEntry[]): {
  accepted: ReadonlyMap<string, readonly IpAddress[]>;
  refused: readonly LinkRefusal[];
} {
  const accepted = new Map<string, IpAddress[]>();
  const refused: LinkRefusal[] = [];
  for (const entry of entries) {
    const reason = refusalOf(entry);
    if (reason !== undefined) {
      refused.push({ ...entry, reason });
      continue;
    }
    const addresses = accepted.get(entry.interface);
    if (addresses === undefined) {
      accepted.set(entry.interface, [entry.address]);
    } else {
      addresses.push(entry.address);
    }
  }
  return { accepted, refused };
}
