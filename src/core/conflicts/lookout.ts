import type { IpAddress } from "../net/ip-address.ts";
import type { MacAddress } from "../net/mac-address.ts";

/** A speaker looks for at most so many addresses. */
export const lookoutMax = 256;

/** A round asks so often; whoever answers fewer times than `proof` may have been a single forged frame. */
const inquiriesPerRound = 3;
const proof = 2;

/** Between two inquiries of a round, and from the last one to its end. Hosts on a LAN answer within 3 ms. */
const inquiryMs = 100;
const lastAnswerMs = 300;

/** An address that was seen in use is free again after so many rounds in which nobody answered. */
export const cleanRounds = 3;

/** Between two rounds: of an address that is or was in use; of one that is not; of one that answered once. */
export const watchedIntervalMs = 30_000;
export const freeIntervalMs = 600_000;
const doubtIntervalMs = 2_000;

/** First rounds begin so far apart, so that a long list does not flood the segment. */
export const staggerMs = 100;

/** What is looked for. */
export interface Sought {
  readonly address: IpAddress;
  /** Where hosts that had it would be. */
  readonly interface: string;
  /** It was found in use before; by whom, this process may not know. */
  readonly quarantined: boolean;
}

/** A host that has an address which is to be free. */
export interface Sighting {
  readonly address: IpAddress;
  readonly interface: string;
  readonly mac: MacAddress;
}

interface Watch extends Sought {
  readonly mac: MacAddress | undefined;
  /** How many rounds in a row nobody answered. */
  readonly clean: number;
  /** Inquiries sent in the round under way; 0: none is. */
  readonly sent: number;
  /** Who answered in this round, and how often. */
  readonly answers: { readonly mac: MacAddress; readonly count: number } | undefined;
  readonly nextAt: number;
  readonly roundEndedAt: number;
}

export interface LookoutState {
  readonly watches: Map<IpAddress, Watch>;
}

export type LookoutInput =
  /** The controller asks for these, and for no others any more. */
  | { readonly kind: "sought"; readonly sought: readonly Sought[] }
  /** Another host says that it has the address. */
  | { readonly kind: "claim"; readonly address: IpAddress; readonly mac: MacAddress }
  /** Time went by. */
  | { readonly kind: "wake" };

export interface LookoutEffect {
  readonly kind: "observe" | "ignore" | "inquire";
  readonly address: IpAddress;
  readonly interface: string;
}

export interface LookoutStep {
  readonly state: LookoutState;
  readonly effects: readonly LookoutEffect[];
  readonly wakeAt: number | undefined;
}

/** Nothing is looked for. */
export function idleLookout(): LookoutState {
  return { watches: new Map() };
}

/**
 * Takes one change into account. The map inside `state` is consumed.
 *
 * An address counts as in use when one host answered two of three inquiries (RFC 5227 2.1.1,
 * RFC 4862 5.4): a single frame, which anybody may have sent for any reason, only has it asked
 * for. Then it takes three rounds without an answer to be free again.
 */
export function step(state: LookoutState, input: LookoutInput, now: number): LookoutStep {
  const { watches } = state;
  const effects: LookoutEffect[] = [];
  switch (input.kind) {
    case "sought":
      effects.push(...seek(watches, input.sought, now));
      break;
    case "claim":
      hear(watches, input.address, input.mac, now);
      break;
    case "wake":
      for (const watch of [...watches.values()].filter(({ nextAt }) => nextAt <= now)) {
        effects.push(...proceed(watches, watch, now));
      }
  }
  const times = [...watches.values()].map(({ nextAt }) => nextAt);
  return { state, effects, wakeAt: times.length === 0 ? undefined : Math.min(...times) };
}

/** Who has addresses that were to be free. */
export function sightings({ watches }: LookoutState): readonly Sighting[] {
  return [...watches.values()].flatMap(({ address, interface: name, mac }) =>
    mac === undefined ? [] : [{ address, interface: name, mac }],
  );
}

/** Addresses that nobody has, as far as hosts answer: of one that was in use, after {@link cleanRounds}. */
export function clearAddresses({ watches }: LookoutState): readonly IpAddress[] {
  return [...watches.values()].filter(isClear).map(({ address }) => address);
}

function isClear({ mac, clean, quarantined }: Watch): boolean {
  return mac === undefined && clean >= (quarantined ? cleanRounds : 1);
}

function seek(
  watches: Map<IpAddress, Watch>,
  sought: readonly Sought[],
  now: number,
): readonly LookoutEffect[] {
  const wanted = new Map(sought.slice(0, lookoutMax).map((one) => [one.address, one]));
  const effects: LookoutEffect[] = [];
  for (const [address, watch] of watches) {
    const want = wanted.get(address);
    if (want?.interface !== watch.interface) {
      watches.delete(address);
      effects.push({ kind: "ignore", address, interface: watch.interface });
    } else if (want.quarantined !== watch.quarantined) {
      const nextAt = Math.min(watch.nextAt, now + watchedIntervalMs);
      watches.set(address, { ...watch, quarantined: want.quarantined, nextAt });
    }
  }
  let startAt = now;
  for (const want of wanted.values()) {
    if (!watches.has(want.address)) {
      watches.set(want.address, {
        ...want,
        ...{ mac: undefined, clean: 0, sent: 0, answers: undefined },
        ...{ nextAt: startAt, roundEndedAt: Number.NEGATIVE_INFINITY },
      });
      effects.push({ kind: "observe", address: want.address, interface: want.interface });
      startAt += staggerMs;
    }
  }
  return effects;
}

function hear(
  watches: Map<IpAddress, Watch>,
  address: IpAddress,
  mac: MacAddress,
  now: number,
): void {
  const watch = watches.get(address);
  if (watch === undefined) {
    return;
  }
  if (watch.sent > 0) {
    const count = watch.answers?.mac === mac ? watch.answers.count + 1 : 1;
    watches.set(address, { ...watch, answers: { mac, count } });
  } else if (watch.mac === undefined && now - watch.roundEndedAt >= doubtIntervalMs) {
    watches.set(address, { ...watch, nextAt: Math.min(watch.nextAt, now) });
  }
}

/** Sends the next inquiry of a round, or ends it. */
function proceed(
  watches: Map<IpAddress, Watch>,
  watch: Watch,
  now: number,
): readonly LookoutEffect[] {
  const { address, interface: name, sent } = watch;
  if (sent < inquiriesPerRound) {
    const nextAt = now + (sent + 1 < inquiriesPerRound ? inquiryMs : lastAnswerMs);
    watches.set(address, { ...watch, sent: sent + 1, nextAt });
    return [{ kind: "inquire", address, interface: name }];
  }
  const ended = { ...watch, sent: 0, answers: undefined, roundEndedAt: now };
  watches.set(address, { ...ended, ...judge(watch, now) });
  return [];
}

/** What a round says of the address, and when the next one begins. */
function judge(watch: Watch, now: number): Pick<Watch, "mac" | "clean" | "nextAt"> {
  const { answers } = watch;
  if (answers !== undefined && answers.count >= proof) {
    return { mac: answers.mac, clean: 0, nextAt: now + watchedIntervalMs };
  }
  if (answers !== undefined) {
    return { mac: watch.mac, clean: watch.clean, nextAt: now + doubtIntervalMs };
  }
  const clean = watch.clean + 1;
  const mac = clean >= cleanRounds ? undefined : watch.mac;
  const isDone = mac === undefined && (!watch.quarantined || clean >= cleanRounds);
  return { mac, clean, nextAt: now + (isDone ? freeIntervalMs : watchedIntervalMs) };
}
