import type { Clock } from "../runtime/clock.ts";

/** How long an object that vanished counts as still there. */
const graceMs = 60_000;
const lookMs = 1_000;

interface Vanished {
  since: number;
  readonly forget: () => void;
}

/**
 * Objects in force that were deleted without having been released first. The
 * leader never does that: an admin did, or their kind goes with its CRD, or a
 * gap in the watch hid the release. That is uncertain evidence, so they stay in
 * force for a minute, in which whoever leads puts things right; and as long as
 * their kind cannot be watched, because then nobody could.
 */
export class VanishedObjects {
  readonly #clock: Clock;
  readonly #watched: () => boolean;
  readonly #waiting = new Map<string, Vanished>();

  /** `watched` tells whether changes come as they happen. */
  constructor(clock: Clock, watched: () => boolean) {
    this.#clock = clock;
    this.#watched = watched;
  }

  /** How many there are. */
  get size(): number {
    return this.#waiting.size;
  }

  /** Calls `forget` when the time is over, unless {@link returned} comes first. */
  hold(key: string, forget: () => void): void {
    this.#waiting.set(key, { since: this.#clock.now(), forget });
  }

  /** An object of that key is there again. Returns whether it was held. */
  returned(key: string): boolean {
    return this.#waiting.delete(key);
  }

  /** Forgets those whose time is over until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#clock.sleep(lookMs, signal);
      this.#look();
    }
  }

  #look(): void {
    const now = this.#clock.now();
    const watched = this.#watched();
    for (const [key, vanished] of this.#waiting) {
      if (!watched) {
        vanished.since = now;
      } else if (now - vanished.since >= graceMs) {
        this.#waiting.delete(key);
        vanished.forget();
      }
    }
  }
}
