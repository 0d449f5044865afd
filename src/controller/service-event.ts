import type { DesiredCondition } from "../kube/condition.ts";
import { addressAssigned, announced } from "./service-status.ts";

/** How an Event of a Service is headed, so that dashboards made for MetalLB go on. */
export type EventReason =
  | "IPAllocated"
  | "AllocationFailed"
  | "ClearAssignment"
  | "LoadBalancerFailed"
  | "nodeAssigned"
  | "announceFailed";

/**
 * The reason of the Event that tells of a condition of a Service: MetalLB's word where it has
 * one, else the condition's. The condition's own stands at the beginning of the message then.
 */
export function eventOfCondition(
  condition: DesiredCondition,
): Pick<DesiredCondition, "reason" | "message"> {
  const { type, status, reason, message } = condition;
  if (type === announced) {
    return headed(status === "True" ? "nodeAssigned" : "announceFailed", reason, message);
  }
  if (type !== addressAssigned) {
    return { reason, message };
  }
  if (status === "True" && reason === "Assigned") {
    return headed("IPAllocated", reason, message);
  }
  // MetalLB says so of a wish that cannot be read on a Service that has an address.
  const isMisread = status === "True" && reason === "RequestMalformed";
  return headed(isMisread ? "LoadBalancerFailed" : "AllocationFailed", reason, message);
}

/** The Event that tells of an address that a Service lost, and why. */
export function eventOfLoss(
  reason: string,
  message: string,
): Pick<DesiredCondition, "reason" | "message"> {
  return headed("ClearAssignment", reason, message);
}

function headed(
  head: EventReason,
  reason: string,
  message: string,
): Pick<DesiredCondition, "reason" | "message"> {
  return { reason: head, message: `${reason}: ${message}` };
}
