import { ApiError, isNotFound } from "../kube/api-error.ts";
import { Backoff } from "../kube/backoff.ts";
import * as resources from "../kube/resources.ts";
import type { Writer } from "../kube/write.ts";
import type { Clock } from "../runtime/clock.ts";
import type { Log } from "../runtime/log.ts";

export interface ReportWriterOptions {
  readonly node: string;
  readonly writer: Writer;
  /** The report as it reads now. */
  readonly report: () => object;
  readonly clock: Clock;
  readonly log: Log;
}

/** Reports are written at most this often. */
const periodMs = 1_000;

/**
 * Writes this node's report when it changed, at most once a second, until it is
 * taken. The first one goes out at once.
 */
export class ReportWriter {
  readonly #options: ReportWriterOptions;
  #dirty = true;
  #wake: (() => void) | undefined;
  #written: string | undefined;
  #reported = false;

  constructor(options: ReportWriterOptions) {
    this.#options = options;
  }

  /** Asks for a report to be written. Cheap. */
  trigger(): void {
    this.#dirty = true;
    this.#wake?.();
  }

  /** The object that carries the report was made anew: the report is to be written again. */
  startOver(): void {
    this.#written = undefined;
    this.trigger();
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
      await this.#changed(signal);
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

  async #changed(signal: AbortSignal): Promise<void> {
    if (!this.#dirty && !signal.aborted) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  async #write(): Promise<void> {
    const { node, writer, report } = this.#options;
    this.#dirty = false;
    const status = report();
    const text = JSON.stringify(status);
    if (text !== this.#written) {
      await writer.patch(resources.l2Speakers, { name: node, subresource: "status" }, { status });
      this.#written = text;
      this.#reported = true;
    }
  }
}

function explain(error: unknown): string {
  return isNotFound(error)
    ? "the controller has not created this node's L2Speaker yet"
    : "the report of this node was not taken";
}
