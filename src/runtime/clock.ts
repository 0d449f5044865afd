/**
 * Time and chance, injected where needed so that tests run without waiting.
 *
 * Durations and deadlines use {@link Clock.now}, which never jumps; the wall
 * clock is only written into objects that people read.
 */
export interface Clock {
  /** Milliseconds on a monotonic clock; the zero point means nothing. */
  now(): number;
  /** The time of day, for timestamps in API objects. Never compared with anything. */
  wallTime(): Date;
  /** A number in [0, 1), for jitter. */
  random(): number;
  /** Resolves after `ms` milliseconds, or at once when `signal` aborts. Never rejects. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** The process's own clock. */
export const systemClock: Clock = {
  now: () => performance.now(),
  wallTime: () => new Date(),
  random: () => Math.random(),
  sleep: (ms, signal) =>
    new Promise((resolve) => {
      if (signal?.aborted) {
        resolve();
        return;
      }
      const done = (): void => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", done);
        resolve();
      };
      const timer = setTimeout(done, ms);
      signal?.addEventListener("abort", done, { once: true });
    }),
};
