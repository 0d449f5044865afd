import { enumerated } from "../model/enumerated.ts";
import { reportedFailuresMax, type SpeakerReport } from "../model/l2-speaker.ts";
import type { Reason } from "../model/reason.ts";
import type { IpAddress } from "../net/ip-address.ts";
import type { HinderedNode } from "./eligibility.ts";

/** What is known about the announcement of one address. */
export interface AddressAnnouncement {
  readonly address: IpAddress;
  /** Set if no advertisement covers it, or nobody serves it and that is to be seen. */
  readonly unplaced: "NoAdvertisement" | "NoEndpoints" | undefined;
  readonly owner: string | undefined;
  /** A dead node that announced it until the owner took over. */
  readonly heirOf?: string | undefined;
  /** Those on which the advertisements have the owner announce; none named: any. */
  readonly interfaces?: readonly string[];
  /** Without an owner: the interfaces that the advertisements name and no selected node has. */
  readonly missingInterfaces?: readonly string[];
  /** Without an owner: why the selected nodes do not announce. */
  readonly hinderedNodes?: readonly HinderedNode[];
  /** The newest version of the allocation and of its bundle, as integers. */
  readonly allocationVersion: bigint;
  readonly bundleVersion: bigint;
  /** What the owner's speaker reported last. */
  readonly report: SpeakerReport | undefined;
}

/** Whether an address is announced, by whom, or why not. */
export interface AnnouncementVerdict {
  readonly status: "True" | "False" | "Unknown";
  readonly reason: Reason;
  readonly message: string;
}

/** Returns whether one address is announced. Unknown until the owner reports that it has taken over. */
export function announcementOf(announcement: AddressAnnouncement): AnnouncementVerdict {
  const { address, unplaced, owner, report } = announcement;
  if (unplaced === "NoAdvertisement") {
    const message = `${address}: no L2Advertisement covers its pool and this Service; create one`;
    return { status: "False", reason: "NoAdvertisement", message };
  }
  if (unplaced === "NoEndpoints") {
    const message = `${address}: no Pod of its Services is ready, and --withdraw-without-endpoints is set`;
    return { status: "False", reason: "NoEndpoints", message };
  }
  const missing = announcement.missingInterfaces ?? [];
  if (owner === undefined && missing.length > 0) {
    const message =
      `${address}: no node that the L2Advertisements select has ${missing.join(" or ")} ` +
      "up; correct their interfaces (kubectl get l2speakers -o yaml tells what each node has)";
    return { status: "False", reason: "InterfaceMissing", message };
  }
  if (owner === undefined) {
    const message =
      `${address}: no node that the L2Advertisements select can announce now` +
      `${listHindered(announcement.hinderedNodes ?? [])}; ` +
      "kubectl get l2speakers tells what each node sees";
    return { status: "False", reason: "NoEligibleNode", message };
  }
  const failure = report?.failures.find((candidate) => candidate.address === address);
  if (failure !== undefined) {
    const message = `${address} on ${owner}: ${failure.message}`;
    return { status: "False", reason: failure.reason, message };
  }
  const applied =
    report !== undefined &&
    report.failures.length < reportedFailuresMax &&
    report.applied.allocations >= announcement.allocationVersion &&
    report.applied.bundles >= announcement.bundleVersion;
  return applied
    ? { status: "True", reason: "Announced", message: announcedBy(address, owner) }
    : {
        status: "Unknown",
        reason: "AnnouncementPending",
        message: `${address}: ${owner} was chosen and has not reported yet`,
      };
}

/** More nodes than this are not named one by one. */
const namedNodesMax = 5;

function listHindered(nodes: readonly HinderedNode[]): string {
  const texts = nodes.map(({ node, reason }) => `${node} ${reason}`);
  return texts.length === 0 ? "" : ` (${enumerated(texts, ", ", namedNodesMax)})`;
}

/** Returns the verdict on all addresses of a Service: the worst one decides, each is told of. */
export function announcementOfAll(
  announcements: readonly AddressAnnouncement[],
): AnnouncementVerdict | undefined {
  const verdicts = announcements.map(announcementOf);
  const worst =
    verdicts.find(({ status }) => status === "False") ??
    verdicts.find(({ status }) => status === "Unknown") ??
    verdicts[0];
  return worst === undefined
    ? undefined
    : { ...worst, message: joined(verdicts.map(({ message }) => message)) };
}

/**
 * True if `before`, said of the same addresses, differs from what is said now only in that
 * heirs of dead nodes announce them: that is no news of the Service, but of the nodes.
 */
export function isInherited(
  announcements: readonly AddressAnnouncement[],
  before: Pick<AnnouncementVerdict, "status" | "message">,
): boolean {
  const then = announcements.map(({ address, owner = "", heirOf }) =>
    announcedBy(address, heirOf ?? owner),
  );
  return before.status === "True" && before.message === joined(then);
}

function announcedBy(address: IpAddress, node: string): string {
  return `${address} by ${node}`;
}

function joined(messages: readonly string[]): string {
  return messages.join("; ");
}
