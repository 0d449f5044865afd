import { chooseInterfaces, type InterfaceCandidate } from "../model/interface-choice.ts";
import type { SpeakerFailure } from "../model/l2-speaker.ts";
import type { AnnounceFailure } from "../model/reason.ts";
import { familyOf, type IpAddress, type IpFamily, isNeverAssignable } from "../net/ip-address.ts";
import {
  canAnnounceOn,
  holdsNodeAddresses,
  interfaceState,
  type NetworkInterface,
} from "../net/network-interface.ts";

/** What this node should announce, what it does announce, and why not the rest. */
export interface AnnouncerState {
  readonly interfaces: readonly NetworkInterface[];
  readonly defaultGateways: readonly IpAddress[];
  /** What of the interfaces each address is compared with: drawn once, not once an address. */
  readonly picture: NodePicture;
  /** The interfaces that advertisements name for each address of ours; empty: any. */
  readonly assigned: Map<IpAddress, readonly string[]>;
  /** The interfaces on which each address is answered now. */
  readonly answering: Map<IpAddress, readonly string[]>;
  /** The interfaces that would be named for each address that we are the next to announce. */
  readonly standby: Map<IpAddress, readonly string[]>;
  /** The interfaces on which it is remembered who asks for each of those. */
  readonly watching: Map<IpAddress, readonly string[]>;
  readonly failures: Map<IpAddress, SpeakerFailure>;
  /** Interfaces on which the kernel refuses what answering ARP needs, and its words. */
  readonly brokenInterfaces: Map<string, string>;
  /** The same for neighbor discovery. */
  readonly brokenForIpv6: Map<string, string>;
}

/** The interfaces as the choice sees them, and the addresses that are the node's own, with their interfaces. */
interface NodePicture {
  readonly candidates: readonly InterfaceCandidate[];
  readonly ownAddresses: ReadonlyMap<IpAddress, string>;
}

export type AnnouncerInput =
  /** The address is ours to announce. */
  | {
      readonly kind: "assign";
      readonly address: IpAddress;
      readonly interfaces: readonly string[];
    }
  /** Another node announces it, and we may be next. */
  | {
      readonly kind: "standby";
      readonly address: IpAddress;
      readonly interfaces: readonly string[];
    }
  /** It no longer is either. */
  | { readonly kind: "unassign"; readonly address: IpAddress }
  /** The node's interfaces or gateways changed. */
  | {
      readonly kind: "link";
      readonly interfaces: readonly NetworkInterface[];
      readonly defaultGateways: readonly IpAddress[];
    }
  /** The kernel lets us answer for a family on an interface, or not: `error` has its words. */
  | {
      readonly kind: "socket";
      readonly interface: string;
      readonly family: IpFamily;
      readonly error: string | undefined;
    };

/**
 * What the link has to do. `announce`: start the gratuitous schedule; always after its `answer`.
 * `watch`: remember who asks, without an answer, until `unwatch` or `answer`.
 */
export interface AnnouncerEffect {
  readonly kind: "answer" | "withdraw" | "announce" | "watch" | "unwatch";
  readonly address: IpAddress;
  readonly interface: string;
}

export interface AnnouncerStep {
  readonly state: AnnouncerState;
  readonly effects: readonly AnnouncerEffect[];
}

/** A node that announces nothing and knows no interface yet. */
export function silentAnnouncer(): AnnouncerState {
  return {
    interfaces: [],
    defaultGateways: [],
    picture: pictureOf([]),
    assigned: new Map(),
    answering: new Map(),
    standby: new Map(),
    watching: new Map(),
    failures: new Map(),
    brokenInterfaces: new Map(),
    brokenForIpv6: new Map(),
  };
}

/**
 * Takes one change into account. The maps inside `state` are consumed: use the
 * returned state from here on.
 *
 * Nothing is sent when nothing changed: an assignment repeated has no effects.
 * An address is announced anew where it was not answered before, and where neighbours
 * must learn its place again: the interface came back, has another hardware address,
 * hangs on another wire, or was refused by the kernel while the announcement was made.
 */
export function step(state: AnnouncerState, input: AnnouncerInput): AnnouncerStep {
  switch (input.kind) {
    case "assign":
      state.standby.delete(input.address);
      state.assigned.set(input.address, input.interfaces);
      return { state, effects: settle(state, input.address, noChange) };
    case "standby":
      state.assigned.delete(input.address);
      state.standby.set(input.address, input.interfaces);
      return { state, effects: settle(state, input.address, noChange) };
    case "unassign":
      state.assigned.delete(input.address);
      state.standby.delete(input.address);
      return { state, effects: settle(state, input.address, noChange) };
    case "link": {
      const next = {
        ...state,
        interfaces: input.interfaces,
        defaultGateways: input.defaultGateways,
        picture: pictureOf(input.interfaces),
      };
      forgetRefusals(next);
      const renewed = renewedInterfaces(state.interfaces, input.interfaces);
      const effects = [...state.assigned.keys(), ...state.standby.keys()].flatMap((address) =>
        settle(next, address, renewed),
      );
      return { state: next, effects };
    }
    case "socket": {
      const broken = brokenFor(state, input.family);
      const ended = input.error === undefined && broken.delete(input.interface);
      if (input.error !== undefined && canBeTried(state.interfaces, input.interface)) {
        broken.set(input.interface, input.error);
      }
      const renewed = ended ? new Set([input.interface]) : noChange;
      const effects = [...state.assigned.keys()]
        .filter((address) => familyOf(address) === input.family)
        .flatMap((address) => settle(state, address, renewed));
      return { state, effects };
    }
  }
}

const noChange: ReadonlySet<string> = new Set();

/** Returns the interfaces on which the kernel refuses what answering for a family needs, and its words. */
export function brokenFor(
  { brokenInterfaces, brokenForIpv6 }: AnnouncerState,
  family: IpFamily,
): Map<string, string> {
  return family === 4 ? brokenInterfaces : brokenForIpv6;
}

/** What is refused on an interface that is not there is over: the link tries it afresh when it is back. */
function forgetRefusals({ interfaces, brokenInterfaces, brokenForIpv6 }: AnnouncerState): void {
  for (const broken of [brokenInterfaces, brokenForIpv6]) {
    for (const name of broken.keys()) {
      if (!canBeTried(interfaces, name)) {
        broken.delete(name);
      }
    }
  }
}

/** True if the link tries to answer there; the empty name is that of netlink. */
function canBeTried(interfaces: readonly NetworkInterface[], name: string): boolean {
  return (
    name === "" || interfaces.some((nic) => nic.name === name && nic.up && nic.mac !== undefined)
  );
}

/** Makes what is answered equal to what should be, for one address. */
function settle(
  state: AnnouncerState,
  address: IpAddress,
  renewed: ReadonlySet<string>,
): readonly AnnouncerEffect[] {
  const before = state.answering.get(address) ?? [];
  const after = interfacesFor(state, address);
  noteBroken(state, address, after);
  const effects: AnnouncerEffect[] = [];
  for (const name of before.filter((known) => !after.includes(known))) {
    effects.push({ kind: "withdraw", address, interface: name });
  }
  for (const name of after.filter((chosen) => !before.includes(chosen) || renewed.has(chosen))) {
    effects.push({ kind: "answer", address, interface: name });
    effects.push({ kind: "announce", address, interface: name });
  }
  remember(state.answering, address, after);
  return [...effects, ...settleWatching(state, address, after)];
}

/** The same for what is only watched; what is answered now needs no end of its watch. */
function settleWatching(
  state: AnnouncerState,
  address: IpAddress,
  answered: readonly string[],
): readonly AnnouncerEffect[] {
  const before = state.watching.get(address) ?? [];
  const after = standbyInterfacesFor(state, address);
  remember(state.watching, address, after);
  const over = before.filter((name) => !after.includes(name) && !answered.includes(name));
  const begun = after.filter((name) => !before.includes(name));
  return [
    ...over.map((name) => ({ kind: "unwatch" as const, address, interface: name })),
    ...begun.map((name) => ({ kind: "watch" as const, address, interface: name })),
  ];
}

function remember(
  where: Map<IpAddress, readonly string[]>,
  address: IpAddress,
  interfaces: readonly string[],
): void {
  if (interfaces.length === 0) {
    where.delete(address);
  } else {
    where.set(address, interfaces);
  }
}

/** What could not be announced here is no failure before it is ours. */
function standbyInterfacesFor(state: AnnouncerState, address: IpAddress): readonly string[] {
  const named = state.standby.get(address);
  if (named === undefined || refuse(state, address) !== undefined) {
    return [];
  }
  const choice = chooseInterfaces(state.picture.candidates, named, address);
  return choice.kind === "chosen" ? choice.names : [];
}

/** What cannot be answered on any of its interfaces is a failure; the link goes on trying. */
function noteBroken(state: AnnouncerState, address: IpAddress, chosen: readonly string[]): void {
  const broken = brokenFor(state, familyOf(address));
  const words = chosen.map((name) => broken.get(name));
  if (words.length > 0 && words.every((error) => error !== undefined)) {
    const message = chosen.map((name, index) => `${name}: ${words[index]}`).join("; ");
    state.failures.set(address, { address, reason: "LinkFailed", message });
  }
}

function interfacesFor(state: AnnouncerState, address: IpAddress): readonly string[] {
  state.failures.delete(address);
  const named = state.assigned.get(address);
  if (named === undefined) {
    return [];
  }
  const refused = refuse(state, address);
  if (refused !== undefined) {
    return fail(state, address, "AnnouncementRefused", refused);
  }
  const choice = chooseInterfaces(state.picture.candidates, named, address);
  return choice.kind === "chosen"
    ? choice.names
    : fail(state, address, choice.reason, choice.message);
}

/** Whoever asks, these are never announced: it would cut the node or its network off. */
function refuse(state: AnnouncerState, address: IpAddress): string | undefined {
  if (isNeverAssignable(address)) {
    return "it is a loopback, link-local, multicast or broadcast address, or an IPv4-mapped one";
  }
  if (state.defaultGateways.includes(address)) {
    return "it is the default gateway of this node";
  }
  const own = state.picture.ownAddresses.get(address);
  return own === undefined ? undefined : `it is this node's own address on ${own}`;
}

function pictureOf(interfaces: readonly NetworkInterface[]): NodePicture {
  const candidates = interfaces.map((nic) => ({
    name: nic.name,
    state: interfaceState(nic),
    prefixes: nic.prefixes,
    index: nic.index,
    lower: nic.lower,
  }));
  const own = interfaces
    .filter(holdsNodeAddresses)
    .flatMap(({ name, prefixes }) => prefixes.map(({ address }) => [address, name] as const));
  return { candidates, ownAddresses: new Map(own) };
}

function fail(
  state: AnnouncerState,
  address: IpAddress,
  reason: AnnounceFailure,
  message: string,
): readonly string[] {
  state.failures.set(address, { address, reason, message });
  return [];
}

/**
 * Names of interfaces on which neighbours and switches may know better than they should: back again,
 * made anew, with another hardware address, or plugged elsewhere. A bridge is, when one of its wires is.
 */
function renewedInterfaces(
  before: readonly NetworkInterface[],
  after: readonly NetworkInterface[],
): ReadonlySet<string> {
  const known = new Map(before.map((nic) => [nic.name, nic]));
  const renewed = after.filter((nic) => isRenewed(known.get(nic.name), nic));
  const bridges = new Set(renewed.filter(isWire).flatMap(({ master }) => master ?? []));
  return new Set(
    [...renewed, ...after.filter(({ index }) => bridges.has(index))].map(({ name }) => name),
  );
}

function isRenewed(old: NetworkInterface | undefined, nic: NetworkInterface): boolean {
  return (
    old !== undefined &&
    (old.mac !== nic.mac ||
      old.index !== nic.index ||
      old.renewals !== nic.renewals ||
      (canAnnounceOn(nic) && !canAnnounceOn(old)))
  );
}

/** Not the plug of a container or a virtual machine, which come and go without any neighbour's knowing. */
function isWire({ kind }: NetworkInterface): boolean {
  return kind !== "veth" && kind !== "tun";
}
