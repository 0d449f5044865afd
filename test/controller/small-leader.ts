import { PendingServices } from "../../src/controller/pending-services.ts";
import { waitingFor } from "../../src/controller/waiting-for.ts";
import { WakeUps } from "../../src/controller/wake-ups.ts";
import {
  concernedHolders,
  holdersChanged,
  openedSharingKeys,
} from "../../src/core/allocation/holder-changes.ts";
import type { AddressPolicy } from "../../src/core/model/address-policy.ts";
import type { IpAddressPool } from "../../src/core/model/ip-address-pool.ts";
import type { IpAllocation } from "../../src/core/model/ip-allocation.ts";
import { claims, type Service, serviceKey } from "../../src/core/model/service.ts";
import type { IpAddress } from "../../src/core/net/ip-address.ts";
import { AllocationWorld } from "../core/allocation/allocation-world.ts";

/** More looks than any step needs: somebody wakes somebody for ever. */
const looksMax = 3_000;

/** One thing that happens. */
export type Step =
  | { readonly kind: "service"; readonly service: Service }
  | { readonly kind: "delete"; readonly key: string }
  | { readonly kind: "pool"; readonly pool: IpAddressPool }
  | { readonly kind: "cooled"; readonly address: IpAddress }
  | { readonly kind: "policy"; readonly policy: AddressPolicy | undefined }
  | { readonly kind: "node"; readonly address: IpAddress | undefined };

/** Looks at a Service only when the real wake-ups, or what Triggers do by themselves, ask for it. */
export class SmallLeader {
  readonly world = new AllocationWorld();
  readonly #pending = new PendingServices();
  readonly #queue = new Set<string>();
  readonly #wakeUps: WakeUps;
  #pools = this.world.pools;

  constructor() {
    const queue = { add: (key: string): void => void this.#queue.add(key) };
    this.#wakeUps = new WakeUps({ state: this.world, pending: this.#pending, queue });
    this.world.ledger.onChange((...change) => this.#allocationChanged(...change));
  }

  /** Takes the step, and looks at who is woken until nobody is. False if that has no end. */
  take(step: Step): boolean {
    switch (step.kind) {
      case "service":
        this.#put(step.service.key, step.service);
        break;
      case "delete":
        this.#put(step.key, undefined);
        break;
      case "pool":
        this.world.putPool(step.pool);
        this.#everything();
        break;
      case "cooled":
        if (this.world.ledger.get(step.address)?.state === "Cooling") {
          this.world.ledger.remove(step.address);
        }
        break;
      case "policy":
        this.world.policies.clear();
        if (step.policy !== undefined) {
          this.world.policies.set(step.policy.name, step.policy);
        }
        this.world.networksChanged();
        this.#wakeUps.everyone();
        break;
      case "node":
        this.#setNode(step.address);
        break;
    }
    return this.#drain();
  }

  /** Services that would get or lose something if they were looked at now. */
  overlooked(): readonly string[] {
    return [...this.world.services.keys()].filter((key) => {
      const { kind } = this.world.decide(key);
      return kind === "grant" || kind === "revoke";
    });
  }

  #put(key: string, service: Service | undefined): void {
    const before = this.world.services.get(key);
    const statusAddresses = before?.statusAddresses ?? [];
    this.#write(key, service && { ...service, statusAddresses });
    this.#queue.add(key);
  }

  #write(key: string, service: Service | undefined): void {
    const before = this.world.services.get(key);
    this.world.putService(key, service);
    for (const address of claims(before)) {
      this.#wakeUps.addressFreed(address);
    }
  }

  #setNode(address: IpAddress | undefined): void {
    this.world.nodes.clear();
    if (address !== undefined) {
      const node = { name: "n1", labels: {}, podCidrs: [], excluded: false };
      this.world.nodes.set("n1", { ...node, addresses: [address] } as never);
    }
    this.world.networksChanged();
    this.#wakeUps.networksChanged();
  }

  #everything(): void {
    this.#pools = this.world.pools;
    const held = [...this.world.ledger.allocations()].flatMap(({ holders }) => holders);
    for (const key of [...held.map(serviceKey), ...this.world.services.keys()]) {
      this.#queue.add(key);
    }
  }

  #allocationChanged(
    address: IpAddress,
    before: IpAllocation | undefined,
    after: IpAllocation | undefined,
  ): void {
    if (this.world.pools !== this.#pools) {
      this.#pools = this.world.pools;
      this.#wakeUps.everyone();
    }
    for (const key of concernedHolders(before, after)) {
      this.#queue.add(key);
    }
    if (after === undefined || after.state === "Cooling") {
      this.#wakeUps.addressFreed(address);
    }
    if (holdersChanged(before, after)) {
      this.#wakeUps.holdersChanged(address, openedSharingKeys(before, after));
    }
  }

  #drain(): boolean {
    for (let looks = 0; looks < looksMax; looks += 1) {
      const [key] = this.#queue;
      if (key === undefined) {
        return true;
      }
      this.#queue.delete(key);
      this.#lookAt(key);
      this.#wakeUps.lookedAt(key);
    }
    return false;
  }

  #lookAt(key: string): void {
    const service = this.world.services.get(key);
    const decision = this.world.decide(key);
    const waiting = service && waitingFor(service, decision, this.world);
    if (waiting === undefined) {
      this.#pending.remove(key);
    } else {
      this.#pending.add(key, waiting);
    }
    this.world.settle(key);
    const statusAddresses = "addresses" in decision ? decision.addresses : [];
    if (service !== undefined && service.statusAddresses.join() !== statusAddresses.join()) {
      this.#write(key, { ...service, statusAddresses });
    }
  }
}
