import type { Socket } from "node:net";
import { buildConnector, type Dispatcher, Pool } from "undici";
import type { Clock } from "../runtime/clock.ts";
import type { Log } from "../runtime/log.ts";
import type { ClusterAccess } from "./access.ts";
import { ApiError, apiErrorFrom, UnreachableError } from "./api-error.ts";
import { cancelGivenUpRequests } from "./given-up-requests.ts";
import { jsonLines } from "./json-lines.ts";
import { LivenessWatch } from "./liveness-watch.ts";

/** One question to the API server. */
export interface ApiRequest {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  readonly path: string;
  /** Undefined values are left out. */
  readonly query?: Query | undefined;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** Default `application/json`, for PATCH `application/merge-patch+json`. */
  readonly contentType?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  /** How long the whole answer may take, default 15 s. */
  readonly timeoutMs?: number | undefined;
}

export type Query = Readonly<Record<string, string | number | boolean | undefined>>;

/** What a {@link Transport} needs. */
export interface TransportOptions {
  readonly access: ClusterAccess;
  readonly log: Log;
  readonly clock: Clock;
  /** How often an HTTP/2 connection is pinged; after three silent intervals it is given up. Default 5 s. */
  readonly pingIntervalMs?: number;
}

/** Questions and watches: all that most code needs of a {@link Transport}. */
export type ApiClient = Pick<Transport, "request" | "stream">;

const defaultTimeoutMs = 15_000;
const connectTimeoutMs = 10_000;

/**
 * One HTTP/2 connection to the API server, opened when first needed and again
 * after it was lost; another one only while over 100 requests run at a time.
 * Where the other end speaks only HTTP/1.1, as some proxies do, it is as many
 * connections as there are requests at a time.
 *
 * Two transports never wait for each other: writes and Leases get their own,
 * so that a large list cannot delay them.
 */
export class Transport {
  readonly #access: ClusterAccess;
  readonly #log: Log;
  readonly #pool: Pool;
  readonly #prefix: string;
  readonly #liveness: LivenessWatch;
  readonly #listeners: ((verb: string, status: number | undefined) => void)[] = [];
  #protocol: string | undefined;
  #serverTime: Date | undefined;

  constructor(options: TransportOptions) {
    const pingInterval = options.pingIntervalMs ?? 5_000;
    const base = new URL(options.access.url);
    this.#access = options.access;
    this.#log = options.log;
    this.#prefix = base.pathname.replace(/\/+$/, "");
    this.#liveness = new LivenessWatch(pingInterval, options.clock);
    this.#pool = new Pool(base.origin, {
      allowH2: true,
      h2Options: { pingInterval, connectionWindowSize: 4 << 20 },
      connect: (target, callback) => {
        void this.#connect(target, callback);
      },
      // Watches are silent for minutes; our own deadlines and the pings find the dead ones.
      headersTimeout: 0,
      bodyTimeout: 0,
      keepAliveTimeout: 60_000,
    });
  }

  /** What the last connection speaks: `h2` or `http/1.1`; undefined before the first. */
  get protocol(): string | undefined {
    return this.#protocol;
  }

  /**
   * When the server was last heard at all, on the monotonic clock, to one ping
   * interval; undefined before the first connection. What did not change since
   * then may have changed unseen.
   */
  get heardAt(): number | undefined {
    return this.#liveness.heardAt;
  }

  /** The time of day at the server, to a second, by its last answer; undefined: it has told none. */
  get serverTime(): Date | undefined {
    return this.#serverTime;
  }

  /**
   * Calls `listener` after each question, from now on, with the HTTP method, `WATCH` for a
   * watch, and the status of the answer; undefined: none came.
   */
  onAnswer(listener: (verb: string, status: number | undefined) => void): void {
    this.#listeners.push(listener);
  }

  /**
   * Asks and waits for the whole answer.
   * @returns the parsed JSON of a 2xx answer
   * @throws ApiError when the server says no
   * @throws UnreachableError when no answer came; a write may have happened all the same
   */
  async request(request: ApiRequest): Promise<unknown> {
    const deadline = new Deadline(request.timeoutMs ?? defaultTimeoutMs, request.signal);
    try {
      const answer = await this.#send(request, deadline.signal);
      const text = (await collect(answer.body)).toString("utf8");
      return parseAnswer(answer, text);
    } catch (error) {
      throw this.#explain(error, request, deadline);
    } finally {
      deadline.end();
    }
  }

  /**
   * Opens a watch. Resolves once the server has accepted it; the values are
   * the JSON of its lines. Ends when the server ends it or `signal` aborts.
   * @throws ApiError when the server says no
   * @throws UnreachableError when it cannot be reached, or, while iterating, when the connection is lost
   */
  async stream(path: string, query: Query, signal: AbortSignal): Promise<AsyncIterable<unknown>> {
    const request: ApiRequest = { method: "GET", path, query, signal };
    const deadline = new Deadline(defaultTimeoutMs, signal);
    try {
      const answer = await this.#send(request, deadline.signal);
      if (answer.statusCode !== 200) {
        const text = (await collect(answer.body)).toString("utf8");
        throw parseAnswer(answer, text);
      }
      deadline.stopTimer();
      return this.#lines(answer, request, deadline);
    } catch (error) {
      deadline.end();
      throw this.#explain(error, request, deadline);
    }
  }

  /** Ends everything under way and closes the connection. */
  async close(): Promise<void> {
    await this.#pool.destroy();
  }

  async *#lines(
    answer: Dispatcher.ResponseData,
    request: ApiRequest,
    deadline: Deadline,
  ): AsyncGenerator<unknown> {
    try {
      yield* jsonLines(answer.body);
    } catch (error) {
      if (request.signal?.aborted !== true) {
        throw this.#explain(error, request, deadline);
      }
    } finally {
      deadline.end();
    }
  }

  async #send(request: ApiRequest, signal: AbortSignal): Promise<Dispatcher.ResponseData> {
    const first = await this.#sendOnce(request, signal);
    if (first.statusCode !== 401) {
      return first;
    }
    // The token may have been replaced since we read it: read it again and try once more.
    await first.body.dump();
    this.#access.refused();
    return this.#sendOnce(request, signal);
  }

  async #sendOnce(request: ApiRequest, signal: AbortSignal): Promise<Dispatcher.ResponseData> {
    const authorization = await this.#access.authorization();
    const headers: Record<string, string> = {
      accept: "application/json",
      "user-agent": "steelyard",
    };
    if (authorization !== undefined) {
      headers["authorization"] = authorization;
    }
    if (request.body !== undefined) {
      headers["content-type"] = request.contentType ?? defaultContentType(request.method);
    }
    let status: number | undefined;
    try {
      const answer = await this.#pool.request({
        method: request.method,
        path: this.#prefix + request.path + queryText(request.query),
        headers,
        body: request.body === undefined ? null : JSON.stringify(request.body),
        signal,
      });
      status = answer.statusCode;
      this.#serverTime = timeOf(answer.headers["date"]) ?? this.#serverTime;
      return answer;
    } finally {
      const verb = request.query?.["watch"] === true ? "WATCH" : request.method;
      for (const listener of this.#listeners) {
        listener(verb, status);
      }
    }
  }

  async #connect(target: buildConnector.Options, callback: buildConnector.Callback): Promise<void> {
    try {
      const tls = await this.#access.tls();
      const connect = buildConnector({
        ...tls,
        allowH2: true,
        preferH2: true,
        maxCachedSessions: 0,
        timeout: connectTimeoutMs,
      });
      connect(target, (...[error, socket]) => {
        if (error !== null) {
          callback(error, null);
          return;
        }
        this.#connected(socket);
        callback(null, socket);
      });
    } catch (error) {
      callback(error instanceof Error ? error : new Error(String(error)), null);
    }
  }

  #connected(socket: Socket): void {
    this.#protocol = "alpnProtocol" in socket && socket.alpnProtocol === "h2" ? "h2" : "http/1.1";
    this.#log.debug(
      { url: this.#access.url, protocol: this.#protocol },
      "connected to the API server",
    );
    if (this.#protocol === "h2") {
      cancelGivenUpRequests();
      this.#liveness.watch(socket, (silentMs) => {
        this.#log.warn(
          { silentMs: Math.round(silentMs) },
          "API server silent: connection given up",
        );
      });
    }
  }

  #explain(error: unknown, request: ApiRequest, deadline: Deadline): unknown {
    if (error instanceof ApiError) {
      return error;
    }
    if (request.signal?.aborted === true) {
      return request.signal.reason;
    }
    const problem = deadline.passed
      ? `no answer within ${deadline.ms} ms`
      : error instanceof Error
        ? error.message
        : String(error);
    const what = `${request.method} ${this.#access.url}${request.path}`;
    return new UnreachableError(`${what}: ${problem}`, error);
  }
}

function defaultContentType(method: ApiRequest["method"]): string {
  return method === "PATCH" ? "application/merge-patch+json" : "application/json";
}

function queryText(query: Query | undefined): string {
  const text = new URLSearchParams();
  for (const [name, value] of Object.entries(query ?? {})) {
    if (value !== undefined) {
      text.set(name, String(value));
    }
  }
  return text.size === 0 ? "" : `?${text}`;
}

async function collect(body: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of body) {
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** The value of a 2xx answer; throws the ApiError that any other one stands for. */
function parseAnswer(answer: Dispatcher.ResponseData, text: string): unknown {
  if (answer.statusCode >= 200 && answer.statusCode < 300) {
    return text === "" ? undefined : JSON.parse(text);
  }
  const header = answer.headers["retry-after"];
  const retryAfter = typeof header === "string" ? header : undefined;
  throw apiErrorFrom(answer.statusCode, jsonOrText(text), retryAfter);
}

function jsonOrText(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** Aborts when a time is over or when the caller's signal does, and leaves nothing behind. */
class Deadline {
  readonly ms: number;
  readonly #controller = new AbortController();
  readonly #outer: AbortSignal | undefined;
  readonly #timer: NodeJS.Timeout;
  readonly #follow = (): void => this.#controller.abort(this.#outer?.reason);
  #passed = false;

  constructor(ms: number, outer: AbortSignal | undefined) {
    this.ms = ms;
    this.#outer = outer;
    this.#timer = setTimeout(() => {
      this.#passed = true;
      this.#controller.abort();
    }, ms);
    if (outer?.aborted === true) {
      this.#follow();
    }
    outer?.addEventListener("abort", this.#follow);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  get passed(): boolean {
    return this.#passed;
  }

  stopTimer(): void {
    clearTimeout(this.#timer);
  }

  end(): void {
    clearTimeout(this.#timer);
    this.#outer?.removeEventListener("abort", this.#follow);
  }
}

function timeOf(header: string | string[] | undefined): Date | undefined {
  const time = new Date(typeof header === "string" ? header : Number.NaN);
  return Number.isNaN(time.getTime()) ? undefined : time;
}
