import { poolIndexOf } from "../core/allocation/pool-index.ts";
import { familyOf, type IpAddress, type IpFamily } from "../core/net/ip-address.ts";
import type { WorkQueue } from "../kube/work-queue.ts";
import type { AllocationState } from "./allocation-state.ts";
import type { HasRoom, PendingServices } from "./pending-services.ts";

export interface WakeUpsOptions {
  readonly state: Pick<AllocationState, "pools" | "supply" | "ledger" | "policyFor">;
  readonly pending: PendingServices;
  readonly queue: Pick<WorkQueue, "add">;
}

/** Has pending Services looked at when they could be served, in the order in which they came. */
export class WakeUps {
  readonly #options: WakeUpsOptions;

  constructor(options: WakeUpsOptions) {
    this.#options = options;
  }

  /** The address is free, or cools down, or is no longer denied. */
  addressFreed(address: IpAddress): void {
    const { state, pending } = this.#options;
    this.#wake(pending.askingFor(address));
    for (const { name } of poolIndexOf(state.pools).offering(address)) {
      this.#wake(pending.roomIn(name, familyOf(address), this.#hasRoom));
    }
  }

  /**
   * Others than before hold the address. Who asks for it by name is told, also why it still cannot
   * have it; who has one of these sharing keys may join them now.
   */
  holdersChanged(address: IpAddress, openedSharingKeys: readonly string[]): void {
    const { pending } = this.#options;
    this.#wake(pending.askingFor(address));
    for (const key of openedSharingKeys) {
      this.#wake(pending.sharingAs(key));
    }
  }

  /** Other addresses than before are denied. Who wants one by name that nobody holds is told by whom. */
  networksChanged(): void {
    const { state, pending } = this.#options;
    this.#wake(pending.roomAnywhere(this.#hasRoom));
    for (const address of pending.askedFor()) {
      if (state.ledger.get(address as IpAddress)?.state !== "Allocated") {
        this.#wake(pending.askingFor(address));
      }
    }
  }

  /** Other rules than before are in force. */
  everyone(): void {
    this.#wake(this.#options.pending.keys());
  }

  /** The Service was looked at, with whatever outcome: if what it was woken for is still there, others get their turn. */
  lookedAt(key: string): void {
    this.#wake(this.#options.pending.lookedAt(key, this.#hasRoom));
  }

  #wake(keys: Iterable<string>): void {
    for (const key of keys) {
      this.#options.queue.add(key);
    }
  }

  readonly #hasRoom: HasRoom = (want, awake) => {
    let room = 0n;
    for (const pool of this.#options.state.supply.withRoom(want.pools, want.families, true)) {
      const ofFamilies = want.families.map((family) => this.#roomIn(pool.name, family));
      const [least = 0n] = ofFamilies.sort((a, b) => (a < b ? -1 : 1));
      room += least;
      if (room > BigInt(awake)) {
        return true;
      }
    }
    return false;
  };

  #roomIn(pool: string, family: IpFamily): bigint {
    const { state } = this.#options;
    const { free, cooling } = state.supply.count(pool, family);
    return state.policyFor(pool).delaysLastResort ? free : free + cooling;
  }
}
