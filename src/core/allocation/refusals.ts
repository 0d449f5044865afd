import type { Holder, IpAllocation } from "../model/ip-allocation.ts";
import type { Refusal } from "../model/reason.ts";
import type { Service } from "../model/service.ts";
import type { IpAddress } from "../net/ip-address.ts";
import type { AllocationContext } from "./allocation-context.ts";
import type { DenyList } from "./deny-list.ts";
import { findJoinConflict, findStayConflict } from "./sharing.ts";

/** Said while no speaker has reported its networks. */
export const waitingForSpeakers: Refusal = {
  reason: "WaitingForSpeakers",
  message:
    "no speaker has reported its networks yet, so network and broadcast addresses are not known; " +
    "see that the speaker Pods are running",
};

/** Why the Service cannot have an address that is not free, beside who holds it now; `undefined`: it can. */
export function refuseToJoin(
  service: Service,
  allocation: IpAllocation,
  context: Pick<AllocationContext, "policyFor">,
): Refusal | undefined {
  if (allocation.state === "Quarantined") {
    return conflict(allocation);
  }
  const { sharingScope } = context.policyFor(allocation.pool);
  const clash = findJoinConflict(service, allocation, sharingScope);
  return clash && inUse(service, allocation, clash.holder, clash.why);
}

/** Why the Service cannot have any longer what it holds together with others; `undefined`: it can. */
export function refuseToStay(service: Service, allocation: IpAllocation): Refusal | undefined {
  const clash = findStayConflict(service, allocation);
  return clash && inUse(service, allocation, clash.holder, clash.why);
}

/** Why the Service would not be given today what it keeps; `undefined`: it would be. */
export function refusalToday(
  { key }: Service,
  kept: readonly IpAddress[],
  denyList: Pick<DenyList, "reasonToday">,
): Refusal | undefined {
  for (const address of kept) {
    const denial = denyList.reasonToday(address, key);
    if (denial !== undefined) {
      return {
        reason: denial.reason ?? "AddressDenied",
        message:
          `${address} is ${denial.why}, so nobody else gets it. For another one ask for it by ` +
          "metallb.io/loadBalancerIPs, or delete the Service and create it again",
      };
    }
  }
  return undefined;
}

function conflict({ address, claimant }: IpAllocation): Refusal {
  const host = claimant === undefined ? "another host" : `the host with MAC ${claimant.mac}`;
  const where = claimant === undefined ? "" : `, as node ${claimant.node} saw`;
  return {
    reason: "AddressConflict",
    message:
      `${address} is in use by ${host} on the network${where}; take it from that host, ` +
      "and the Service gets it within minutes",
  };
}

function inUse(
  service: Service,
  { address }: IpAllocation,
  holder: Holder | undefined,
  why: string,
): Refusal {
  return {
    reason: "AddressInUse",
    message: `${address} is in use by ${nameHolder(service, holder)}${why}`,
  };
}

/** Another namespace's Service is never named: it may belong to another tenant. */
function nameHolder(service: Service, holder: Holder | undefined): string {
  return holder?.namespace === service.namespace
    ? `Service ${holder.namespace}/${holder.name}`
    : "another Service";
}
