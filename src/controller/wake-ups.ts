import type { AllocationContext } from "../core/allocation/allocation-context.ts";
import { anyCooling, chooseAddresses } from "../core/allocation/choose.ts";
import { poolIndexOf } from "../core/allocation/pool-index.ts";
import type { IpAddressPool } from "../core/model/ip-address-pool.ts";
import { type Service, serviceKey } from "../core/model/service.ts";
import { familyOf, type IpAddress, type IpFamily } from "../core/net/ip-address.ts";
import type { WorkQueue } from "../kube/work-queue.ts";
import type { PendingServices, RoomFor, Want } from "./pending-services.ts";

export interface WakeUpsOptions {
  readonly state: AllocationContext;
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
    const known = state.ledger.get(address);
    this.#wakeLastHolders(known?.state === "Cooling" ? known.holders.map(serviceKey) : []);
    this.#wakeSharers(known?.holders.flatMap(({ sharing }) => sharing?.key ?? []) ?? []);
    for (const { name } of poolIndexOf(state.pools).offering(address)) {
      this.#wake(pending.roomIn(name, familyOf(address), this.#roomFor));
    }
  }

  /**
   * Others than before hold the address. Who asks for it by name is told, also why it still cannot
   * have it; who has one of these sharing keys may join them now.
   */
  holdersChanged(address: IpAddress, openedSharingKeys: readonly string[]): void {
    const { pending } = this.#options;
    this.#wake(pending.askingFor(address));
    this.#wakeSharers(openedSharingKeys);
  }

  /** Other addresses than before are denied. Who wants one by name that it could have is told by whom. */
  networksChanged(): void {
    const { state, pending } = this.#options;
    this.#wake(pending.roomAnywhere(this.#roomFor));
    this.#wakeLastHolders(pending.keys());
    for (const address of pending.askedFor()) {
      const known = state.ledger.get(address as IpAddress);
      const isShared = known?.holders.some(({ sharing }) => sharing !== undefined) === true;
      if (known?.state !== "Allocated" || isShared) {
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
    this.#wake(this.#options.pending.lookedAt(key, this.#roomFor));
  }

  #wake(keys: Iterable<string>): void {
    for (const key of keys) {
      this.#options.queue.add(key);
    }
  }

  #wakeSharers(sharingKeys: readonly string[]): void {
    for (const key of new Set(sharingKeys)) {
      this.#wake(this.#options.pending.sharingAs(key, this.#roomFor));
    }
  }

  /** What a Service released a moment ago it may have back, be there room for others or not. */
  #wakeLastHolders(keys: readonly string[]): void {
    const { state, pending } = this.#options;
    this.#wake(keys.filter((key) => pending.has(key) && state.ledger.coolingOf(key).length > 0));
  }

  /** Of those that share alike one at a time is tried beside others: once it is there, its ports are taken. */
  readonly #roomFor: RoomFor = (want, enough) =>
    want.sharer === undefined
      ? this.#roomInPools(want, enough)
      : Number(this.#canJoin(want, want.sharer));

  #roomInPools({ pools, families }: Want, enough: number): number {
    let room = 0n;
    for (const pool of this.#options.state.supply.withRoom(pools, families, true)) {
      const ofFamilies = families.map((family) => this.#roomIn(pool, family));
      const [least = 0n] = ofFamilies.sort((a, b) => (a < b ? -1 : 1));
      room += least;
      if (room >= BigInt(enough)) {
        return enough;
      }
    }
    return Number(room);
  }

  /** True if one like `sharer` could have what others with its key have, or had until a moment ago. */
  #canJoin({ pools, families }: Want, sharer: Service): boolean {
    const { state } = this.#options;
    if (!state.ledger.hasFriends(sharer, families)) {
      return false;
    }
    // Whatever the one who stands for them has on its own, the others do not.
    const anyOfThem = { ...sharer, key: "", name: "", externalIPs: [] };
    const service: Service = { ...anyOfThem, families, familyPolicy: "SingleStack" };
    const index = poolIndexOf(state.pools);
    const candidates = pools.flatMap(({ name }) => index.named(name) ?? []);
    const choice = chooseAddresses(service, state, candidates);
    return (
      choice.kind === "found" &&
      choice.addresses.some((address) =>
        state.ledger
          .get(address)
          ?.holders.some(({ sharing }) => sharing?.key === sharer.sharing?.key),
      )
    );
  }

  /** Of what cools down all counts as room while there is any that others may have. */
  #roomIn(pool: IpAddressPool, family: IpFamily): bigint {
    const { state } = this.#options;
    const { free, cooling } = state.supply.count(pool.name, family);
    const isOthers = cooling > 0n && anyCooling(pool, family, state) !== undefined;
    return isOthers ? free + cooling : free;
  }
}
