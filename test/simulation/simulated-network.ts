import { ApiError, apiErrorFrom, UnreachableError } from "../../src/kube/api-error.ts";
import type { ApiClient, ApiRequest, Query } from "../../src/kube/transport.ts";
import type { Schedule, SimulatedProcess } from "./schedule.ts";
import type { SeededRandom } from "./seeded-random.ts";
import { parsePath, type SimulatedApi } from "./simulated-api.ts";

/** How often what goes wrong; each a probability. */
export interface Weather {
  /** A request or an answer takes long: half a second to eight. */
  readonly slow: number;
  /** A request takes so long that its sender has given up or was replaced when it lands. */
  readonly late: number;
  /** A request never arrives. */
  readonly lost: number;
  /** The request took effect; its sender learns only that the connection broke. */
  readonly answerLost: number;
  /** The API server says 503. */
  readonly refused: number;
  /** The sender dies right before a write leaves it, or right after it took effect. */
  readonly crash: number;
  /** The sender of a write stands still from then on, longer than its Lease lasts; the write lands some time. */
  readonly freeze: number;
  /** A watch falls behind by up to twelve seconds. */
  readonly stale: number;
  /** A watch breaks, or is told to begin anew. */
  readonly cut: number;
}

/** Nothing goes wrong. */
export const fairWeather: Weather = {
  slow: 0,
  late: 0,
  lost: 0,
  answerLost: 0,
  refused: 0,
  crash: 0,
  freeze: 0,
  stale: 0,
  cut: 0,
};

const requestTimeoutMs = 15_000;

/** What lies between the processes and the API server. */
export class SimulatedNetwork {
  readonly api: SimulatedApi;
  readonly schedule: Schedule;
  readonly random: SeededRandom;
  readonly trace: (line: () => string) => void;
  /** Called when a process dies by {@link Weather.crash}. */
  readonly onCrash: (process: SimulatedProcess) => void;
  /** How many writes the API server has refused. */
  refusals = 0;
  /** How many requests are on their way to the API server. */
  underWay = 0;
  weather: Weather = fairWeather;

  constructor(options: {
    readonly api: SimulatedApi;
    readonly schedule: Schedule;
    readonly random: SeededRandom;
    readonly trace: (line: () => string) => void;
    readonly onCrash: (process: SimulatedProcess) => void;
  }) {
    this.api = options.api;
    this.schedule = options.schedule;
    this.random = options.random;
    this.trace = options.trace;
    this.onCrash = options.onCrash;
  }

  /** Has a process stand still for longer than a Lease lasts. */
  freeze(process: SimulatedProcess): void {
    const { schedule, random, trace } = this;
    trace(() => `${process.name} stands still`);
    process.paused = true;
    schedule.after(random.between(16_000, 40_000), () => {
      trace(() => `${process.name} goes on`);
      schedule.resume(process, random);
    });
  }

  /** How long one way takes now, in ms. */
  latency(): number {
    const { random, weather } = this;
    return random.chance(weather.slow) ? random.between(500, 8_000) : random.between(1, 20);
  }
}

/** One process's connection: speaks as the real transport does. */
export class SimulatedConnection implements ApiClient {
  readonly #network: SimulatedNetwork;
  readonly #process: SimulatedProcess;

  constructor(network: SimulatedNetwork, process: SimulatedProcess) {
    this.#network = network;
    this.#process = process;
  }

  request(request: ApiRequest): Promise<unknown> {
    const { random, weather, schedule, trace } = this.#network;
    const writes = request.method !== "GET";
    if (writes && random.chance(weather.crash / 2)) {
      trace(() => `${this.#process.name} dies before ${describe(request)}`);
      this.#network.onCrash(this.#process);
    }
    return new Promise((resolve, reject) => {
      if (!this.#process.alive) {
        return;
      }
      request.signal?.addEventListener("abort", () => reject(request.signal?.reason));
      trace(() => `${this.#process.name} asks ${describe(request)}`);
      if (random.chance(weather.lost)) {
        this.#settle(random.between(1, 2_000), () => reject(unreachable(request, "reset")));
        return;
      }
      const there = this.#wayThere(writes);
      const timeout = request.timeoutMs ?? requestTimeoutMs;
      const back = this.#network.latency();
      const inTime = there + back < timeout;
      if (!inTime) {
        this.#settle(timeout, () => reject(unreachable(request, `no answer in ${timeout} ms`)));
      }
      this.#network.underWay += 1;
      schedule.after(there, () => {
        this.#network.underWay -= 1;
        const answer = this.#arrive(request);
        if (inTime) {
          this.#settle(back, () => (answer.refused ? reject : resolve)(answer.value));
        }
      });
    });
  }

  /** How long a request takes to arrive, in ms; it may be so long that its sender has been replaced. */
  #wayThere(writes: boolean): number {
    const { random, weather } = this.#network;
    if (writes && random.chance(weather.freeze)) {
      this.#network.freeze(this.#process);
      return random.between(1_000, 45_000);
    }
    const late = random.chance(weather.late) ? random.between(5_000, 45_000) : 0;
    return this.#network.latency() + late;
  }

  /**
   * The request is at the API server: from here on nothing that its sender does
   * changes it. Returns what its sender hears of it.
   */
  #arrive(request: ApiRequest): { readonly refused: boolean; readonly value: unknown } {
    const { random, weather, trace } = this.#network;
    const value = this.#answer(request);
    const refused = value instanceof ApiError;
    this.#network.refusals += refused && request.method !== "GET" ? 1 : 0;
    const text = refused ? `${value.status} ${value.message}` : "done";
    trace(() => `${this.#process.name} had ${describe(request)}: ${text}`);
    if (request.method !== "GET" && random.chance(weather.crash / 2)) {
      trace(() => `${this.#process.name} dies after it`);
      this.#network.onCrash(this.#process);
    }
    if (random.chance(weather.answerLost)) {
      trace(() => `${this.#process.name} never hears of it`);
      return { refused: true, value: unreachable(request, "reset") };
    }
    return { refused, value };
  }

  #answer(request: ApiRequest): unknown {
    if (this.#network.random.chance(this.#network.weather.refused)) {
      return apiErrorFrom(503, { reason: "ServiceUnavailable", message: "try later" });
    }
    try {
      return this.#network.api.handle(request, this.#process.name);
    } catch (error) {
      if (error instanceof ApiError) {
        return error;
      }
      throw error;
    }
  }

  #settle(afterMs: number, act: () => void): void {
    this.#network.schedule.after(afterMs, act, this.#process);
  }

  async stream(path: string, query: Query, signal: AbortSignal): Promise<AsyncIterable<unknown>> {
    const { schedule } = this.#network;
    await new Promise<void>((resolve) => {
      schedule.after(this.#network.latency(), resolve, this.#process);
    });
    return new SimulatedWatch(this.#network, this.#process, path, query).lines(signal);
  }
}

/** The events of one kind on their way to one process: in order, and as late as the weather has it. */
class SimulatedWatch {
  readonly #network: SimulatedNetwork;
  readonly #process: SimulatedProcess;
  readonly #plural: string;
  readonly #namespace: string | undefined;
  readonly #labelled: boolean;
  #version: string;
  #underWay = false;
  #broken: unknown;
  #wake: (() => void) | undefined;

  constructor(network: SimulatedNetwork, process: SimulatedProcess, path: string, query: Query) {
    this.#network = network;
    this.#process = process;
    const { plural, namespace } = parsePath(path);
    this.#plural = plural;
    this.#namespace = namespace;
    this.#labelled = query["labelSelector"] !== undefined;
    this.#version = String(query["resourceVersion"]);
  }

  async *lines(signal: AbortSignal): AsyncGenerator<unknown> {
    const { api } = this.#network;
    const unsubscribe = api.subscribe(this.#plural, () => this.#send());
    const wake = (): void => this.#wake?.();
    signal.addEventListener("abort", wake);
    this.#send();
    let told = this.#version;
    try {
      while (!signal.aborted) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
        if (this.#broken !== undefined) {
          throw this.#broken;
        }
        const events = api.eventsAfter(this.#plural, told);
        for (const { type, object } of events) {
          if (Number(object.metadata.resourceVersion) > Number(this.#version)) {
            break;
          }
          told = object.metadata.resourceVersion;
          if (this.#selects(object.metadata.namespace) && !signal.aborted) {
            yield { type, object };
          }
        }
      }
    } finally {
      unsubscribe();
      signal.removeEventListener("abort", wake);
    }
  }

  #selects(namespace: string | undefined): boolean {
    return !this.#labelled && (this.#namespace === undefined || this.#namespace === namespace);
  }

  /** Sends what there is now; what comes while it is under way goes with the next lot. */
  #send(): void {
    const { api, random, weather, schedule } = this.#network;
    const version = api.version(this.#plural);
    if (this.#underWay || Number(version) <= Number(this.#version)) {
      return;
    }
    this.#underWay = true;
    const lag = random.chance(weather.stale) ? random.between(100, 12_000) : random.between(1, 15);
    const cut = random.chance(weather.cut);
    const deliver = (): void => {
      this.#underWay = false;
      if (cut) {
        this.#broken = random.chance(0.3)
          ? apiErrorFrom(410, { reason: "Expired", message: "too old resource version" })
          : new UnreachableError("watch: reset");
      } else {
        this.#version = version;
      }
      this.#wake?.();
      this.#send();
    };
    schedule.after(lag, deliver, this.#process);
  }
}

function unreachable(request: ApiRequest, why: string): UnreachableError {
  return new UnreachableError(`${describe(request)}: ${why}`);
}

function describe({ method, path, body }: ApiRequest): string {
  const { plural, namespace, name, subresource } = parsePath(path);
  const what = [plural, namespace, name, subresource].filter((part) => part !== undefined);
  const detail = method === "GET" || method === "DELETE" ? "" : ` ${summary(body)}`;
  return `${method} ${what.join("/")}${detail}`;
}

function summary(body: unknown): string {
  return JSON.stringify(body, (name, value) =>
    name === "apiVersion" || name === "kind" || name === "conditions" || name === "standbys"
      ? undefined
      : value,
  );
}
