import type { Clock } from "../runtime/clock.ts";
import type { Log } from "../runtime/log.ts";
import { ApiError } from "./api-error.ts";
import { type BackoffLimits, backoffDelay } from "./backoff.ts";

/** What a {@link WorkQueue} needs. */
export interface WorkQueueOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** What a key is called in log lines, default `key`. */
  readonly keyField?: string;
  /** How many keys are worked on at a time, default 1. */
  readonly workers?: number;
  /** The wait after a key's failures in a row, default 100 ms doubling to 5 min. */
  readonly backoff?: BackoffLimits;
}

/** Does what is to be done about one key. Rejecting means: try this key again later. */
export type Worker = (key: string) => Promise<void>;

/** One piece of work that has ended, in milliseconds. */
export interface WorkOutcome {
  /** From the moment at which the key was ready to the start of its work. */
  readonly waitedMs: number;
  readonly workedMs: number;
  readonly failed: boolean;
}

const defaultBackoff: BackoffLimits = { firstMs: 100, maxMs: 300_000 };

/**
 * Keys that need work, each at most once, oldest first.
 *
 * A key is never worked on twice at the same time: added meanwhile, it runs
 * once more afterwards. A key whose work fails waits by itself, longer each
 * time; the others go on.
 */
export class WorkQueue {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #keyField: string;
  readonly #workers: number;
  readonly #backoff: BackoffLimits;
  readonly #ready = new Set<string>();
  /** Ready too, but in no hurry: beside others these take half of the workers at most. */
  readonly #unhurried = new Set<string>();
  readonly #unhurriedRunning = new Set<string>();
  readonly #waiting = new Map<string, Wait>();
  /** Keys under work, and after which wait to run again when added meanwhile. */
  readonly #running = new Map<string, number | undefined>();
  readonly #failures = new Map<string, Failures>();
  /** Since when each ready key waits for a worker. */
  readonly #readySince = new Map<string, number>();
  readonly #listeners: ((outcome: WorkOutcome) => void)[] = [];
  #wake: (() => void) | undefined;

  constructor(options: WorkQueueOptions) {
    this.#clock = options.clock;
    this.#log = options.log;
    this.#keyField = options.keyField ?? "key";
    this.#workers = options.workers ?? 1;
    this.#backoff = options.backoff ?? defaultBackoff;
  }

  /** How many keys wait for a worker now. */
  get depth(): number {
    return this.#ready.size + this.#unhurried.size;
  }

  /** Whether nothing is ready or under work; keys may still be waiting for their time. */
  get idle(): boolean {
    return this.depth === 0 && this.#running.size === 0;
  }

  /** Calls `listener` after each piece of work, from now on. */
  onWork(listener: (outcome: WorkOutcome) => void): void {
    this.#listeners.push(listener);
  }

  /**
   * Asks for work on `key`, now or in `afterMs`. Of several wishes the earliest
   * counts; a wish for now also ends the wait after a failure, but for the first
   * backoff: work that fails may be what asks, and would never come to rest.
   */
  add(key: string, afterMs = 0): void {
    if (this.#running.has(key)) {
      const wanted = this.#running.get(key);
      this.#running.set(key, Math.min(afterMs, wanted ?? afterMs));
    } else if (!this.#ready.has(key)) {
      this.#schedule(key, afterMs);
    }
  }

  /**
   * Asks for work on `key` soon. As long as there are others, keys asked for like this
   * leave half of the workers to them, so that many at once do not hold up what is urgent.
   */
  addUnhurried(key: string): void {
    if (this.#running.has(key) || this.#restMs(key) > 0) {
      this.add(key);
    } else if (!this.#ready.has(key)) {
      this.#stopWaiting(key);
      this.#unhurried.add(key);
      this.#noteReady(key);
      this.#wake?.();
    }
  }

  /** Forgets `key`: what it waited for and how often it failed. Work under way is not interrupted. */
  forget(key: string): void {
    this.#ready.delete(key);
    this.#unhurried.delete(key);
    this.#readySince.delete(key);
    this.#stopWaiting(key);
    this.#failures.delete(key);
  }

  /** Gives keys to `worker` until `signal` aborts and the work under way has ended. Never rejects. */
  async run(worker: Worker, signal: AbortSignal): Promise<void> {
    const underWay = new Set<Promise<void>>();
    const wake = (): void => this.#wake?.();
    signal.addEventListener("abort", wake);
    while (!signal.aborted) {
      const key = this.#take();
      if (key === undefined) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      } else {
        const work = this.#work(key, worker);
        underWay.add(work);
        void work.finally(() => underWay.delete(work));
      }
    }
    signal.removeEventListener("abort", wake);
    await Promise.all(underWay);
    for (const key of [...this.#waiting.keys()]) {
      this.#stopWaiting(key);
    }
  }

  #take(): string | undefined {
    if (this.#running.size >= this.#workers) {
      return undefined;
    }
    const unhurriedRunning = this.#unhurriedRunning.size;
    const nothingUrgentRuns = unhurriedRunning === this.#running.size;
    const room = nothingUrgentRuns || unhurriedRunning < this.#workers >> 1;
    const [urgent] = this.#ready;
    const [unhurried] = room ? this.#unhurried : [];
    const key = urgent ?? unhurried;
    if (key !== undefined) {
      if (urgent === undefined) {
        this.#unhurriedRunning.add(key);
      }
      this.#ready.delete(key);
      this.#unhurried.delete(key);
      this.#running.set(key, undefined);
    }
    return key;
  }

  async #work(key: string, worker: Worker): Promise<void> {
    let retryMs: number | undefined;
    const startedAt = this.#clock.now();
    const waitedMs = startedAt - (this.#readySince.get(key) ?? startedAt);
    this.#readySince.delete(key);
    try {
      await worker(key);
      this.#failures.delete(key);
    } catch (error) {
      retryMs = this.#failed(key, error);
    }
    const workedMs = this.#clock.now() - startedAt;
    for (const listener of this.#listeners) {
      listener({ waitedMs, workedMs, failed: retryMs !== undefined });
    }
    const wanted = this.#running.get(key);
    this.#running.delete(key);
    this.#unhurriedRunning.delete(key);
    if (wanted !== undefined || retryMs !== undefined) {
      const never = Number.POSITIVE_INFINITY;
      this.#schedule(key, Math.min(wanted ?? never, retryMs ?? never));
    }
    this.#wake?.();
  }

  #failed(key: string, error: unknown): number {
    const failures = (this.#failures.get(key)?.count ?? 0) + 1;
    const chance = this.#clock.random();
    const restUntil = this.#clock.now() + backoffDelay(this.#backoff, 1, chance);
    this.#failures.set(key, { count: failures, restUntil });
    const delay = backoffDelay(this.#backoff, failures, chance);
    const asked = error instanceof ApiError ? (error.retryAfterMs ?? 0) : 0;
    const retryMs = Math.round(Math.max(delay, asked));
    const fields = { [this.#keyField]: key, failures, retryMs, err: String(error) };
    this.#log.warn(fields, "work failed: trying again");
    return retryMs;
  }

  /** How long the key is still to be left alone, whatever the news. */
  #restMs(key: string): number {
    const now = this.#clock.now();
    return Math.max(0, (this.#failures.get(key)?.restUntil ?? now) - now);
  }

  #schedule(key: string, wantedMs: number): void {
    const afterMs = Math.max(wantedMs, this.#restMs(key));
    const due = this.#clock.now() + afterMs;
    const waiting = this.#waiting.get(key);
    if (waiting !== undefined && waiting.due <= due) {
      return;
    }
    this.#stopWaiting(key);
    if (afterMs <= 0) {
      this.#makeReady(key);
      return;
    }
    const stop = new AbortController();
    this.#waiting.set(key, { due, stop });
    void this.#clock.sleep(afterMs, stop.signal).then(() => {
      if (!stop.signal.aborted) {
        this.#waiting.delete(key);
        this.#makeReady(key);
      }
    });
  }

  #makeReady(key: string): void {
    this.#unhurried.delete(key);
    this.#ready.add(key);
    this.#noteReady(key);
    this.#wake?.();
  }

  #noteReady(key: string): void {
    if (!this.#readySince.has(key)) {
      this.#readySince.set(key, this.#clock.now());
    }
  }

  #stopWaiting(key: string): void {
    this.#waiting.get(key)?.stop.abort();
    this.#waiting.delete(key);
  }
}

/** A key's failures since its work last succeeded. */
interface Failures {
  readonly count: number;
  /** Before then it is not tried again. */
  readonly restUntil: number;
}

interface Wait {
  readonly due: number;
  readonly stop: AbortController;
}
