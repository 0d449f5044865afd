import type { Clock } from "../runtime/clock.ts";
import type { Log } from "../runtime/log.ts";
import { explainFailure, isAlreadyExists, isConflict, isNotFound } from "./api-error.ts";
import { type Lease, type LeaseSpec, microTime, newLease } from "./lease.ts";
import { resourcePath } from "./resource.ts";
import { leases } from "./resources.ts";
import type { ApiClient } from "./transport.ts";

/** Which Lease is contended for, as whom, and by which times. */
export interface LeaseElectionOptions {
  /** Its own connection, so that a long list cannot delay a renewal. */
  readonly transport: ApiClient;
  readonly namespace: string;
  readonly name: string;
  /** Unique to this process: two that share it would both lead. */
  readonly identity: string;
  readonly clock: Clock;
  readonly log: Log;
  /** Others take over when they have seen no renewal for this long. Default 15 s. */
  readonly leaseDurationMs?: number;
  /** We stop leading when our last renewal is this old; less than the duration. Default 10 s. */
  readonly renewDeadlineMs?: number;
  /** Default 2 s. */
  readonly retryPeriodMs?: number;
  /** Give the Lease back at shutdown, so that the next one leads at once. Default false. */
  readonly releaseOnShutdown?: boolean;
}

/** One time of being the leader. */
export interface Leadership {
  /** Aborts when leadership is lost, or at shutdown. */
  readonly signal: AbortSignal;
  /**
   * How often the Lease has changed hands; starts over when the Lease is
   * deleted, and stays when the same process regains it.
   */
  readonly transitions: number;
  /**
   * Whether nobody else can lead yet, by the monotonic clock. True to the
   * moment also in a process that was just stopped and resumed, whose signal has
   * not fired yet: ask right before each write.
   */
  holds(): boolean;
  /**
   * When the last renewal that succeeded was sent, on the monotonic clock: until
   * then at least nobody else led.
   */
  renewedAt(): number;
}

/**
 * Elects one leader by a Lease, with the rules and times of client-go's
 * leader election, so that both may contend for the same Lease.
 *
 * Only durations on this process's monotonic clock count; the times written
 * in the Lease are never compared with anything.
 */
export class LeaseElection {
  readonly #options: LeaseElectionOptions;
  readonly #durationMs: number;
  readonly #deadlineMs: number;
  readonly #periodMs: number;
  /** The Lease as last seen, and when it was first seen like that. */
  #observed: { readonly lease: Lease; readonly at: number } | undefined;
  /** When our last successful renewal was sent. */
  #renewedAt = Number.NEGATIVE_INFINITY;
  #leading = false;
  #problem: string | undefined;

  constructor(options: LeaseElectionOptions) {
    this.#options = options;
    this.#durationMs = options.leaseDurationMs ?? 15_000;
    this.#deadlineMs = options.renewDeadlineMs ?? 10_000;
    this.#periodMs = options.retryPeriodMs ?? 2_000;
  }

  /** Whether we lead and nobody else can yet. */
  get leading(): boolean {
    return this.#leading && this.#options.clock.now() - this.#renewedAt < this.#deadlineMs;
  }

  /** Why the Lease could not be read or written the last time; none: it could. */
  get problem(): readonly string[] {
    return this.#problem === undefined ? [] : [this.#problem];
  }

  /** Who holds the Lease as far as we saw; undefined: nobody. */
  get holder(): string | undefined {
    const holder = this.#observed?.lease.spec?.holderIdentity;
    return holder === "" ? undefined : holder;
  }

  /**
   * Contends until `signal` aborts. Each time we are elected, `lead` is called;
   * it must return soon after its signal aborts, and only then do we contend again.
   * @throws what `lead` throws
   */
  async run(lead: (leadership: Leadership) => Promise<void>, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      if (await this.#attempt(signal)) {
        await this.#lead(lead, signal);
      } else {
        await this.#options.clock.sleep(this.#waitMs(), signal);
      }
    }
  }

  /**
   * Until the next try: within one period, so that a last renewal is seen soon
   * after it was made, by chance, so that candidates that started together drift
   * apart, and not beyond the moment at which the Lease may be taken.
   */
  #waitMs(): number {
    const { clock } = this.#options;
    const [toNextLook, drift] = [0.5 + 0.5 * clock.random(), 100 * clock.random()];
    const seenAt = this.#observed?.at ?? Number.NEGATIVE_INFINITY;
    const toExpiry = seenAt + this.#durationMs - clock.now();
    const wait = this.#periodMs * toNextLook;
    return toExpiry > 0 ? Math.min(wait, toExpiry + drift) : wait;
  }

  async #lead(lead: (leadership: Leadership) => Promise<void>, signal: AbortSignal): Promise<void> {
    const { log, identity, releaseOnShutdown } = this.#options;
    const transitions = this.#observed?.lease.spec?.leaseTransitions ?? 0;
    const ended = new AbortController();
    const end = (): void => ended.abort();
    signal.addEventListener("abort", end, { once: true });
    log.info({ identity, transitions }, "elected leader");
    this.#leading = true;
    const keeping = this.#keep(ended);
    try {
      // The wish to end may have come while the Lease was on its way to us; such an abort is not told again.
      if (!signal.aborted) {
        await lead({
          signal: ended.signal,
          transitions,
          holds: () => this.leading,
          renewedAt: () => this.#renewedAt,
        });
      }
    } finally {
      ended.abort();
      signal.removeEventListener("abort", end);
      await keeping;
      if (releaseOnShutdown === true && this.leading) {
        await this.#release();
      }
      this.#leading = false;
      log.info({ identity }, "no longer leader");
    }
  }

  /** Renews until leadership ends, and ends it when it cannot. */
  async #keep(ended: AbortController): Promise<void> {
    const { clock, log } = this.#options;
    void this.#guard(ended);
    while (!ended.signal.aborted) {
      await clock.sleep(this.#periodMs, ended.signal);
      if (ended.signal.aborted) {
        return;
      }
      const held = await this.#attempt(ended.signal);
      if (!held && this.holder !== this.#options.identity && !ended.signal.aborted) {
        log.warn({ holder: this.holder }, "leadership lost to another");
        this.#leading = false;
        ended.abort();
      }
    }
  }

  /** Ends leadership when the last renewal is too old, whatever a renewal under way is doing. */
  async #guard(ended: AbortController): Promise<void> {
    const { clock, log } = this.#options;
    while (!ended.signal.aborted) {
      const leftMs = this.#renewedAt + this.#deadlineMs - clock.now();
      if (leftMs <= 0) {
        log.warn({ deadlineMs: this.#deadlineMs }, "leadership lost: Lease not renewed in time");
        this.#leading = false;
        ended.abort();
      } else {
        await clock.sleep(leftMs, ended.signal);
      }
    }
  }

  /** One try to acquire or renew; whether the Lease is ours as of now. */
  async #attempt(signal: AbortSignal): Promise<boolean> {
    const sentAt = this.#options.clock.now();
    try {
      const lease = await this.#acquireOrRenew(signal);
      this.#problem = undefined;
      if (lease !== undefined) {
        this.#observe(lease);
        // The moment of sending: others saw the renewal later, so they also wait longer.
        this.#renewedAt = sentAt;
        return true;
      }
    } catch (error) {
      if (!signal.aborted) {
        this.#problem = `Lease ${this.#options.name}: ${explainFailure(error)}`;
        this.#options.log.warn({ err: String(error) }, "Lease neither read nor written");
      }
    }
    return false;
  }

  async #acquireOrRenew(signal: AbortSignal): Promise<Lease | undefined> {
    const known = this.#observed?.lease;
    if (this.#leading && known !== undefined) {
      const renewed = await this.#put(known, this.#claim(known.spec), signal);
      if (renewed !== undefined) {
        return renewed;
      }
    }
    const current = await this.#get(signal);
    if (current === undefined) {
      return this.#create(signal);
    }
    this.#observe(current);
    if (this.#heldByAnother()) {
      return undefined;
    }
    return this.#put(current, this.#claim(current.spec), signal);
  }

  #observe(lease: Lease): void {
    const before = this.#observed?.lease.spec;
    if (before === undefined || JSON.stringify(before) !== JSON.stringify(lease.spec)) {
      this.#observed = { lease, at: this.#options.clock.now() };
    } else if (this.#observed !== undefined) {
      this.#observed = { lease, at: this.#observed.at };
    }
  }

  #heldByAnother(): boolean {
    const { identity, clock } = this.#options;
    if (this.holder === undefined || this.holder === identity || this.#observed === undefined) {
      return false;
    }
    const seconds = this.#observed.lease.spec?.leaseDurationSeconds;
    const durationMs = seconds === undefined ? this.#durationMs : seconds * 1000;
    return clock.now() - this.#observed.at < durationMs;
  }

  /** What we write into the Lease; a change of holder is a transition. */
  #claim(spec: LeaseSpec | undefined): LeaseSpec {
    const { identity, clock } = this.#options;
    const now = microTime(clock.wallTime());
    const ours = spec?.holderIdentity === identity;
    return {
      ...spec,
      holderIdentity: identity,
      leaseDurationSeconds: Math.max(1, Math.round(this.#durationMs / 1000)),
      renewTime: now,
      acquireTime: ours ? (spec.acquireTime ?? now) : now,
      leaseTransitions: (spec?.leaseTransitions ?? 0) + (ours || spec === undefined ? 0 : 1),
    };
  }

  async #get(signal: AbortSignal): Promise<Lease | undefined> {
    const { transport, namespace, name } = this.#options;
    try {
      const path = resourcePath(leases, { namespace, name });
      return (await transport.request({ ...this.#bounds(signal), method: "GET", path })) as Lease;
    } catch (error) {
      if (isNotFound(error)) {
        return undefined;
      }
      throw error;
    }
  }

  async #create(signal: AbortSignal): Promise<Lease | undefined> {
    const { transport, namespace, name } = this.#options;
    try {
      return (await transport.request({
        ...this.#bounds(signal),
        method: "POST",
        path: resourcePath(leases, { namespace }),
        body: newLease(namespace, name, this.#claim(undefined)),
      })) as Lease;
    } catch (error) {
      if (isAlreadyExists(error)) {
        return undefined;
      }
      throw error;
    }
  }

  /** The Lease as written; undefined when somebody else wrote it first. */
  async #put(lease: Lease, spec: LeaseSpec, signal: AbortSignal): Promise<Lease | undefined> {
    const { transport, namespace, name } = this.#options;
    try {
      return (await transport.request({
        ...this.#bounds(signal),
        method: "PUT",
        path: resourcePath(leases, { namespace, name }),
        body: { ...lease, spec },
      })) as Lease;
    } catch (error) {
      if (isConflict(error) || isNotFound(error)) {
        return undefined;
      }
      throw error;
    }
  }

  async #release(): Promise<void> {
    const lease = this.#observed?.lease;
    if (lease !== undefined) {
      const spec = { ...this.#claim(lease.spec), holderIdentity: "", leaseDurationSeconds: 1 };
      await this.#put(lease, spec, AbortSignal.timeout(2_000)).catch((error: unknown) => {
        this.#options.log.warn({ err: String(error) }, "Lease not released: it will run out");
      });
    }
  }

  /** A hung try must leave time for another one before the deadline. */
  #bounds(signal: AbortSignal): { signal: AbortSignal; timeoutMs: number } {
    return { signal, timeoutMs: this.#deadlineMs / 2 };
  }
}
