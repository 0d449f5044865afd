import type { IpAllocation } from "../core/model/ip-allocation.ts";
import type { WorkQueue } from "../kube/work-queue.ts";
import type { Clock } from "../runtime/clock.ts";

export interface CoolingOptions {
  /** Has each address freed by its allocation's name. */
  readonly queue: Pick<WorkQueue, "add" | "forget">;
  /** How long an address that was given from this pool cools down, in milliseconds. */
  readonly reuseDelayMs: (pool: string) => number;
  readonly clock: Clock;
}

/**
 * Which addresses cool down, and since when as this process has seen it: clocks of different
 * machines are not compared, so under a new leader the time begins anew.
 */
export class Cooling {
  readonly #options: CoolingOptions;
  readonly #cooling = new Map<string, { readonly pool: string; readonly since: number }>();

  constructor(options: CoolingOptions) {
    this.#options = options;
  }

  /** The address of the allocation `name` began to cool down now. */
  begin(name: string, { pool }: Pick<IpAllocation, "pool">): void {
    this.#cooling.set(name, { pool, since: this.#options.clock.now() });
    this.#options.queue.add(name, this.#options.reuseDelayMs(pool));
  }

  /** It is free, or somebody's. */
  end(name: string): void {
    this.#cooling.delete(name);
    this.#options.queue.forget(name);
  }

  /** The delays may be others than they were: what cools down ends as if they had always been so. */
  delaysChanged(): void {
    const { queue, reuseDelayMs, clock } = this.#options;
    for (const [name, { pool, since }] of this.#cooling) {
      queue.forget(name);
      queue.add(name, Math.max(0, since + reuseDelayMs(pool) - clock.now()));
    }
  }
}
