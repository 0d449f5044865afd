import type { Clock } from "../runtime/clock.ts";

/** What a {@link Pace} needs. */
export interface PaceOptions {
  /** So many at once, after a long enough rest; at least 1. */
  readonly burst: number;
  /** So many in a second on average; asked each time. */
  readonly perSecond: () => number;
  readonly clock: Clock;
}

/** Keeps requests that are not urgent below a rate: a bucket of tokens, each of them worth one. */
export class Pace {
  readonly #options: PaceOptions;
  #tokens: number;
  #tokensAt: number;

  constructor(options: PaceOptions) {
    this.#options = options;
    this.#tokens = options.burst;
    this.#tokensAt = options.clock.now();
  }

  /** Resolves when it is the caller's turn, or once `signal` aborts. */
  async turn(signal: AbortSignal): Promise<void> {
    const { burst, perSecond, clock } = this.#options;
    const perMs = perSecond() / 1_000;
    const now = clock.now();
    this.#tokens = Math.min(burst, this.#tokens + (now - this.#tokensAt) * perMs);
    this.#tokensAt = now;
    this.#tokens -= 1;
    if (this.#tokens < 0) {
      await clock.sleep(-this.#tokens / perMs, signal);
    }
  }
}
