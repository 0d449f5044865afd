import { systemClock } from "../../src/runtime/clock.ts";
import { type ApiClient, ApiError } from "./api-client.ts";

const retryMs = 300;

/**
 * Writes a Pod's status: the newest one, one write at a time, again and again
 * until the API server has it.
 */
export class StatusWriter {
  readonly #api: ApiClient;
  readonly #path: string;
  readonly #uid: string;
  readonly #makeStatus: () => object;
  readonly #log: (line: string) => void;
  readonly #closed = new AbortController();
  #written = "";
  #wanted = false;
  #writing: Promise<void> | undefined;

  /** `path` is the Pod's; a Pod of another `uid` there is left alone. */
  constructor(
    api: ApiClient,
    path: string,
    uid: string,
    makeStatus: () => object,
    log: (line: string) => void,
  ) {
    this.#api = api;
    this.#path = path;
    this.#uid = uid;
    this.#makeStatus = makeStatus;
    this.#log = log;
  }

  /** The status has changed: it is written soon. */
  changed(): void {
    this.#wanted = true;
    this.#writing ??= this.#writeAll();
  }

  /** Somebody else wrote over our status: it is written again. */
  overwritten(): void {
    this.#written = "";
    this.changed();
  }

  /** Resolves when the newest status is written, or nobody wants it any more. */
  async flush(): Promise<void> {
    await this.#writing;
  }

  /** Nothing is written from now on. */
  close(): void {
    this.#closed.abort();
  }

  async #writeAll(): Promise<void> {
    // Changes of the same instant go into one write.
    await Promise.resolve();
    while (this.#wanted && !this.#closed.signal.aborted) {
      this.#wanted = false;
      const status = this.#makeStatus();
      const text = JSON.stringify(status);
      if (text !== this.#written && (await this.#write(status))) {
        this.#written = text;
      }
    }
    this.#writing = undefined;
  }

  async #write(status: object): Promise<boolean> {
    try {
      const body = { metadata: { uid: this.#uid }, status };
      await this.#api.patch(`${this.#path}/status`, "merge", body);
      return true;
    } catch (error) {
      if (this.#closed.signal.aborted) {
        return false;
      }
      if (error instanceof ApiError && (error.status === 404 || error.status === 409)) {
        this.close();
        return false;
      }
      this.#log(`${String(error)}; trying again`);
      this.#wanted = true;
      await systemClock.sleep(retryMs, this.#closed.signal);
      return false;
    }
  }
}
