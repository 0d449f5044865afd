import type { Clock } from "../runtime/clock.ts";
import type { Log } from "../runtime/log.ts";
import { explainFailure, isAlreadyExists, isNotFound } from "./api-error.ts";
import { type LeaseOwner, type LeaseSpec, microTime, newLease } from "./lease.ts";
import { resourcePath } from "./resource.ts";
import { leases } from "./resources.ts";
import type { ApiClient } from "./transport.ts";

/** Which Lease, and how often. */
export interface LeaseRenewerOptions {
  /** Shared with nothing slow. */
  readonly transport: ApiClient;
  readonly namespace: string;
  readonly name: string;
  readonly holderIdentity: string;
  /** With what the Lease goes, asked at each renewal; undefined: not known now, so what was said before stays. */
  readonly owner?: () => LeaseOwner | undefined;
  readonly clock: Clock;
  readonly log: Log;
  /** Default 2 s. */
  readonly intervalMs?: number;
  /** Written into the Lease for people, default 6 s; watchers use their own clock. */
  readonly leaseDurationSeconds?: number;
}

/** A renewal that takes longer counts as failed, so that the next one is not late too. */
const timeoutMs = 3_000;

/**
 * Says "alive" by renewing one Lease, and creates it where it is missing.
 *
 * Each renewal is one merge patch without a precondition: the Lease has one
 * writer, and its time is written for people only. Needs the verbs `patch` and
 * `create`.
 */
export class LeaseRenewer {
  readonly #options: LeaseRenewerOptions;
  #renewedAt: number | undefined;
  #problem: string | undefined;

  constructor(options: LeaseRenewerOptions) {
    this.#options = options;
  }

  /** When the last successful renewal was sent, on the monotonic clock. */
  get renewedAt(): number | undefined {
    return this.#renewedAt;
  }

  /** Why the last renewal failed; none: it did not. */
  get problem(): readonly string[] {
    return this.#problem === undefined ? [] : [this.#problem];
  }

  /** Renews until `signal` aborts. Never rejects; never releases: an end is not a withdrawal. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, intervalMs = 2_000 } = this.#options;
    while (!signal.aborted) {
      const startedAt = clock.now();
      try {
        await this.#renew(signal);
        this.#succeeded(startedAt);
      } catch (error) {
        if (!signal.aborted) {
          this.#failed(error);
        }
      }
      await clock.sleep(Math.max(0, startedAt + intervalMs - clock.now()), signal);
    }
  }

  async #renew(signal: AbortSignal): Promise<void> {
    const { transport, namespace, name } = this.#options;
    const spec = this.#spec();
    const owner = this.#options.owner?.();
    const owned = owner === undefined ? {} : { metadata: { ownerReferences: [owner] } };
    try {
      await transport.request({
        method: "PATCH",
        path: resourcePath(leases, { namespace, name }),
        body: { ...owned, spec },
        signal,
        timeoutMs,
      });
    } catch (error) {
      if (!isNotFound(error)) {
        throw error;
      }
      await this.#create(spec, owner, signal);
    }
  }

  async #create(
    spec: LeaseSpec,
    owner: LeaseOwner | undefined,
    signal: AbortSignal,
  ): Promise<void> {
    const { transport, namespace, name } = this.#options;
    try {
      await transport.request({
        method: "POST",
        path: resourcePath(leases, { namespace }),
        body: newLease(namespace, name, spec, owner === undefined ? [] : [owner]),
        signal,
        timeoutMs,
      });
    } catch (error) {
      if (!isAlreadyExists(error)) {
        throw error;
      }
    }
  }

  #spec(): LeaseSpec {
    const { clock, holderIdentity, leaseDurationSeconds = 6 } = this.#options;
    return { holderIdentity, leaseDurationSeconds, renewTime: microTime(clock.wallTime()) };
  }

  #succeeded(startedAt: number): void {
    if (this.#problem !== undefined) {
      this.#options.log.info({ lease: this.#options.name }, "Lease renewed again");
    }
    this.#problem = undefined;
    this.#renewedAt = startedAt;
  }

  #failed(error: unknown): void {
    if (this.#problem === undefined) {
      const fields = { lease: this.#options.name, err: String(error) };
      this.#options.log.warn(fields, "Lease not renewed: trying on");
    }
    this.#problem = `Lease ${this.#options.name}: ${explainFailure(error)}`;
  }
}
