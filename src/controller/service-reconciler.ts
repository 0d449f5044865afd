import {
  type AllocationDecision,
  revokeReasonOf,
  targetOf,
} from "../core/allocation/allocation-decision.ts";
import { decide } from "../core/allocation/decide.ts";
import { refusalToday } from "../core/allocation/refusals.ts";
import { allocationName } from "../core/model/ip-allocation.ts";
import { absentService, type Service, serviceKey } from "../core/model/service.ts";
import { type IpAddress, parseIpAddress } from "../core/net/ip-address.ts";
import { type AddressAnnouncement, announcementOfAll } from "../core/placement/announced.ts";
import { isConflict, isNotFound } from "../kube/api-error.ts";
import type { DesiredCondition } from "../kube/condition.ts";
import type { IpAllocationObject } from "../kube/decode/ip-allocation.ts";
import { decodeService, type ServiceObject } from "../kube/decode/service.ts";
import type { EventRecorder } from "../kube/event-recorder.ts";
import * as resources from "../kube/resources.ts";
import type { Writer } from "../kube/write.ts";
import type { Clock } from "../runtime/clock.ts";
import type { Log } from "../runtime/log.ts";
import type { AddressConflicts } from "./address-conflicts.ts";
import type { AllocationState } from "./allocation-state.ts";
import { AllocationChangedError, type AllocationWriter } from "./allocation-writer.ts";
import type { Announcements } from "./announcements.ts";
import type { ClusterStores } from "./cluster-stores.ts";
import { explainLoss, isUnexpected } from "./loss.ts";
import type { PendingServices } from "./pending-services.ts";
import { eventOfCondition, eventOfLoss } from "./service-event.ts";
import { explainOverwrite, planFarewell, planStatus, type StatusChange } from "./service-status.ts";
import { waitingFor } from "./waiting-for.ts";

export interface ServiceReconcilerOptions {
  readonly stores: ClusterStores;
  readonly state: AllocationState;
  readonly allocations: AllocationWriter;
  readonly announcements: Pick<Announcements, "of">;
  readonly pending: PendingServices;
  readonly conflicts: Pick<AddressConflicts, "of">;
  /** Called with an address that was kept for its Service from before us, when that is over. */
  readonly onLiveEnded: (address: IpAddress) => void;
  readonly writer: Writer;
  readonly events: Pick<EventRecorder, "record">;
  readonly loadBalancerClass: string;
  readonly clock: Clock;
  readonly log: Log;
}

/** How often a decision is made anew when another writer came first, before the queue waits. */
const decisionTries = 3;

/** Makes one Service's allocations and status what was decided for it. */
export class ServiceReconciler {
  readonly #options: ServiceReconcilerOptions;
  /** Services whose condition `Announced` waits for the report of a node. */
  readonly #awaiting = new Map<string, Set<string>>();
  /** Status writes that nobody heard of, by Service and with the version that they ask for: they may still arrive. */
  readonly #unheard = new Map<
    string,
    { readonly version: string; readonly change: StatusChange }
  >();

  constructor(options: ServiceReconcilerOptions) {
    this.#options = options;
  }

  /** Decides about the Service `namespace/name` and carries it out. Rejects to be tried again. */
  async reconcile(key: string): Promise<void> {
    for (let tries = 1; ; tries += 1) {
      try {
        await this.#decideAndApply(key);
        return;
      } catch (error) {
        if (!(error instanceof AllocationChangedError) || tries === decisionTries) {
          throw error;
        }
      }
    }
  }

  /** Services that wait for news of `node`; they stop waiting and should be looked at. */
  takeAwaiting(node: string): Iterable<string> {
    const keys = this.#awaiting.get(node) ?? [];
    this.#awaiting.delete(node);
    return keys;
  }

  /** What is remembered of a Service ends with it. */
  #forget(key: string): void {
    this.#unheard.delete(key);
    for (const keys of this.#awaiting.values()) {
      keys.delete(key);
    }
  }

  /** `confirmed`: the evidence on which addresses may be taken away. */
  async #decideAndApply(key: string, confirmed?: string): Promise<void> {
    const { stores, state, allocations, log } = this.#options;
    const object = stores.services.get(key);
    if (object === undefined) {
      this.#forget(key);
    }
    const service = object?.service ?? absentService(key);
    const held = state.ledger.heldBy(key);
    const known = held.flatMap((address) => stores.allocations.get(allocationName(address)) ?? []);
    const decision = decide(service, state);
    const target = targetOf(decision);
    const lost = known.filter(({ allocation }) => !target.includes(allocation.address));
    const evidence = [object, ...known].map((one) => one?.resourceVersion).join();
    if (evidence !== confirmed && (lost.length > 0 || known.some(isHeldByOther(service)))) {
      await this.#readAgain(key);
      await this.#decideAndApply(key, evidence);
      return;
    }
    const gained = target.filter((address) => !held.includes(address));
    if (gained.length > 0) {
      await this.#acquire(service, gained);
    }
    this.#endLive(service);
    this.#updatePending(service, decision);
    for (const kept of known.filter(({ allocation }) => target.includes(allocation.address))) {
      await allocations.refresh(service, kept);
      if (!service.statusAddresses.includes(kept.allocation.address)) {
        // The leader before us may have taken it away, and our watch may not have told yet.
        await allocations.confirm(service, kept);
      }
    }
    if (object !== undefined) {
      await this.#writeStatus(object, decision, held);
    }
    for (const one of lost) {
      const reason = revokeReasonOf(decision) ?? "RequestChanged";
      const message = explainLoss(service, one.allocation, reason);
      await allocations.release(key, one, reason === "SharingConflict");
      log.info({ service: key, address: one.allocation.address, reason }, message);
      if (object !== undefined) {
        this.#record(service, isUnexpected(reason), eventOfLoss(reason, message));
      }
    }
  }

  async #acquire(service: Service, gained: readonly IpAddress[]): Promise<void> {
    const { allocations, pending, log } = this.#options;
    const { key } = service;
    // Whatever it still lacks: news of its own grant that fails must not have it try again without a pause.
    pending.remove(key);
    await allocations.acquire(service, gained);
    log.info({ service: key, addresses: gained, reason: "Assigned" }, "addresses granted");
  }

  /** What was live is recorded, or was not to be had. What could not be judged yet stays so. */
  #endLive({ key, wantsAddress }: Service): void {
    const { state, onLiveEnded } = this.#options;
    const isJudged = !wantsAddress || state.canJudge;
    for (const address of isJudged ? state.endLive(key) : []) {
      onLiveEnded(address);
    }
  }

  /**
   * Reads the Service from the API server. An allocation may have been written by a leader
   * before us that knew the Service better: our watches are not in step, and this process may
   * have stood still. So nothing is taken from a holder on what only our store says of it.
   */
  async #readAgain(key: string): Promise<void> {
    const { stores, writer, loadBalancerClass } = this.#options;
    const [namespace = "", name = ""] = key.split("/");
    // One that is seen only while the answer is on its way may have been created after it.
    const uid = stores.services.get(key)?.uid ?? "";
    try {
      const raw = await writer.read(resources.services, { namespace, name });
      stores.services.upsertLocal(decodeService(raw, loadBalancerClass));
    } catch (error) {
      if (!isNotFound(error)) {
        throw error;
      }
      stores.services.deleteLocal(key, uid);
    }
  }

  /** Who got nothing, or less than it asked for, waits for what could change that. */
  #updatePending(service: Service, decision: AllocationDecision): void {
    const { pending, state } = this.#options;
    const waiting = waitingFor(service, decision, state);
    if (waiting === undefined) {
      pending.remove(service.key);
    } else {
      pending.add(service.key, waiting);
    }
  }

  async #writeStatus(
    object: ServiceObject,
    decision: AllocationDecision,
    held: readonly IpAddress[],
  ): Promise<void> {
    const { clock, state } = this.#options;
    const now = clock.wallTime();
    if (!object.service.wantsAddress) {
      await this.#patch(object, (newest) => planFarewell(newest, held, now));
      return;
    }
    const target = targetOf(decision);
    const announcements = target.map((address) =>
      this.#options.announcements.of(object.service, address),
    );
    const pools = [...new Set(target.flatMap((address) => state.ledger.get(address)?.pool ?? []))];
    const verdict = announcementOfAll(announcements);
    if (verdict !== undefined && verdict.status !== "True") {
      this.#await(object.key, announcements);
    }
    const undecided = undecidedOf(object, decision, state);
    const concern = refusalToday(object.service, target, state.denyList);
    const conflicts = target.flatMap((address) => this.#options.conflicts.of(address) ?? []);
    const desired = { decision, pools, announcements, verdict, concern, conflicts, undecided, now };
    const overwritten = explainOverwrite(object, [...held, ...target, ...undecided]);
    await this.#patch(object, (newest) => planStatus(newest, desired));
    // Only now that it is so, and is not tried again: one change is one Event.
    if (overwritten !== undefined) {
      this.#record(object.service, true, { reason: "StatusOverwritten", message: overwritten });
    }
  }

  /** What is announced already needs no second look at every report of its node. */
  #await(key: string, announcements: readonly AddressAnnouncement[]): void {
    for (const { owner } of announcements) {
      if (owner !== undefined) {
        const keys = this.#awaiting.get(owner) ?? new Set();
        this.#awaiting.set(owner, keys.add(key));
      }
    }
  }

  /** Writes what `plan` finds to change, after which no earlier write of ours can arrive any more. */
  async #patch(
    object: ServiceObject,
    plan: (object: ServiceObject) => StatusChange | undefined,
  ): Promise<void> {
    const change = plan(object);
    if (change !== undefined) {
      await this.#send(object, change);
      return;
    }
    const unheard = this.#unheard.get(object.key);
    if (unheard?.version === object.resourceVersion) {
      // It could show an address after that was given back: once done, it can be corrected.
      const written = await this.#send(object, unheard.change);
      await this.#patch(written ?? object, plan);
    }
  }

  /** Returns the Service as it was written, undefined if it is gone. */
  async #send(object: ServiceObject, change: StatusChange): Promise<ServiceObject | undefined> {
    const { stores, writer, loadBalancerClass } = this.#options;
    const { namespace, name } = object.service;
    this.#unheard.set(object.key, { version: object.resourceVersion, change });
    try {
      const raw = await writer.patch(
        resources.services,
        { namespace, name, subresource: "status" },
        change.patch,
      );
      this.#unheard.delete(object.key);
      const written = decodeService(raw, loadBalancerClass);
      stores.services.upsertLocal(written);
      this.#tell(object.service, change);
      return written;
    } catch (error) {
      if (isConflict(error) || isNotFound(error)) {
        this.#unheard.delete(object.key);
      }
      // Gone meanwhile: its deletion is on the way here and has the addresses released.
      if (!isNotFound(error)) {
        throw error;
      }
      return undefined;
    }
  }

  /** Tells people what changed for the Service, in the log and in Events. */
  #tell(service: Service, { news }: StatusChange): void {
    const { log } = this.#options;
    for (const condition of news) {
      const { status, reason, message } = condition;
      const refused = status !== "True" || (reason !== "Assigned" && reason !== "Announced");
      const line = { service: service.key, reason };
      if (refused) {
        log.warn(line, message);
      } else {
        log.debug(line, message);
      }
      this.#record(service, refused, eventOfCondition(condition));
    }
  }

  #record(
    { namespace, name, uid }: Service,
    warns: boolean,
    event: Pick<DesiredCondition, "reason" | "message">,
  ): void {
    this.#options.events.record({
      object: { apiVersion: "v1", kind: "Service", namespace, name, uid },
      type: warns ? "Warning" : "Normal",
      ...event,
    });
  }
}

/** True for an allocation of an older Service of that name. */
function isHeldByOther({ key, uid }: Service): (known: IpAllocationObject) => boolean {
  return ({ allocation }) =>
    allocation.holders.some((holder) => serviceKey(holder) === key && holder.uid !== uid);
}

/**
 * What stands in a Service's status without an allocation, written by another
 * controller before us, and cannot be judged yet. Taking it out would cut the
 * Service off and lose the request. An address that somebody holds is no such.
 */
function undecidedOf(
  { written }: ServiceObject,
  decision: AllocationDecision,
  { ledger, canJudge }: AllocationState,
): readonly string[] {
  return decision.kind === "refuse" && !canJudge
    ? written.ingress.filter((entry) => {
        const address = parseIpAddress(entry);
        return address === undefined || ledger.get(address)?.state !== "Allocated";
      })
    : [];
}
