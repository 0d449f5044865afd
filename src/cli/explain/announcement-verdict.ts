import type { IpAddress } from "../../core/net/ip-address.ts";
import { announcementOf } from "../../core/placement/announced.ts";
import { hinderedNodes, missingInterfaces } from "../../core/placement/eligibility.ts";
import { describeStanding, type NodeStanding } from "../../core/placement/node-standings.ts";
import type { HeldAddress } from "./held-address.ts";
import { saidOfAnnouncement } from "./our-conditions.ts";
import type { ServiceFacts } from "./service-facts.ts";

/** Whether an address is announced, or why not. */
export interface Verdict {
  readonly status: "True" | "False" | "Unknown";
  readonly reason: string;
  readonly message: string;
}

/** Returns what is known of the announcement; where it cannot be known, what the Service itself says. */
export function verdictOn(
  facts: ServiceFacts,
  held: HeldAddress,
  standings: readonly NodeStanding[],
): Verdict {
  const { address, allocation, bundle, advertisements, hosts } = held;
  if (facts.allocations !== undefined && allocation === undefined) {
    const message = "it stands in the status of the Service, and Steelyard has not given it to it";
    return { status: "False", reason: "NotAllocated", message };
  }
  const said = saidOfAnnouncement(facts);
  // Whether nobody announces what nobody serves is a flag of the controller.
  const isWithdrawn = said?.reason === "NoEndpoints" && bundle === undefined;
  const { nodes } = facts;
  if (allocation === undefined || !facts.knowsPlacement || nodes === undefined || isWithdrawn) {
    return said === undefined ? notSaid : { ...said, message: partAbout(address, said.message) };
  }
  const owner = bundle?.owner.node;
  const silent = standings.find(
    ({ role, reason }) => role === "owner" && reason === "SpeakerSilent",
  );
  if (silent !== undefined) {
    const message = `it is ${silent.node}'s to announce, and ${describeStanding("SpeakerSilent")}`;
    return { status: "Unknown", reason: "SpeakerSilent", message };
  }
  return announcementOf({
    ...held,
    ...{ owner, report: nodes.find(({ node }) => node.name === owner)?.report },
    unplaced: owner === undefined && advertisements.length === 0 ? "NoAdvertisement" : undefined,
    missingInterfaces: missingInterfaces(advertisements, nodes),
    hinderedNodes: hinderedNodes(advertisements, nodes, hosts),
  });
}

const notSaid: Verdict = {
  status: "Unknown",
  reason: "AnnouncementPending",
  message: "the Service does not say it, and what else would tell it may not be read",
};

/** Of what a condition says of all addresses of a Service that which is about one. */
function partAbout(address: IpAddress, message: string): string {
  const parts = message.split("; ");
  return (
    parts.find((part) => part.startsWith(`${address} `) || part.startsWith(`${address}: `)) ??
    message
  );
}
