import type { PoolConflict } from "../core/allocation/conflicts.ts";
import { type QuarantineState, type SeenInUse, step } from "../core/conflicts/quarantine.ts";
import { aheadPerPool, planQuestions } from "../core/conflicts/questions.ts";
import { enumerated } from "../core/model/enumerated.ts";
import { poolOffers } from "../core/model/ip-address-pool.ts";
import { allocationName, type Claimant, type IpAllocation } from "../core/model/ip-allocation.ts";
import type { SpeakerConflict, SpeakerOrders } from "../core/model/l2-speaker.ts";
import type { IpAddress } from "../core/net/ip-address.ts";
import type { MacAddress } from "../core/net/mac-address.ts";
import { isNotFound } from "../kube/api-error.ts";
import { decodeL2Speaker, type L2SpeakerObject } from "../kube/decode/l2-speaker.ts";
import * as resources from "../kube/resources.ts";
import { WorkQueue } from "../kube/work-queue.ts";
import type { Writer } from "../kube/write.ts";
import type { Clock } from "../runtime/clock.ts";
import type { Log } from "../runtime/log.ts";
import type { AllocationState } from "./allocation-state.ts";
import { AllocationChangedError, type AllocationWriter } from "./allocation-writer.ts";
import type { ClusterStores } from "./cluster-stores.ts";
import { onConfigurationChange } from "./configuration-changes.ts";
import { differs } from "./differs.ts";
import type { ConflictSettings } from "./settings.ts";
import type { SpeakerReports } from "./speaker-reports.ts";

/** A host that is none of ours and has an address that a Service holds. */
export interface HeldConflict extends Claimant {
  readonly address: IpAddress;
}

export interface AddressConflictsOptions {
  readonly stores: ClusterStores;
  readonly state: AllocationState;
  readonly reports: SpeakerReports;
  readonly allocations: Pick<AllocationWriter, "quarantine" | "free">;
  readonly isAlive: (node: string) => boolean;
  readonly writer: Writer;
  readonly conflicts: ConflictSettings;
  readonly configNamespace: string;
  /** Called with held addresses that another host has now, or has no more. */
  readonly onHeldChanged: (addresses: readonly IpAddress[]) => void;
  /** Called with the names of pools of whose free addresses that is true. */
  readonly onPoolChanged: (pool: string) => void;
  readonly clock: Clock;
  readonly log: Log;
}

/** Reports are looked at at most this often, and what is looked for ahead is planned anew. */
const lookMs = 1_000;
const planMs = 5_000;

type Task = "look" | "plan";

/**
 * What is to be done about hosts that are none of ours and have our addresses, from what speakers
 * report of them. Held addresses stay with their Services, which are told; free ones are kept from
 * everybody for as long as the host is there, as far as that leaves enough of the pool.
 */
export class AddressConflicts {
  readonly #options: AddressConflictsOptions;
  readonly queue: WorkQueue;
  #held: ReadonlyMap<IpAddress, HeldConflict> = new Map();
  /** Free addresses that hosts have and that are given out all the same, by pool. */
  #beyond: ReadonlyMap<string, readonly SeenInUse[]> = new Map();
  readonly #quarantined = new Map<IpAddress, IpAllocation>();
  #entries: QuarantineState = new Map();
  #lookedAt = Number.NEGATIVE_INFINITY;

  constructor(options: AddressConflictsOptions) {
    this.#options = options;
    this.queue = new WorkQueue({ clock: options.clock, log: options.log });
  }

  /** The host that has an address which a Service holds, if there is one. */
  of(address: IpAddress): HeldConflict | undefined {
    return this.#held.get(address);
  }

  /** How many held addresses other hosts have. */
  get heldCount(): number {
    return this.#held.size;
  }

  /** What is to be said of a pool of which hosts have free addresses. */
  inPool(pool: string): PoolConflict | undefined {
    const beyond = this.#beyond.get(pool) ?? [];
    const kept = [...this.#quarantined.values()].filter((one) => one.pool === pool);
    if (kept.length + beyond.length === 0) {
      return undefined;
    }
    const name = (address: IpAddress, mac: MacAddress | undefined): string =>
      `${address} (MAC ${mac ?? "not known"})`;
    const keptNames = kept.map(({ address, claimant }) => name(address, claimant?.mac));
    const beyondNames = beyond.map(({ address, mac }) => name(address, mac));
    const given =
      beyond.length === 0
        ? ""
        : `; given out all the same, for no more of a pool is kept back: ${enumerated(beyondNames)}`;
    return {
      reason: "PoolHasForeignHost",
      message:
        `in use by hosts that are none of this cluster's, and kept back: ${enumerated(keptNames)}` +
        `${given}. Take the addresses from them or from the pool; --ignore-mac names routers that answer for others`,
    };
  }

  /** Follows all that it hangs on from now on, and begins with a look. */
  start(): void {
    const { stores, state, configNamespace } = this.#options;
    stores.speakers.onChange(({ before, after }) => {
      const [old, now] = [before?.speaker.report, after?.speaker.report];
      if (differs([old?.conflicts, old?.clear], [now?.conflicts, now?.clear])) {
        this.#look();
      }
      if (differs([old?.interfaces, before?.orders], [now?.interfaces, after?.orders])) {
        this.#plan();
      }
    });
    stores.bundles.onChange(() => {
      if (this.#held.size > 0) {
        this.#look();
      }
    });
    for (const allocation of state.ledger.allocations()) {
      this.#noteQuarantine(allocation.address, allocation);
    }
    onConfigurationChange(stores, configNamespace, () => this.planAnew());
    state.ledger.onChange((address, before, after) => {
      this.#noteQuarantine(address, after);
      if (before?.state === "Quarantined" || after?.state === "Quarantined") {
        this.#options.onPoolChanged((after ?? before)?.pool ?? "");
        this.#look();
        this.#plan(lookMs);
      } else if (this.#held.has(address)) {
        this.#look();
      }
      this.#plan();
    });
    this.#look();
    this.#plan(lookMs);
  }

  /** A speaker came, went or died; or pools are others than they were. */
  planAnew(): void {
    this.#look();
    this.#plan();
  }

  #noteQuarantine(address: IpAddress, allocation: IpAllocation | undefined): void {
    if (allocation?.state === "Quarantined") {
      this.#quarantined.set(address, allocation);
    } else {
      this.#quarantined.delete(address);
    }
  }

  /** Works until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    await this.queue.run((task) => (task === "look" ? this.#judge() : this.#ask()), signal);
  }

  #look(): void {
    const task: Task = "look";
    const { clock } = this.#options;
    this.queue.add(task, Math.max(0, this.#lookedAt + lookMs - clock.now()));
  }

  #plan(afterMs = planMs): void {
    const task: Task = "plan";
    this.queue.add(task, afterMs);
  }

  /** Judges what speakers report. */
  async #judge(): Promise<void> {
    const { clock, state, allocations, onPoolChanged } = this.#options;
    this.#lookedAt = clock.now();
    const foreign = [...this.#reported()].filter(({ mac }) => !this.#isOurs(mac));
    this.#takeHeld(foreign.filter(({ held }) => held));
    const next = step(
      this.#entries,
      {
        seen: this.#seen(foreign.filter(({ held }) => !held)),
        quarantined: [...this.#quarantined.values()],
        sizeOf: (pool) => state.supply.count(pool, 4).size + state.supply.count(pool, 6).size,
        clear: this.#clear(),
      },
      clock.now(),
    );
    const before = this.#beyond;
    this.#entries = next.state;
    this.#beyond = Map.groupBy(next.beyond, ({ pool }) => pool);
    for (const pool of new Set([...before.keys(), ...this.#beyond.keys()])) {
      if (differs(before.get(pool), this.#beyond.get(pool))) {
        onPoolChanged(pool);
      }
    }
    if (next.wakeAt !== undefined) {
      this.queue.add("look" satisfies Task, next.wakeAt - clock.now());
    }
    for (const one of next.enter) {
      await this.#quarantine(one);
    }
    for (const address of next.leave) {
      this.#options.log.info({ address }, "nobody on the network has the address any more");
      await allocations.free(allocationName(address), "Quarantined");
    }
  }

  async #quarantine({ address, pool, mac, node }: SeenInUse): Promise<void> {
    const { allocations, log } = this.#options;
    try {
      await allocations.quarantine(address, pool, { mac, node });
      log.warn({ address, pool, mac, node }, "a host on the network has the address: kept back");
    } catch (error) {
      // Somebody got it a moment ago; its node will notice the host.
      if (!(error instanceof AllocationChangedError)) {
        throw error;
      }
    }
  }

  *#reported(): Iterable<SpeakerConflict & { readonly node: string }> {
    const { stores, isAlive } = this.#options;
    for (const { key, speaker } of stores.speakers.values()) {
      if (isAlive(key)) {
        for (const conflict of speaker.report?.conflicts ?? []) {
          yield { ...conflict, node: key };
        }
      }
    }
  }

  /** A node's own hardware addresses are no other host's, nor are those that the admin names. */
  #isOurs(mac: MacAddress): boolean {
    const { stores, reports, conflicts } = this.#options;
    return (
      conflicts.ignoredMacs.includes(mac) ||
      [...stores.nodes.values()].some(({ key }) =>
        reports.get(key)?.interfaces.some((nic) => nic.mac === mac),
      )
    );
  }

  #takeHeld(foreign: readonly (SpeakerConflict & { readonly node: string })[]): void {
    const { stores, onHeldChanged } = this.#options;
    const before = this.#held;
    const after = new Map<IpAddress, HeldConflict>();
    for (const { address, mac, node } of foreign) {
      const allocation = stores.allocations.get(allocationName(address))?.allocation;
      if (stores.bundles.get(allocation?.bundle ?? "")?.bundle.owner.node === node) {
        after.set(address, { address, mac, node });
      }
    }
    const addresses = [...new Set([...before.keys(), ...after.keys()])];
    const changed = addresses.filter((one) => differs(before.get(one), after.get(one)));
    if (changed.length > 0) {
      this.#held = after;
      onHeldChanged(changed);
      this.#plan(0);
    }
  }

  /** Only what a speaker was asked for, and only what is free. */
  #seen(foreign: readonly (SpeakerConflict & { readonly node: string })[]): readonly SeenInUse[] {
    const { stores, state, conflicts } = this.#options;
    return foreign.flatMap(({ address, mac, node }) => {
      const isAsked = stores.speakers.get(node)?.orders.probes.includes(address) === true;
      const pool = state.pools.find((one) => poolOffers(one, address));
      const isFree = state.ledger.get(address) === undefined;
      return conflicts.probes && isAsked && isFree && pool !== undefined
        ? [{ address, mac, node, pool: pool.name }]
        : [];
    });
  }

  #clear(): ReadonlySet<IpAddress> {
    const { stores, conflicts } = this.#options;
    if (!conflicts.probes) {
      return new Set([...this.#quarantined.keys()]);
    }
    return new Set(
      [...stores.speakers.values()].flatMap(({ speaker, orders }) =>
        (speaker.report?.clear ?? []).filter((address) => orders.probes.includes(address)),
      ),
    );
  }

  /** Tells each speaker what to look for and what to defend. */
  async #ask(): Promise<void> {
    const { stores, state, conflicts, isAlive } = this.#options;
    const speakers = [...stores.speakers.values()].sort((a, b) => (a.key < b.key ? -1 : 1));
    const alive = speakers.filter(({ key }) => isAlive(key));
    const next = state.pools.flatMap(({ name }) =>
      ([4, 6] as const).map((family) => state.supply.nextFree(name, family, aheadPerPool)),
    );
    const lists = planQuestions({
      next: conflicts.probes ? next : [],
      quarantined: [...this.#quarantined.keys()],
      speakers: alive.map(({ key, speaker }) => ({
        node: key,
        interfaces: speaker.report?.interfaces ?? [],
      })),
      present: new Map(alive.map(({ key, orders }) => [key, orders.probes])),
    });
    for (const object of alive) {
      const intruders = [...this.#held.values()]
        .filter(({ node }) => node === object.key)
        .map(({ address, mac }) => ({ address, mac }));
      await this.#order(object, { probes: lists.get(object.key) ?? [], intruders });
    }
  }

  async #order(object: L2SpeakerObject, orders: SpeakerOrders): Promise<void> {
    const { stores, writer } = this.#options;
    if (!differs(object.orders, orders)) {
      return;
    }
    const { key: name, uid } = object;
    try {
      // No version: the rest of the object is its speaker's, who writes at any time.
      const patch = { metadata: { uid }, spec: orders };
      const raw = await writer.patch(resources.l2Speakers, { name }, patch);
      stores.speakers.upsertLocal(decodeL2Speaker(raw));
    } catch (error) {
      if (!isNotFound(error)) {
        throw error;
      }
    }
  }
}
