import { isDeepStrictEqual } from "node:util";
import { ApiError, isNotFound } from "../kube/api-error.ts";
import { Backoff } from "../kube/backoff.ts";
import { decodeL2Speaker, type L2SpeakerObject } from "../kube/decode/l2-speaker.ts";
import * as resources from "../kube/resources.ts";
import type { Store } from "../kube/store.ts";
import type { Writer } from "../kube/write.ts";
import type { Clock } from "../runtime/clock.ts";
import type { Log } from "../runtime/log.ts";

export interface ReportWriterOptions {
  readonly node: string;
  readonly writer: Writer;
  /** The L2Speaker of this node as the API server has it. */
  readonly ownSpeaker: Store<L2SpeakerObject>;
  /** The report as it reads now. */
  readonly report: () => object;
  readonly clock: Clock;
  readonly log: Log;
}

/** Reports are written at most this often. */
const periodMs = 1_000;

/** Two speakers that disagree for long wait so long before they overwrite each other. */
const rewritePauseMaxMs = 16_000;

/**
 * Writes this node's report when it is not what the API server has, at most once a
 * second, until it is taken. The first one goes out at once.
 *
 * During an update two speakers of one node report the same. Should the old one,
 * which is about to go, have overtaken the new one, the new one puts it right.
 */
export class ReportWriter {
  readonly #options: ReportWriterOptions;
  #dirty = true;
  #wake: (() => void) | undefined;
  #written: string | undefined;
  #reported = false;
  /** How often in a row a report that had not changed had to be written again. */
  #rewrites = 0;

  constructor(options: ReportWriterOptions) {
    this.#options = options;
  }

  /** Asks for a report to be written: it changed, or what the API server has did. Cheap. */
  trigger(): void {
    this.#dirty = true;
    this.#wake?.();
  }

  /** True once a first report has been taken. */
  get reported(): boolean {
    return this.#reported;
  }

  /** Writes reports until `signal` aborts; then none more: another speaker of this node may be at work. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#options;
    const backoff = new Backoff(clock, { firstMs: 200, maxMs: 10_000 });
    signal.addEventListener("abort", () => this.#wake?.());
    while (!signal.aborted) {
      await this.#woken(signal);
      await this.#letOthersFinish(signal);
      if (signal.aborted) {
        return;
      }
      try {
        await this.#write();
        backoff.reset();
        await clock.sleep(periodMs, signal);
      } catch (error) {
        this.#dirty = true;
        log.warn({ err: String(error) }, explain(error));
        await backoff.wait(signal, error instanceof ApiError ? error.retryAfterMs : undefined);
      }
    }
  }

  async #woken(signal: AbortSignal): Promise<void> {
    if (!this.#dirty && !signal.aborted) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** Who wrote over our report may be a speaker that sees in a moment what we see. */
  async #letOthersFinish(signal: AbortSignal): Promise<void> {
    const { clock, report } = this.#options;
    const status = report();
    if (JSON.stringify(status) === this.#written && !this.#stands(status)) {
      const pauseMs = Math.min(rewritePauseMaxMs, periodMs * 2 ** this.#rewrites);
      this.#rewrites += 1;
      await clock.sleep(pauseMs, signal);
    }
  }

  async #write(): Promise<void> {
    const { node, writer, report, ownSpeaker } = this.#options;
    this.#dirty = false;
    const status = report();
    const text = JSON.stringify(status);
    const changed = text !== this.#written;
    this.#rewrites = changed ? 0 : this.#rewrites;
    if (changed || !this.#stands(status)) {
      const target = { name: node, subresource: "status" };
      const written = await writer.patch(resources.l2Speakers, target, { status });
      ownSpeaker.upsertLocal(decodeL2Speaker(written));
      this.#written = text;
      this.#reported = true;
    }
  }

  /** True if the API server has this report, as far as this speaker has heard. */
  #stands(status: object): boolean {
    const { node, ownSpeaker } = this.#options;
    const mine = decodeL2Speaker({ metadata: { name: node }, status }).speaker.report;
    return isDeepStrictEqual(ownSpeaker.get(node)?.speaker.report, mine);
  }
}

function explain(error: unknown): string {
  return isNotFound(error)
    ? "the controller has not created this node's L2Speaker yet"
    : "the report of this node was not taken";
}
