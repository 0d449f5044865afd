import {
  type AllocationDecision,
  refusalOf,
  targetOf,
} from "../core/allocation/allocation-decision.ts";
import { enumerated } from "../core/model/enumerated.ts";
import type { Refusal } from "../core/model/reason.ts";
import { type IpAddress, parseIpAddress } from "../core/net/ip-address.ts";
import {
  type AddressAnnouncement,
  type AnnouncementVerdict,
  isInherited,
} from "../core/placement/announced.ts";
import { allocatedFromPoolAnnotation } from "../kube/annotations.ts";
import {
  type Condition,
  type DesiredCondition,
  isSaid,
  mergeConditions,
} from "../kube/condition.ts";
import type { ServiceObject } from "../kube/decode/service.ts";
import type { HeldConflict } from "./address-conflicts.ts";

export const addressAssigned = "steelyard.dev/AddressAssigned";
export const announced = "steelyard.dev/Announced";
export const addressConflict = "steelyard.dev/AddressConflict";

/** What is to be written to a Service's status, and which of it is news for an Event. */
export interface StatusChange {
  readonly patch: object;
  readonly news: readonly DesiredCondition[];
}

export interface DesiredStatus {
  readonly decision: AllocationDecision;
  /** The pools of its addresses, that of the first one first; mostly one. */
  readonly pools: readonly string[];
  /** What is known of the announcement of its addresses, and what follows from it for all of them. */
  readonly announcements: readonly AddressAnnouncement[];
  readonly verdict: AnnouncementVerdict | undefined;
  /** Why it would not be given today what it keeps; `undefined`: it would be. */
  readonly concern: Refusal | undefined;
  /** Other hosts that have its addresses. */
  readonly conflicts?: readonly HeldConflict[];
  /** What its status has and nobody holds, to be left there while no decision on it is possible. */
  readonly undecided: readonly string[];
  readonly now: Date;
}

/**
 * Returns the patch that makes a Service's status say what was decided, or
 * `undefined` if it says so already: a satisfied Service costs no write.
 */
export function planStatus(
  object: ServiceObject,
  desired: DesiredStatus,
): StatusChange | undefined {
  const { decision, pools, verdict, concern, undecided } = desired;
  const [pool] = pools;
  const addresses = targetOf(decision);
  const refusal = refusalOf(decision) ?? concern;
  const { written } = object;
  const ingress = addresses.length > 0 ? addresses : undecided;
  const sameIngress = equal(written.ingress, ingress);
  const conditions = [assignedCondition(addresses, pools, refusal)];
  const old = written.conditions.find(({ type }) => type === announced);
  if (verdict !== undefined) {
    // While a move is under way the old report stands: the address was announced a moment ago.
    const moving = verdict.status === "Unknown" && old?.status === "True" && sameIngress;
    conditions.push({ type: announced, ...(moving ? old : verdict) });
  }
  const conflict = conflictCondition(desired.conflicts ?? []);
  if (conflict !== undefined) {
    conditions.push(conflict);
  }
  const absent = [
    ...(verdict === undefined ? [announced] : []),
    ...(conflict === undefined ? [addressConflict] : []),
  ];
  const merged = mergeConditions(written.conditions, conditions, absent, desired.now);
  if (sameIngress && merged === undefined && written.poolAnnotation === pool) {
    return undefined;
  }
  return {
    patch: statusPatch(object, pool ?? null, {
      loadBalancer: { ingress: ingress.map(ingressEntry) },
      ...(merged === undefined ? {} : { conditions: merged }),
    }),
    news: conditions.filter(
      (condition) => isNews(object, condition) && !isNewsOfNodes(old, condition, desired),
    ),
  };
}

/**
 * Returns the patch that takes our traces off a Service that is no longer ours
 * to serve; `held` is what it had, as far as is known yet: what else its status
 * shows stays, and goes when it is known to be ours. Another controller's stays, and
 * so does its annotation, which has the same name as ours: without an address of ours
 * or a condition of ours, nothing on the Service is.
 */
export function planFarewell(
  object: ServiceObject,
  held: readonly IpAddress[],
  now: Date,
): StatusChange | undefined {
  const { written } = object;
  const ours = [addressAssigned, announced, addressConflict];
  const conditions = mergeConditions(written.conditions, [], ours, now);
  const addresses: readonly string[] = held;
  const rest = written.ingress.filter((entry) => !addresses.includes(entry));
  const clears = rest.length < written.ingress.length;
  const says = written.poolAnnotation !== undefined || clears;
  if (conditions === undefined && (held.length === 0 || !says)) {
    return undefined;
  }
  return {
    patch: statusPatch(object, null, {
      ...(clears ? { loadBalancer: { ingress: rest.map(ingressEntry) } } : {}),
      ...(conditions === undefined ? {} : { conditions }),
    }),
    news: [],
  };
}

/**
 * Why the status of a Service that we serve is not what we wrote, if somebody else wrote
 * addresses or host names there since; `ours` are those that are ours to show.
 */
export function explainOverwrite(
  { service, written }: ServiceObject,
  ours: readonly string[],
): string | undefined {
  const strangers = written.ingress.filter((entry) => !ours.includes(entry));
  const said = written.conditions.find(({ type }) => type === addressAssigned);
  return strangers.length === 0 || said?.status !== "True"
    ? undefined
    : `the status had ${enumerated(strangers)}, which this Service does not hold: ` +
        `${service.servedBy ?? "another controller"} writes it too. Turn that one off, or have ` +
        "one of the two serve Services of a loadBalancerClass only";
}

/** Host names are never ours; those of others are written back as they were. */
function ingressEntry(text: string): object {
  return parseIpAddress(text) === undefined ? { hostname: text } : { ip: text };
}

function statusPatch(object: ServiceObject, pool: string | null, status: object): object {
  return {
    metadata: {
      resourceVersion: object.resourceVersion,
      uid: object.uid,
      annotations: { [allocatedFromPoolAnnotation]: pool },
    },
    status,
  };
}

function assignedCondition(
  addresses: readonly IpAddress[],
  pools: readonly string[],
  refusal: Refusal | undefined,
): DesiredCondition {
  const has = `${addresses.join(", ")} from pool ${pools.join(", ")}`;
  if (refusal === undefined) {
    return { type: addressAssigned, status: "True", reason: "Assigned", message: has };
  }
  return addresses.length > 0
    ? {
        type: addressAssigned,
        status: "True",
        reason: refusal.reason,
        message: `keeps ${has}: ${refusal.message}`,
      }
    : { type: addressAssigned, status: "False", reason: refusal.reason, message: refusal.message };
}

function conflictCondition(conflicts: readonly HeldConflict[]): DesiredCondition | undefined {
  const hosts = conflicts.map(
    ({ address, mac, node }) => `${address} also by the host with MAC ${mac}, as ${node} hears`,
  );
  return hosts.length === 0
    ? undefined
    : {
        type: addressConflict,
        status: "True",
        reason: "AddressConflict",
        message:
          `claimed on the network: ${enumerated(hosts, "; ")}. The Service keeps its address and ` +
          "defends it; take it from that host",
      };
}

function isNews(object: ServiceObject, condition: DesiredCondition): boolean {
  const old = object.written.conditions.find(({ type }) => type === condition.type);
  return condition.status !== "Unknown" && !isSaid(old, condition);
}

function equal(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((item, index) => item === b[index]);
}

/** That other nodes do the work of a dead one is told at that node, once for all of its addresses. */
function isNewsOfNodes(
  old: Condition | undefined,
  { type, status }: DesiredCondition,
  { announcements }: DesiredStatus,
): boolean {
  return (
    type === announced && status === "True" && old !== undefined && isInherited(announcements, old)
  );
}
