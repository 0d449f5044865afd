import { nodeOfSpeakerLease, speakerLeaseName } from "../core/liveness/lease-name.ts";
import {
  graceMaxMs,
  type LivenessInput,
  noSpeakers,
  step,
} from "../core/liveness/speaker-liveness.ts";
import type { NodeObject } from "../kube/decode/node.ts";
import type { Clock } from "../runtime/clock.ts";
import type { Log } from "../runtime/log.ts";
import type { ClusterStores } from "./cluster-stores.ts";

export interface SpeakerLivenessOptions {
  readonly stores: Pick<ClusterStores, "speakerLeases" | "nodes">;
  readonly clock: Clock;
  readonly log: Log;
}

const silent = "its Lease was not renewed for 6 s";

/**
 * Drives the liveness protocol from the Leases of the speakers and the clock.
 *
 * Every replica judges, although only the leader acts on it: one that becomes the
 * leader because a node died need not wait until it has seen that node be silent.
 */
export class SpeakerLiveness {
  readonly #options: SpeakerLivenessOptions;
  #state = noSpeakers;
  #suspended = false;
  /** Ends the wait for the next look. */
  #waiting = new AbortController();
  #running = false;
  readonly #listeners: (() => void)[] = [];
  /** When the watch on the Leases was found broken last. */
  #brokenAt: number | undefined;

  constructor(options: SpeakerLivenessOptions) {
    this.#options = options;
  }

  /** True if the speaker of `node` was seen and is not judged dead. */
  isAlive(node: string): boolean {
    return this.#state.speakers.has(node) && !this.#state.dead.has(node);
  }

  /** What is thought of the speaker of `node`; missing: it was never seen. */
  verdict(node: string): "alive" | "dead" | "missing" {
    return this.isAlive(node) ? "alive" : this.#state.dead.has(node) ? "dead" : "missing";
  }

  /** Names of the nodes whose speaker is alive. */
  alive(): readonly string[] {
    return [...this.#state.speakers.keys()].filter((node) => this.isAlive(node));
  }

  /** Calls `listener` after each change of a verdict, from now on. */
  onVerdict(listener: () => void): void {
    this.#listeners.push(listener);
  }

  /** Begins to judge; every count starts now. Ends when `signal` aborts. */
  start(signal: AbortSignal): void {
    const { speakerLeases, nodes } = this.#options.stores;
    this.#running = true;
    for (const { name, renewal } of speakerLeases.values()) {
      this.#observe(nodeOfSpeakerLease(name) ?? name, renewal);
    }
    speakerLeases.onChange(({ before, after }) => {
      const name = (after ?? before)?.name ?? "";
      this.#observe(nodeOfSpeakerLease(name) ?? name, after?.renewal);
    });
    speakerLeases.onGap(() => this.#take({ kind: "gap", graceMs: this.#graceMs() }));
    nodes.onChange(({ key, before, after }) => {
      if (before === undefined || after === undefined) {
        this.#observe(key, this.#renewalOf(key));
      }
      if (isOutOfService(after) && !isOutOfService(before)) {
        this.#take({ kind: "outOfService", node: key });
      }
    });
    signal.addEventListener("abort", () => {
      this.#running = false;
      this.#waiting.abort();
    });
  }

  /**
   * After an outage of the API server everybody waits before the next try, the
   * longer the outage was: so long again, silence proves nothing.
   */
  #graceMs(): number {
    const now = this.#options.clock.now();
    if (!this.#options.stores.speakerLeases.live) {
      this.#brokenAt = now;
      return 0;
    }
    return Math.min(graceMaxMs, now - (this.#brokenAt ?? now));
  }

  #renewalOf(node: string): string | undefined {
    const name = speakerLeaseName(node);
    const { speakerLeases } = this.#options.stores;
    return [...speakerLeases.values()].find((lease) => lease.name === name)?.renewal;
  }

  /**
   * A Lease counts only while its Node exists: a removed node is not a dead one.
   * A removed Lease is silence, and judged like any other.
   */
  #observe(node: string, renewal: string | undefined): void {
    if (this.#options.stores.nodes.get(node) === undefined) {
      this.#take({ kind: "gone", node });
    } else if (renewal !== undefined) {
      this.#take({ kind: "renewal", node, renewal });
    }
  }

  #take(input: LivenessInput): void {
    if (!this.#running) {
      return;
    }
    const { clock, log } = this.#options;
    const wasKnown = this.#state.speakers.size;
    const { state, died, revived, suspended, wakeAt } = step(this.#state, input, clock.now());
    this.#state = state;
    for (const node of died) {
      const why = input.kind === "outOfService" ? "its node is out of service" : silent;
      log.warn({ node }, `speaker is dead: ${why}`);
    }
    for (const node of revived) {
      log.info({ node }, "speaker is alive again");
    }
    if (suspended && !this.#suspended) {
      log.warn({}, "more than half of the speakers look dead at once: nothing is moved");
    }
    this.#suspended = suspended;
    this.#waiting.abort();
    if (wakeAt !== undefined) {
      void this.#wakeIn(Math.max(1, wakeAt - clock.now()));
    }
    if (died.length + revived.length > 0 || state.speakers.size !== wasKnown) {
      for (const listener of this.#listeners) {
        listener();
      }
    }
  }

  async #wakeIn(ms: number): Promise<void> {
    this.#waiting = new AbortController();
    const { signal } = this.#waiting;
    await this.#options.clock.sleep(ms, signal);
    if (!signal.aborted) {
      this.#take({ kind: "wake" });
    }
  }
}

function isOutOfService(object: NodeObject | undefined): boolean {
  return object?.node.departure === "NodeOutOfService";
}
