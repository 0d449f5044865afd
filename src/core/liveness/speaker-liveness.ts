/** A speaker is dead after this long without an observed renewal of its Lease. */
export const deadAfterMs = 6_000;

/**
 * Silent for this long, a speaker counts among those that "look dead at once":
 * two renewals are missing, so speakers cut off together are counted together,
 * although their last renewals lie up to one period apart.
 */
export const suspectAfterMs = 4_000;

/** While verdicts are suspended, how often the question is asked again. */
const suspendedPollMs = 500;

/** However long an outage was, silence counts again so long after it. */
export const graceMaxMs = 30_000;

/**
 * Which speakers are alive, judged by the renewals of their Leases as *this*
 * process saw them, on its own monotonic clock. Timestamps inside a Lease are
 * never compared with anything: clocks of other nodes may be wrong.
 */
export interface LivenessState {
  readonly speakers: ReadonlyMap<string, SpeakerPulse>;
  /** Speakers judged dead; stays so until a renewal is seen. */
  readonly dead: ReadonlySet<string>;
  /** Since when more than half look dead at once; undefined: they do not. */
  readonly suspendedSince?: number | undefined;
}

interface SpeakerPulse {
  /** Any text that changes with each renewal. */
  readonly renewal: string;
  /** When this renewal was first seen, or from when on silence counts again. */
  readonly seenAt: number;
}

export type LivenessInput =
  /** The Lease of `node` reads `renewal` now. */
  | { readonly kind: "renewal"; readonly node: string; readonly renewal: string }
  /** The Lease of `node`, or the node, is gone. */
  | { readonly kind: "gone"; readonly node: string }
  /** An admin says that `node` is off: its speaker is dead until a renewal is seen. */
  | { readonly kind: "outOfService"; readonly node: string }
  /**
   * Renewals may have been missed: the watch broke or came back. `graceMs`: how
   * long speakers may need on top of the usual to reach the API server again.
   */
  | { readonly kind: "gap"; readonly graceMs: number }
  | { readonly kind: "wake" };

export interface LivenessStep {
  readonly state: LivenessState;
  /** Speakers whose verdict changed. */
  readonly died: readonly string[];
  readonly revived: readonly string[];
  /** True while more than half look dead at once: then the fault is here, and no verdict changes. */
  readonly suspended: boolean;
  /** When to call again with `wake`, if nothing else happens. */
  readonly wakeAt: number | undefined;
}

/** Nobody known yet. */
export const noSpeakers: LivenessState = { speakers: new Map(), dead: new Set() };

/** Takes one observation at `now` (ms, monotonic) into account. */
export function step(state: LivenessState, input: LivenessInput, now: number): LivenessStep {
  const speakers = observe(state.speakers, input, now);
  const isNews = input.kind === "renewal" && speakers !== state.speakers;
  const declared = input.kind === "outOfService" && speakers.has(input.node) ? [input.node] : [];
  const stillDead = [...new Set([...state.dead, ...declared])].filter(
    (node) => speakers.has(node) && !(isNews && input.node === node),
  );
  const suspended = areMostSilent(speakers, stillDead, now);
  const judged = suspended ? speakers : spared(speakers, state.suspendedSince, now);
  const living = [...judged].filter(([node]) => !stillDead.includes(node));
  const expired = suspended ? [] : silentFor(deadAfterMs, living, now);
  const died = [...declared.filter((node) => !state.dead.has(node)), ...expired];
  return {
    state: {
      speakers: judged,
      dead: new Set([...stillDead, ...died]),
      suspendedSince: suspended ? (state.suspendedSince ?? now) : undefined,
    },
    died,
    revived: [...state.dead].filter((node) => speakers.has(node) && !stillDead.includes(node)),
    suspended,
    wakeAt: suspended ? now + suspendedPollMs : nextWake(living, died),
  };
}

type Pulses = readonly (readonly [node: string, SpeakerPulse])[];

const silentFor = (ms: number, living: Pulses, now: number): readonly string[] =>
  living.filter(([, pulse]) => now - pulse.seenAt >= ms).map(([node]) => node);

/** Whether somebody's time is over and more than half of the living look dead. */
function areMostSilent(
  speakers: LivenessState["speakers"],
  dead: readonly string[],
  now: number,
): boolean {
  const living = [...speakers].filter(([node]) => !dead.includes(node));
  const suspects = silentFor(suspectAfterMs, living, now);
  return silentFor(deadAfterMs, living, now).length > 0 && suspects.length * 2 > living.length;
}

/**
 * Once most speakers are heard again, the others may come as much later as the
 * trouble lasted, since everybody waits before the next try; only then does their
 * silence count. Without this, the last ones to come back would be taken for dead.
 */
function spared(
  speakers: LivenessState["speakers"],
  suspendedSince: number | undefined,
  now: number,
): LivenessState["speakers"] {
  if (suspendedSince === undefined) {
    return speakers;
  }
  const seenAt = now + Math.min(graceMaxMs, now - suspendedSince);
  const spare = (pulse: SpeakerPulse): SpeakerPulse =>
    now - pulse.seenAt >= suspectAfterMs ? { ...pulse, seenAt } : pulse;
  return new Map([...speakers].map(([node, pulse]) => [node, spare(pulse)]));
}

function observe(
  before: ReadonlyMap<string, SpeakerPulse>,
  input: LivenessInput,
  now: number,
): ReadonlyMap<string, SpeakerPulse> {
  switch (input.kind) {
    case "wake":
    case "outOfService":
      return before;
    case "gap":
      return new Map(
        [...before].map(([node, { renewal }]) => [node, { renewal, seenAt: now + input.graceMs }]),
      );
    case "gone": {
      const after = new Map(before);
      after.delete(input.node);
      return after;
    }
    case "renewal": {
      const { node, renewal } = input;
      return before.get(node)?.renewal === renewal
        ? before
        : new Map(before).set(node, { renewal, seenAt: now });
    }
  }
}

function nextWake(living: Pulses, died: readonly string[]): number | undefined {
  const deadlines = living
    .filter(([node]) => !died.includes(node))
    .map(([, pulse]) => pulse.seenAt + deadAfterMs);
  return deadlines.length === 0 ? undefined : Math.min(...deadlines);
}
