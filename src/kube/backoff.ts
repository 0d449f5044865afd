import type { Clock } from "../runtime/clock.ts";

/** Bounds of a {@link Backoff}. */
export interface BackoffLimits {
  /** The longest first delay, in milliseconds. */
  readonly firstMs: number;
  /** The longest delay ever, in milliseconds. */
  readonly maxMs: number;
}

/**
 * The delay before try number `failures + 1`, in milliseconds: doubling up to
 * the limit, and between half of it and all of it by `chance` in [0, 1), so
 * that many clients that failed together do not come back together.
 */
export function backoffDelay(limits: BackoffLimits, failures: number, chance: number): number {
  const whole = Math.min(limits.maxMs, limits.firstMs * 2 ** Math.max(0, failures - 1));
  return whole / 2 + (whole / 2) * chance;
}

/** Counts consecutive failures of one thing and waits accordingly. */
export class Backoff {
  readonly #limits: BackoffLimits;
  readonly #clock: Clock;
  #failures = 0;

  constructor(clock: Clock, limits: BackoffLimits) {
    this.#clock = clock;
    this.#limits = limits;
  }

  /** Starts over after a success. */
  reset(): void {
    this.#failures = 0;
  }

  /** Waits after one more failure, at least `atLeastMs`; returns early when `signal` aborts. */
  async wait(signal: AbortSignal, atLeastMs = 0): Promise<void> {
    this.#failures += 1;
    const delay = backoffDelay(this.#limits, this.#failures, this.#clock.random());
    await this.#clock.sleep(Math.max(delay, atLeastMs), signal);
  }
}
