import type { Clock } from "../runtime/clock.ts";
import type { Log } from "../runtime/log.ts";
import { ApiError, isAlreadyExists, isNotFound } from "./api-error.ts";
import { EventLimits, sameEventMs } from "./event-limits.ts";
import type { EventNote } from "./event-note.ts";
import { Pace } from "./pace.ts";
import { objectKey, type Resource, resourcePath } from "./resource.ts";
import type { ApiClient } from "./transport.ts";
import { WorkQueue } from "./work-queue.ts";

/** What an {@link EventRecorder} needs. */
export interface EventRecorderOptions {
  readonly transport: ApiClient;
  /** Who reports, such as `steelyard-controller`. */
  readonly component: string;
  /** Which of them, such as the Pod's name. */
  readonly instance: string;
  /** Asked right before each write; what waits when it says no is lost. Default: always. */
  readonly mayWrite?: () => boolean;
  readonly clock: Clock;
  readonly log: Log;
}

const eventResource: Resource = {
  group: "",
  version: "v1",
  plural: "events",
  kind: "Event",
  namespaced: true,
};

/** The count of one Event is written at most this often. */
const recountMs = 10_000;
/** Events remembered for counting up; beyond this the oldest make new ones. */
const rememberedEvents = 4_096;
/** Events waiting to be sent; beyond this new ones are dropped. */
const waitingEvents = 10_000;
const messageLength = 1_024;
const burst = 200;
const perSecond = 50;
/** While there is more urgent work for the API server. */
const perSecondInLine = 20;
const triesPerEvent = 8;

/** One Event and how far the API server knows it. */
interface Remembered {
  /** As it was last. */
  note: EventNote;
  readonly firstTime: string;
  lastTime: string;
  lastAt: number;
  count: number;
  /** Whether it is to be sent, now or later. */
  due: boolean;
  /** The Event's name once it exists. */
  name: string | undefined;
  sentAt: number;
  tries: number;
}

/**
 * Records Events (core/v1) at a bounded rate: the same one again as a count, many
 * similar ones as one, and of one object not more than {@link EventLimits} allow.
 *
 * Recording never waits and never throws. Events are a courtesy: what the API
 * server does not take after some tries is dropped and counted.
 */
export class EventRecorder {
  readonly #options: EventRecorderOptions;
  readonly #queue: WorkQueue;
  readonly #limits = new EventLimits();
  #isBusy: () => boolean = () => false;
  /** Oldest first. */
  readonly #events = new Map<string, Remembered>();
  #unsent = 0;
  #dropped = 0;
  readonly #pace: Pace;

  constructor(options: EventRecorderOptions) {
    const { clock, log } = options;
    this.#options = options;
    this.#queue = new WorkQueue({ clock, log });
    const rate = (): number => (this.#isBusy() ? perSecondInLine : perSecond);
    this.#pace = new Pace({ burst, perSecond: rate, clock });
  }

  /** How many Events were lost: too many at once, or not taken by the API server. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Sends fewer Events whenever `isBusy` says that there is more urgent work for the API server. */
  giveWayTo(isBusy: () => boolean): void {
    this.#isBusy = isBusy;
  }

  /** Notes that something happened; it is sent by {@link run} soon after. */
  record(happened: EventNote): void {
    const { clock } = this.#options;
    const now = clock.now();
    const { key, note } = this.#limits.place(happened, now);
    const known = this.#events.get(key);
    if (known === undefined || now - known.lastAt > sameEventMs) {
      this.#remember(key, note, now);
      return;
    }
    known.note = note;
    known.count += 1;
    known.lastAt = now;
    known.lastTime = secondsTime(clock.wallTime());
    this.#events.delete(key);
    this.#events.set(key, known);
    if (!known.due && this.#limits.spend(note.object, now)) {
      known.due = true;
      this.#unsent += 1;
      this.#queue.add(key, Math.max(0, known.sentAt + recountMs - now));
    }
  }

  /** Sends what was recorded until `signal` aborts; what then waits is lost. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    await this.#queue.run((key) => this.#send(key, signal), signal);
  }

  #remember(key: string, note: EventNote, now: number): void {
    const old = this.#events.get(key);
    if (old !== undefined) {
      this.#forget(key, old);
    }
    if (this.#unsent >= waitingEvents || !this.#limits.spend(note.object, now)) {
      this.#dropped += 1;
      return;
    }
    this.#makeRoom();
    const time = secondsTime(this.#options.clock.wallTime());
    this.#events.set(key, {
      note,
      firstTime: time,
      lastTime: time,
      lastAt: now,
      count: 1,
      due: true,
      name: undefined,
      sentAt: Number.NEGATIVE_INFINITY,
      tries: 0,
    });
    this.#unsent += 1;
    this.#queue.add(key);
  }

  /** Forgets the oldest Event that is sent, when many are remembered. */
  #makeRoom(): void {
    if (this.#events.size < rememberedEvents) {
      return;
    }
    for (const [key, event] of this.#events) {
      if (!event.due) {
        this.#forget(key, event);
        return;
      }
    }
  }

  #forget(key: string, event: Remembered): void {
    if (event.due) {
      this.#unsent -= 1;
      this.#dropped += 1;
    }
    this.#events.delete(key);
    this.#queue.forget(key);
  }

  async #send(key: string, signal: AbortSignal): Promise<void> {
    const event = this.#events.get(key);
    if (event?.due !== true) {
      return;
    }
    await this.#pace.turn(signal);
    if (this.#options.mayWrite?.() === false) {
      this.#forget(key, event);
      return;
    }
    const { count } = event;
    try {
      await (event.name === undefined ? this.#create(event, signal) : this.#recount(event, signal));
    } catch (error) {
      event.tries += 1;
      if (isHopeless(error) || event.tries >= triesPerEvent) {
        const { object, reason } = event.note;
        const about = { [object.kind.toLowerCase()]: objectKey(object.namespace, object.name) };
        this.#options.log.warn({ ...about, reason, err: String(error) }, "Event dropped");
        this.#forget(key, event);
        return;
      }
      throw error;
    }
    event.tries = 0;
    event.sentAt = this.#options.clock.now();
    if (event.count === count) {
      event.due = false;
      this.#unsent -= 1;
    } else {
      this.#queue.add(key, recountMs);
    }
  }

  async #create(event: Remembered, signal: AbortSignal): Promise<void> {
    const { transport, component, instance, clock } = this.#options;
    const { object, type, reason, message } = event.note;
    const namespace = object.namespace ?? "default";
    const unique = Math.floor(clock.random() * 2 ** 48).toString(16);
    const name = `${object.name.slice(0, 230)}.${clock.wallTime().getTime().toString(16)}${unique}`;
    const body = {
      apiVersion: "v1",
      kind: "Event",
      metadata: { name, namespace },
      involvedObject: object,
      type,
      reason,
      message: message.slice(0, messageLength),
      source: { component },
      reportingComponent: component,
      reportingInstance: instance,
      firstTimestamp: event.firstTime,
      lastTimestamp: event.lastTime,
      count: event.count,
    };
    await transport.request({
      method: "POST",
      path: resourcePath(eventResource, { namespace }),
      body,
      signal,
    });
    event.name = name;
  }

  async #recount(event: Remembered, signal: AbortSignal): Promise<void> {
    const namespace = event.note.object.namespace ?? "default";
    const { name } = event;
    try {
      await this.#options.transport.request({
        method: "PATCH",
        path: resourcePath(eventResource, { namespace, name }),
        body: {
          count: event.count,
          lastTimestamp: event.lastTime,
          message: event.note.message.slice(0, messageLength),
        },
        signal,
      });
    } catch (error) {
      if (!isNotFound(error)) {
        throw error;
      }
      // The API server lets Events expire.
      await this.#create(event, signal);
    }
  }
}

/** The type Time of Kubernetes has whole seconds. */
function secondsTime(time: Date): string {
  return time.toISOString().replace(/\.\d+Z$/, "Z");
}

/** Refusals that another try would get again, such as a namespace that is being deleted. */
function isHopeless(error: unknown): boolean {
  return (
    error instanceof ApiError &&
    error.status >= 400 &&
    error.status < 500 &&
    error.status !== 429 &&
    error.status !== 401 &&
    !isAlreadyExists(error)
  );
}
