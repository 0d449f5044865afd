import { chooseInterfaces } from "../../core/model/interface-choice.ts";
import { currentHolders } from "../../core/model/ip-allocation.ts";
import type { L2Bundle } from "../../core/model/l2-bundle.ts";
import { serviceKey } from "../../core/model/service.ts";
import type { IpAddress } from "../../core/net/ip-address.ts";
import {
  describeStanding,
  type NodeStanding,
  nodeStandings,
} from "../../core/placement/node-standings.ts";
import { type Conflict, conflictsOf } from "../inspect/conflict.ts";
import { verdictOn } from "./announcement-verdict.ts";
import { happenedTo, latest } from "./changes.ts";
import { explainSource } from "./explain-pool.ts";
import { type HeldAddress, heldAddress } from "./held-address.ts";
import { saidOfAnnouncement } from "./our-conditions.ts";
import type { ExplainedAddress, ExplainedAnnouncer, ExplainedNode } from "./service-explanation.ts";
import type { ServiceFacts } from "./service-facts.ts";

/** Explains one address that stands in the status of the Service. */
export function explainAddress(facts: ServiceFacts, address: IpAddress): ExplainedAddress {
  const held = heldAddress(facts, address);
  const { allocation } = held;
  const standings = allocation === undefined ? [] : standingsOn(facts, held);
  const { status, reason, message } = verdictOn(facts, held, standings);
  const isGiven = facts.allocations === undefined || allocation !== undefined;
  const writtenPool = isGiven ? facts.object.written.poolAnnotation : undefined;
  return {
    ...{ address, announced: status, reason, message },
    ...explainSource(facts, allocation?.pool ?? writtenPool),
    holders: currentHolders(allocation).map(serviceKey),
    ...explainPlace(facts, held, standings),
    conflicts: conflictsOn(facts, held),
    nodes: standings.map(explainNode),
  };
}

function standingsOn(
  { nodes = [] }: ServiceFacts,
  { bundle, advertisements, hosts }: HeldAddress,
): readonly NodeStanding[] {
  const standbys = bundle?.standbys.map(({ node }) => node) ?? [];
  return nodeStandings({ advertisements, nodes, hosts, owner: bundle?.owner.node, standbys });
}

/** Nothing of it where it may not be read. */
function explainPlace(
  facts: ServiceFacts,
  held: HeldAddress,
  standings: readonly NodeStanding[],
): Pick<ExplainedAddress, "advertisements" | "bundle" | "announcer" | "next"> {
  const { allocation, bundle } = held;
  const advertisements = held.advertisements.map(({ name }) => name);
  if (allocation === undefined || (bundle === undefined && !facts.knowsPlacement)) {
    return {};
  }
  if (bundle === undefined) {
    return { advertisements, next: [] };
  }
  const announcer = explainAnnouncer(facts, held, bundle);
  const able = standings.filter(({ role }) => role === "standby").map(({ node }) => node);
  const next = facts.nodes === undefined ? bundle.standbys.map(({ node }) => node) : able;
  return { advertisements, bundle: bundle.name, announcer, next };
}

function explainAnnouncer(
  facts: ServiceFacts,
  { address, allocatedAt, bundledAt }: HeldAddress,
  { owner, moved }: L2Bundle,
): ExplainedAnnouncer {
  const report = facts.nodes?.find(({ node }) => node.name === owner.node)?.report;
  const choice = chooseInterfaces(report?.interfaces ?? [], owner.interfaces, address);
  const said = saidOfAnnouncement(facts);
  const announcedAt = said?.status === "True" ? said.lastTransitionTime : "";
  // Of all that had to be so before it could announce the last.
  const since = latest([allocatedAt, moved?.at ?? bundledAt, announcedAt]);
  return {
    node: owner.node,
    interfaces: choice.kind === "chosen" ? choice.names : [],
    ...(since === undefined ? {} : { since }),
    ...(moved !== undefined && happenedTo(moved, allocatedAt)
      ? { from: moved.from, reason: moved.reason }
      : {}),
  };
}

/** What is wrong with the objects of the configuration on which an address hangs. */
function conflictsOn(
  facts: ServiceFacts,
  { allocation, advertisements }: HeldAddress,
): readonly Conflict[] {
  const names = advertisements.map(({ name }) => name);
  const pools = facts.pools?.filter(({ name }) => name === allocation?.pool) ?? [];
  return [
    ...pools.flatMap(({ name, written }) => conflictsOf("IPAddressPool", name, written.conditions)),
    ...facts.advertisements
      .filter(({ name }) => names.includes(name))
      .flatMap(({ name, conditions }) => conflictsOf("L2Advertisement", name, conditions)),
  ];
}

function explainNode({ node, role, reason }: NodeStanding): ExplainedNode {
  return reason === undefined
    ? { node, role }
    : { node, role, reason, message: describeStanding(reason) };
}
