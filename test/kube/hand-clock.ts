import { setImmediate } from "node:timers/promises";
import type { Clock } from "../../src/runtime/clock.ts";

/** A clock that moves only when told to. */
export class HandClock implements Clock {
  #now = 0;
  #sleepers: { readonly due: number; readonly wake: () => void }[] = [];

  now(): number {
    return this.#now;
  }

  wallTime(): Date {
    return new Date(Date.UTC(2026, 0, 1) + this.#now);
  }

  random(): number {
    return 0;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal?.aborted === true) {
        resolve();
        return;
      }
      const sleeper = { due: this.#now + ms, wake: resolve };
      this.#sleepers.push(sleeper);
      signal?.addEventListener("abort", () => {
        this.#sleepers = this.#sleepers.filter((one) => one !== sleeper);
        resolve();
      });
    });
  }

  /** Moves on by `ms`, waking who is due in the order in which they are, and lets all of them act. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    await setImmediate();
    for (;;) {
      this.#sleepers.sort((a, b) => a.due - b.due);
      const [next] = this.#sleepers;
      if (next === undefined || next.due > end) {
        break;
      }
      this.#now = Math.max(this.#now, next.due);
      this.#sleepers.shift();
      next.wake();
      await setImmediate();
    }
    this.#now = end;
  }
}
