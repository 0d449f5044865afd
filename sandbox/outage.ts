import { systemClock } from "../src/runtime/clock.ts";
import type { LanClient } from "./client.ts";

/** What a client saw of a service that it asked again and again. */
export interface Outage {
  readonly requests: number;
  readonly failed: number;
  /** The longest time without an answer: from one good answer to the next. */
  readonly longestMs: number;
}

/** Between two requests, and until a request without an answer is given up. */
const pauseMs = 10;
const timeoutMs = 100;

/** Asks one URL again and again, one request after the other. */
export class OutageWatch {
  readonly #client: LanClient;
  readonly #url: string;
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;
  #requests = 0;
  #failed = 0;
  #longestMs = 0;
  #lastGoodAt: number;

  constructor(client: LanClient, url: string) {
    this.#client = client;
    this.#url = url;
    this.#lastGoodAt = systemClock.now();
    this.#running = this.#run();
  }

  /** When the last good answer came, on the monotonic clock. */
  get lastGoodAt(): number {
    return this.#lastGoodAt;
  }

  /** Ends it and tells. */
  async stop(): Promise<Outage> {
    this.#stop.abort();
    await this.#running;
    this.#longestMs = Math.max(this.#longestMs, systemClock.now() - this.#lastGoodAt);
    return { requests: this.#requests, failed: this.#failed, longestMs: this.#longestMs };
  }

  async #run(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      const { ok } = await this.#client.curl(this.#url, { timeoutMs });
      this.#requests += 1;
      if (ok) {
        const now = systemClock.now();
        this.#longestMs = Math.max(this.#longestMs, now - this.#lastGoodAt);
        this.#lastGoodAt = now;
      } else {
        this.#failed += 1;
      }
      await systemClock.sleep(pauseMs, this.#stop.signal);
    }
  }
}
