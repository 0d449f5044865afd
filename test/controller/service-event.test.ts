import { expect, test } from "vitest";
import { eventOfCondition, eventOfLoss } from "../../src/controller/service-event.ts";
import { addressAssigned, announced } from "../../src/controller/service-status.ts";

test.each([
  [addressAssigned, "True", "Assigned", "IPAllocated"],
  [addressAssigned, "True", "RequestMalformed", "LoadBalancerFailed"],
  [addressAssigned, "True", "AddressInUse", "AllocationFailed"],
  [addressAssigned, "False", "PoolExhausted", "AllocationFailed"],
  [addressAssigned, "False", "RequestMalformed", "AllocationFailed"],
  [announced, "True", "Announced", "nodeAssigned"],
  [announced, "False", "LinkFailed", "announceFailed"],
  [announced, "False", "NoAdvertisement", "announceFailed"],
] as const)(
  "the Event of %s %s %s is headed as MetalLB's %s, our reason comes first in its message",
  (type, status, reason, head) => {
    const event = eventOfCondition({ type, status, reason, message: "the words" });
    expect(event).toEqual({ reason: head, message: `${reason}: the words` });
  },
);

test("the loss of an address is a ClearAssignment", () => {
  expect(eventOfLoss("PoolWithdrawn", "192.0.2.1 went")).toEqual({
    reason: "ClearAssignment",
    message: "PoolWithdrawn: 192.0.2.1 went",
  });
});
