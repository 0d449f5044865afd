import { refuseToStay } from "../core/allocation/refusals.ts";
import type { IpAllocation } from "../core/model/ip-allocation.ts";
import type { RevokeReason } from "../core/model/reason.ts";
import type { Service } from "../core/model/service.ts";

/** True if the owner of the Service hardly meant it to lose the address. */
export function isUnexpected(reason: RevokeReason): boolean {
  return reason === "PoolWithdrawn" || reason === "SharingConflict";
}

/** Tells the owner of a Service that it loses an address, as an Event does. */
export function explainLoss(
  service: Service,
  allocation: IpAllocation,
  reason: RevokeReason,
): string {
  const { address, pool } = allocation;
  switch (reason) {
    case "Released":
      return `gave back ${address}: the Service is gone, or no longer a LoadBalancer of this controller's class`;
    case "RequestChanged":
      return `gave back ${address}: the Service asks for something else`;
    case "PoolWithdrawn":
      return `lost ${address}: pool ${pool} is gone, has it no more, or is not open to the Service any more`;
    case "SharingConflict":
      return `lost ${address}: it cannot share it after its change. ${refuseToStay(service, allocation)?.message}`;
  }
}
