import type { IpAddress } from "../net/ip-address.ts";
import type { MacAddress } from "../net/mac-address.ts";

/** Whoever forges claims cannot make us remember, report or defend more addresses than so many. */
export const contestedMax = 32;

/** In a planned move the new node may be heard before the old one has read that it is to yield. */
export const settleMs = 300;

/** At most one defence of an address in so long (DEFEND_INTERVAL of RFC 5227 1.1). */
export const defendIntervalMs = 10_000;

/** A rival that is not heard by itself is asked for so often. */
export const inquiryIntervalMs = 10_000;

/** Three inquiries without an answer: the rival is gone. */
const goneAfterMs = 3 * inquiryIntervalMs + 1_000;

/** An address that this node answers for and that another host has, too. */
export interface Contest {
  readonly address: IpAddress;
  readonly interface: string;
  /** The rival's. Of several, the one that was heard first and did not fall silent. */
  readonly mac: MacAddress;
}

interface Known extends Contest {
  readonly since: number;
  readonly heardAt: number;
  readonly inquireAt: number;
  /** Heard since the last defence. */
  readonly unanswered: boolean;
  readonly defendedAt: number;
}

/** The addresses that others claim. */
export interface ContestedState {
  readonly known: Map<IpAddress, Known>;
  /** Those of which the controller says that the rival is none of our speakers. */
  readonly intruded: ReadonlySet<IpAddress>;
}

export type ContestedInput =
  /** Another host says that it has an address which this node answers for. */
  | ({ readonly kind: "claim" } & Contest)
  /** This node does not answer for the address any more. */
  | { readonly kind: "lost"; readonly address: IpAddress }
  /** The controller's judgement of what this node reported. */
  | { readonly kind: "judged"; readonly intruded: ReadonlySet<IpAddress> }
  /** Time went by. */
  | { readonly kind: "wake" };

export interface ContestedEffect {
  /** To ask whether the rival is still there, or to announce the address against it. */
  readonly kind: "inquire" | "defend";
  readonly address: IpAddress;
  readonly interface: string;
}

export interface ContestedStep {
  readonly state: ContestedState;
  readonly effects: readonly ContestedEffect[];
  /** When to look again; `undefined`: nothing waits. */
  readonly wakeAt: number | undefined;
}

/** Nobody claims anything. */
export function uncontested(): ContestedState {
  return { known: new Map(), intruded: new Set() };
}

/**
 * Takes one change into account. The map inside `state` is consumed.
 *
 * Nothing that another host sends takes an address from this node: claims are reported, and
 * defended against (RFC 5227 2.4 b) once the controller has said that the rival is no speaker of
 * ours. Before that, two of our nodes of which one has not read the latest yet would fight.
 */
export function step(state: ContestedState, input: ContestedInput, now: number): ContestedStep {
  const { known } = state;
  let { intruded } = state;
  switch (input.kind) {
    case "claim":
      take(known, input, now);
      break;
    case "lost":
      known.delete(input.address);
      break;
    case "judged":
      intruded = input.intruded;
      break;
    case "wake":
  }
  const effects = [...known.values()].flatMap((one) => effectsOf(known, one, intruded, now));
  return { state: { known, intruded }, effects, wakeAt: wakeAt(known, intruded, now) };
}

/** Those that have lasted long enough to be no move between our nodes, in the order in which they began. */
export function contests({ known }: ContestedState, now: number): readonly Contest[] {
  return [...known.values()]
    .filter(({ since }) => now - since >= settleMs)
    .map(({ address, interface: name, mac }) => ({ address, interface: name, mac }));
}

function take(known: Map<IpAddress, Known>, claim: Contest, now: number): void {
  const { address, interface: name, mac } = claim;
  const before = known.get(address);
  if (before === undefined) {
    if (known.size < contestedMax) {
      const times = { since: now, heardAt: now, inquireAt: now + inquiryIntervalMs };
      const fresh = { unanswered: true, defendedAt: Number.NEGATIVE_INFINITY };
      known.set(address, { address, interface: name, mac, ...times, ...fresh });
    }
    return;
  }
  if (before.mac === mac || now - before.heardAt > inquiryIntervalMs) {
    known.set(address, { ...before, interface: name, mac, heardAt: now, unanswered: true });
  }
}

function effectsOf(
  known: Map<IpAddress, Known>,
  one: Known,
  intruded: ReadonlySet<IpAddress>,
  now: number,
): readonly ContestedEffect[] {
  const { address, interface: name } = one;
  if (now - one.heardAt >= goneAfterMs) {
    known.delete(address);
    return [];
  }
  const effects: ContestedEffect[] = [];
  let next = one;
  if (now >= one.inquireAt) {
    effects.push({ kind: "inquire", address, interface: name });
    next = { ...next, inquireAt: now + inquiryIntervalMs };
  }
  if (intruded.has(address) && one.unanswered && now - one.defendedAt >= defendIntervalMs) {
    effects.push({ kind: "defend", address, interface: name });
    next = { ...next, unanswered: false, defendedAt: now };
  }
  known.set(address, next);
  return effects;
}

function wakeAt(
  known: ReadonlyMap<IpAddress, Known>,
  intruded: ReadonlySet<IpAddress>,
  now: number,
): number | undefined {
  const times = [...known.values()].flatMap((one) => [
    one.inquireAt,
    one.heardAt + goneAfterMs,
    ...(now - one.since < settleMs ? [one.since + settleMs] : []),
    ...(intruded.has(one.address) && one.unanswered ? [one.defendedAt + defendIntervalMs] : []),
  ]);
  return times.length === 0 ? undefined : Math.min(...times);
}
