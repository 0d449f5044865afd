import { ApiError, apiErrorFrom, UnreachableError } from "../../src/kube/api-error.ts";
import type { ApiClient, ApiRequest, Query } from "../../src/kube/transport.ts";
import type { Schedule, SimulatedProcess } from "./schedule.ts";
import type { SeededRandom } from "./seeded-random.ts";
import { controllerLease, type SimulatedAdmission } from "./simulated-admission.ts";
import { parsePath, type SimulatedApi } from "./simulated-api.ts";
import { fairWeather, type Weather } from "./weather.ts";

const requestTimeoutMs = 15_000;

/** What went wrong, counted. */
export interface NetworkFigures {
  /** Writes that the API server refused: conflicts, names taken, objects gone, rules broken. */
  readonly refusals: number;
  /** Those of them that came from a leader that had been replaced. */
  readonly staleRefused: number;
  /** Writes that the admission policies refused. */
  readonly notLeading: number;
  /** Writes of leaders that had been replaced. */
  readonly stale: number;
  /** Writes that took effect without their sender hearing of it. */
  readonly answersLost: number;
  /** Deaths right before or right after a write. */
  readonly crashes: number;
  /** Leaders that stood still with a write under way. */
  readonly freezes: number;
}

/** What lies between the processes and the API server. */
export class SimulatedNetwork {
  readonly api: SimulatedApi;
  readonly admission: SimulatedAdmission;
  readonly schedule: Schedule;
  readonly random: SeededRandom;
  readonly trace: (line: () => string) => void;
  /** Called when a process dies by {@link Weather.crash}. */
  readonly onCrash: (process: SimulatedProcess) => void;
  readonly figures = {
    refusals: 0,
    staleRefused: 0,
    notLeading: 0,
    stale: 0,
    answersLost: 0,
    crashes: 0,
    freezes: 0,
  };
  /** How many requests are on their way to the API server. */
  underWay = 0;
  weather: Weather = fairWeather;

  constructor(options: {
    readonly api: SimulatedApi;
    readonly admission: SimulatedAdmission;
    readonly schedule: Schedule;
    readonly random: SeededRandom;
    readonly trace: (line: () => string) => void;
    readonly onCrash: (process: SimulatedProcess) => void;
  }) {
    this.api = options.api;
    this.admission = options.admission;
    this.schedule = options.schedule;
    this.random = options.random;
    this.trace = options.trace;
    this.onCrash = options.onCrash;
  }

  /**
   * Has a process stand still until another leads, or for so long that another could.
   * `land` is called once another leads: right then, when it has begun, or when it has long been at it.
   */
  freeze(process: SimulatedProcess, land: () => void): void {
    const { schedule, random, trace } = this;
    this.figures.freezes += process.paused ? 0 : 1;
    trace(() => `${process.name} stands still`);
    process.paused = true;
    const goOnAfter = random.pick([50, 2_000, 20_000]);
    const landAfter = random.pick([50, 1_500, 6_000, 30_000]);
    this.#onceReplaced(process, () => {
      schedule.after(random.between(0, landAfter), land);
      schedule.after(random.between(0, goOnAfter), () => {
        trace(() => `${process.name} goes on`);
        schedule.resume(process, random);
      });
    });
  }

  /** Whether somebody else than `process` holds the Lease. */
  isReplaced(process: SimulatedProcess): boolean {
    const holder = this.api.get("leases", controllerLease)?.spec.holderIdentity ?? "";
    return holder !== "" && holder !== process.name;
  }

  /** Calls `act` when another has the Lease, or after a time in which another could have taken it. */
  #onceReplaced(process: SimulatedProcess, act: () => void): void {
    let done = false;
    const end = (): void => {
      if (!done) {
        done = true;
        unsubscribe();
        act();
      }
    };
    const unsubscribe = this.api.subscribe("leases", () => {
      if (this.isReplaced(process)) {
        end();
      }
    });
    this.schedule.after(this.random.between(25_000, 40_000), end);
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
      this.#network.figures.crashes += 1;
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
      const timeout = request.timeoutMs ?? requestTimeoutMs;
      this.#network.underWay += 1;
      const sentVersion = Number(this.#network.api.version());
      if (writes && this.#freezesNow(request)) {
        this.#giveUp(timeout, request, reject);
        this.#network.freeze(this.#process, () => this.#arrive(request, sentVersion));
        return;
      }
      const late = random.chance(weather.late) ? random.between(5_000, 45_000) : 0;
      const there = this.#network.latency() + late;
      const back = this.#network.latency();
      const inTime = there + back < timeout;
      if (!inTime) {
        this.#giveUp(timeout, request, reject);
      }
      schedule.after(there, () => {
        const answer = this.#arrive(request, sentVersion);
        if (inTime) {
          this.#settle(back, () => (answer.refused ? reject : resolve)(answer.value));
        }
      });
    });
  }

  #giveUp(timeout: number, request: ApiRequest, reject: (error: Error) => void): void {
    this.#settle(timeout, () => reject(unreachable(request, `no answer in ${timeout} ms`)));
  }

  #freezesNow({ method, path }: ApiRequest): boolean {
    const { random, weather } = this.#network;
    const { plural } = parsePath(path);
    if (weather.freeze === 0 || !["services", "ipallocations", "l2bundles"].includes(plural)) {
      return false;
    }
    if (this.#process.paused) {
      // What it sends in the same moment is under way as well.
      return random.chance(0.5);
    }
    const meant = (weather.freezeOn ?? `${method} ${plural}`) === `${method} ${plural}`;
    return meant && random.chance(weather.freeze);
  }

  /**
   * The request is at the API server: from here on nothing that its sender does
   * changes it. Returns what its sender hears of it.
   */
  #arrive(
    request: ApiRequest,
    sentVersion: number,
  ): { readonly refused: boolean; readonly value: unknown } {
    const { random, weather, trace } = this.#network;
    this.#network.underWay -= 1;
    const value = this.#answer(request, sentVersion);
    const refused = value instanceof ApiError;
    this.#count(request, refused);
    const text = refused ? `${value.status} ${value.message}` : "done";
    trace(() => `${this.#process.name} had ${describe(request)}: ${text}`);
    if (request.method !== "GET" && random.chance(weather.crash / 2)) {
      trace(() => `${this.#process.name} dies after it`);
      this.#network.figures.crashes += 1;
      this.#network.onCrash(this.#process);
    }
    if (random.chance(weather.answerLost)) {
      trace(() => `${this.#process.name} never hears of it`);
      this.#network.figures.answersLost += refused || request.method === "GET" ? 0 : 1;
      return { refused: true, value: unreachable(request, "reset") };
    }
    return { refused, value };
  }

  #count({ method, path }: ApiRequest, refused: boolean): void {
    const { figures } = this.#network;
    if (method !== "GET") {
      const fenced = !["leases", "events"].includes(parsePath(path).plural);
      const stale = fenced && this.#network.isReplaced(this.#process);
      figures.refusals += refused ? 1 : 0;
      figures.stale += stale ? 1 : 0;
      figures.staleRefused += stale && refused ? 1 : 0;
    }
  }

  #answer(request: ApiRequest, sentVersion: number): unknown {
    if (this.#network.random.chance(this.#network.weather.refused)) {
      return apiErrorFrom(503, { reason: "ServiceUnavailable", message: "try later" });
    }
    const refusal = this.#network.admission.refusal(request, this.#process.name);
    if (refusal !== undefined) {
      this.#network.figures.notLeading += 1;
      return refusal;
    }
    try {
      return this.#network.api.handle(request, this.#process.name, sentVersion);
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
  /** Some watches of a process fall behind and others do not: what it knows is not in step. */
  readonly #sluggish: boolean;
  #version: string;
  #underWay = false;
  #broken: unknown;
  #wake: (() => void) | undefined;

  constructor(network: SimulatedNetwork, process: SimulatedProcess, path: string, query: Query) {
    this.#network = network;
    this.#process = process;
    const { plural, namespace } = parsePath(path);
    this.#plural = plural;
    this.#sluggish = network.random.chance(0.5);
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
    const meant = this.#sluggish && (weather.staleOn ?? this.#plural) === this.#plural;
    const lags = meant && random.chance(weather.stale);
    const lag = lags ? random.between(100, 12_000) : random.between(1, 15);
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
