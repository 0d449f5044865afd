import type { LanClient } from "../../sandbox/client.ts";
import { systemClock } from "../../src/runtime/clock.ts";

/** What became of the requests. */
export interface Loss {
  readonly requests: number;
  readonly failed: number;
  /** Why they failed, each once. */
  readonly reasons: readonly string[];
}

const pauseMs = 20;
/** Patient: a busy machine must not look like a loss. What is asked twice shows in a capture. */
const timeoutMs = 5_000;

/**
 * Requests to each URL, one after the other. Before each the client forgets who
 * has the address, so that a node must answer for it each time.
 */
export class Traffic {
  readonly #client: LanClient;
  readonly #stop = new AbortController();
  readonly #running: Promise<unknown>;
  readonly #reasons = new Set<string>();
  #requests = 0;
  #failed = 0;

  constructor(client: LanClient, urls: readonly string[]) {
    this.#client = client;
    this.#running = Promise.all(urls.map((url) => this.#ask(url)));
  }

  /** Ends it and tells. */
  async stop(): Promise<Loss> {
    this.#stop.abort();
    await this.#running;
    return { requests: this.#requests, failed: this.#failed, reasons: [...this.#reasons] };
  }

  async #ask(url: string): Promise<void> {
    const { hostname } = new URL(url);
    while (!this.#stop.signal.aborted) {
      await this.#client.exec(["ip", "neigh", "del", hostname, "dev", "eth0"]);
      const { ok, error, status } = await this.#client.curl(url, { timeoutMs });
      this.#requests += 1;
      if (!ok) {
        this.#failed += 1;
        this.#reasons.add(`${url}: ${error ?? status}`);
      }
      await systemClock.sleep(pauseMs, this.#stop.signal);
    }
  }
}
