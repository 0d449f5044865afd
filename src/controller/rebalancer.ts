import { allocationName } from "../core/model/ip-allocation.ts";
import { serviceKey } from "../core/model/service.ts";
import { balanced, rebalance } from "../core/placement/rebalance.ts";
import type { WorkQueue } from "../kube/work-queue.ts";
import type { Clock } from "../runtime/clock.ts";
import type { Log } from "../runtime/log.ts";
import type { ClusterStores } from "./cluster-stores.ts";
import type { Placement } from "./placement.ts";

export interface RebalancerOptions {
  readonly stores: Pick<ClusterStores, "allocations">;
  readonly placement: Pick<Placement, "balancedGroups" | "loads" | "wishMove">;
  /** Services to be looked at. */
  readonly services: Pick<WorkQueue, "addUnhurried">;
  /** How long addresses may be on a node that is not the best one; 0: for ever. */
  readonly afterMs: number;
  readonly clock: Clock;
  readonly log: Log;
}

/** The budget of moves is for so long. */
const periodMs = 60_000;

/** Once a minute has a few addresses move to nodes where they should rather be. */
export class Rebalancer {
  readonly #options: RebalancerOptions;
  #state = balanced;

  constructor(options: RebalancerOptions) {
    this.#options = options;
  }

  /** Looks once a minute, until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    while (this.#options.afterMs > 0 && !signal.aborted) {
      await this.#options.clock.sleep(periodMs, signal);
      if (!signal.aborted) {
        this.#look();
      }
    }
  }

  #look(): void {
    const { stores, placement, services, afterMs, clock, log } = this.#options;
    const { loads } = placement;
    const time = { now: clock.now(), afterMs };
    const { state, moves } = rebalance(this.#state, placement.balancedGroups(), loads, time);
    this.#state = state;
    for (const { address, from, to, reason } of moves) {
      const holders = stores.allocations.get(allocationName(address))?.allocation.holders ?? [];
      const service = holders.map(serviceKey).join(",");
      log.info({ service, address, from, to, reason }, "address moves");
      placement.wishMove(address, to);
      for (const holder of holders) {
        services.addUnhurried(serviceKey(holder));
      }
    }
  }
}
