import type { SpeakerFailure } from "../model/l2-speaker.ts";
import type { AnnounceFailure } from "../model/reason.ts";
import { familyOf, type IpAddress, isNeverAssignable } from "../net/ip-address.ts";
import { prefixContains } from "../net/ip-prefix.ts";
import {
  canAnnounceOn,
  holdsNodeAddresses,
  type NetworkInterface,
} from "../net/network-interface.ts";

/** What this node should announce, what it does announce, and why not the rest. */
export interface AnnouncerState {
  readonly interfaces: readonly NetworkInterface[];
  readonly defaultGateways: readonly IpAddress[];
  /** The interfaces that advertisements name for each address of ours; empty: any. */
  readonly assigned: Map<IpAddress, readonly string[]>;
  /** The interfaces on which each address is answered now. */
  readonly answering: Map<IpAddress, readonly string[]>;
  readonly failures: Map<IpAddress, SpeakerFailure>;
  /** Interfaces on which the kernel refuses what answering needs, and its words. */
  readonly brokenInterfaces: Map<string, string>;
}

export type AnnouncerInput =
  /** The address is ours to announce. */
  | {
      readonly kind: "assign";
      readonly address: IpAddress;
      readonly interfaces: readonly string[];
    }
  /** It no longer is. */
  | { readonly kind: "unassign"; readonly address: IpAddress }
  /** The node's interfaces or gateways changed. */
  | {
      readonly kind: "link";
      readonly interfaces: readonly NetworkInterface[];
      readonly defaultGateways: readonly IpAddress[];
    }
  /** The kernel lets us answer on an interface, or not: `error` has its words. */
  | { readonly kind: "socket"; readonly interface: string; readonly error: string | undefined };

/** What the link has to do. `announce`: start the gratuitous schedule; always after its `answer`. */
export interface AnnouncerEffect {
  readonly kind: "answer" | "withdraw" | "announce";
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
    assigned: new Map(),
    answering: new Map(),
    failures: new Map(),
    brokenInterfaces: new Map(),
  };
}

/**
 * Takes one change into account. The maps inside `state` are consumed: use the
 * returned state from here on.
 *
 * Nothing is sent when nothing changed: an assignment repeated has no effects.
 * An address is announced anew where it was not answered before, and where the
 * interface came back or has another hardware address.
 */
export function step(state: AnnouncerState, input: AnnouncerInput): AnnouncerStep {
  switch (input.kind) {
    case "assign":
      state.assigned.set(input.address, input.interfaces);
      return { state, effects: settle(state, input.address, noChange) };
    case "unassign": {
      state.assigned.delete(input.address);
      return { state, effects: settle(state, input.address, noChange) };
    }
    case "link": {
      const next = {
        ...state,
        interfaces: input.interfaces,
        defaultGateways: input.defaultGateways,
      };
      const renewed = renewedInterfaces(state.interfaces, input.interfaces);
      const effects = [...state.assigned.keys()].flatMap((address) =>
        settle(next, address, renewed),
      );
      return { state: next, effects };
    }
    case "socket": {
      if (input.error === undefined) {
        state.brokenInterfaces.delete(input.interface);
      } else {
        state.brokenInterfaces.set(input.interface, input.error);
      }
      const effects = [...state.assigned.keys()].flatMap((address) =>
        settle(state, address, noChange),
      );
      return { state, effects };
    }
  }
}

const noChange: ReadonlySet<string> = new Set();

/** Makes what is answered equal to what should be, for one address. */
function settle(
  state: AnnouncerState,
  address: IpAddress,
  renewed: ReadonlySet<string>,
): readonly AnnouncerEffect[] {
  const before = state.answering.get(address) ?? [];
  const after = chooseInterfaces(state, address);
  noteBroken(state, address, after);
  const effects: AnnouncerEffect[] = [];
  for (const name of before.filter((known) => !after.includes(known))) {
    effects.push({ kind: "withdraw", address, interface: name });
  }
  for (const name of after.filter((chosen) => !before.includes(chosen) || renewed.has(chosen))) {
    effects.push({ kind: "answer", address, interface: name });
    effects.push({ kind: "announce", address, interface: name });
  }
  if (after.length === 0) {
    state.answering.delete(address);
  } else {
    state.answering.set(address, after);
  }
  return effects;
}

/** What cannot be answered on any of its interfaces is a failure; the link goes on trying. */
function noteBroken(
  { brokenInterfaces, failures }: AnnouncerState,
  address: IpAddress,
  chosen: readonly string[],
): void {
  const words = chosen.map((name) => brokenInterfaces.get(name));
  if (words.length > 0 && words.every((error) => error !== undefined)) {
    const message = chosen.map((name, index) => `${name}: ${words[index]}`).join("; ");
    failures.set(address, { address, reason: "LinkFailed", message });
  }
}

function chooseInterfaces(state: AnnouncerState, address: IpAddress): readonly string[] {
  state.failures.delete(address);
  const named = state.assigned.get(address);
  if (named === undefined) {
    return [];
  }
  const refused = refuse(state, address);
  if (refused !== undefined) {
    return fail(state, address, "AnnouncementRefused", refused);
  }
  if (familyOf(address) === 6) {
    return fail(state, address, "FamilyNotAnnounced", `this version announces IPv4 only`);
  }
  const usable = state.interfaces.filter(canAnnounceOn);
  if (named.length > 0) {
    const present = usable.filter((nic) => named.includes(nic.name));
    return present.length > 0
      ? present.map((nic) => nic.name)
      : fail(state, address, "InterfaceMissing", `none of ${named.join(", ")} is there and up`);
  }
  const onLink = usable.filter((nic) =>
    nic.prefixes.some((prefix) => prefixContains(prefix, address)),
  );
  const chosen = onLink.length > 0 ? onLink : usable;
  return chosen.length > 0
    ? chosen.map((nic) => nic.name)
    : fail(state, address, "NoUsableInterface", "no interface is up, with carrier and able to ARP");
}

/** Whoever asks, these are never announced: it would cut the node or its network off. */
function refuse(state: AnnouncerState, address: IpAddress): string | undefined {
  if (isNeverAssignable(address)) {
    return "it is a loopback, link-local, multicast or broadcast address";
  }
  if (state.defaultGateways.includes(address)) {
    return "it is the default gateway of this node";
  }
  const own = state.interfaces.find(
    (nic) => holdsNodeAddresses(nic) && nic.prefixes.some((prefix) => prefix.address === address),
  );
  return own === undefined ? undefined : `it is this node's own address on ${own.name}`;
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

/** Interfaces on which the neighbours' caches may be wrong: back again, re-created, or with a new MAC. */
function renewedInterfaces(
  before: readonly NetworkInterface[],
  after: readonly NetworkInterface[],
): ReadonlySet<string> {
  const known = new Map(before.map((nic) => [nic.name, nic]));
  const renewed = after.filter((nic) => {
    const old = known.get(nic.name);
    return (
      old !== undefined &&
      (old.mac !== nic.mac ||
        old.index !== nic.index ||
        (canAnnounceOn(nic) && !canAnnounceOn(old)))
    );
  });
  return new Set(renewed.map((nic) => nic.name));
}
