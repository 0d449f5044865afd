import { policyFor } from "../../core/allocation/policy-for.ts";
import { governs } from "../../core/model/address-policy.ts";
import { chooseInterfaces } from "../../core/model/interface-choice.ts";
import {
  allocationName,
  currentHolders,
  type IpAllocation,
} from "../../core/model/ip-allocation.ts";
import { advertises, type L2Advertisement } from "../../core/model/l2-advertisement.ts";
import type { BundleMove, L2Bundle } from "../../core/model/l2-bundle.ts";
import { serviceKey } from "../../core/model/service.ts";
import type { IpAddress } from "../../core/net/ip-address.ts";
import { formatIpBlock } from "../../core/net/ip-range.ts";
import { announcementOf } from "../../core/placement/announced.ts";
import { hinderedNodes, missingInterfaces } from "../../core/placement/eligibility.ts";
import { hostsOf } from "../../core/placement/hosts.ts";
import {
  describeStanding,
  type NodeStanding,
  nodeStandings,
} from "../../core/placement/node-standings.ts";
import type { IpAddressPoolObject } from "../../kube/decode/ip-address-pool.ts";
import type {
  ExplainedAddress,
  ExplainedAnnouncer,
  ExplainedChange,
  ExplainedCondition,
  ExplainedNode,
  ExplainedPool,
  ServiceExplanation,
} from "./service-explanation.ts";
import type { Dated, ServiceFacts } from "./service-facts.ts";

/** The prefix of the types of Steelyard's conditions. */
const ourPrefix = "steelyard.dev/";
/** So many changes are told. */
const changesMax = 10;

/** Explains the Service from what was read, which decides nothing: placement's own rules say why not. */
export function explainService(facts: ServiceFacts, unread: readonly string[]): ServiceExplanation {
  return {
    kind: "ServiceExplanation",
    version: 1,
    service: facts.about,
    conditions: facts.object.written.conditions
      .filter(({ type }) => type.startsWith(ourPrefix))
      .map((condition): ExplainedCondition => {
        const { status, reason, message, lastTransitionTime: since } = condition;
        return { type: condition.type.slice(ourPrefix.length), status, reason, message, since };
      }),
    addresses: facts.object.service.statusAddresses.map((address) =>
      explainAddress(facts, address),
    ),
    changes: changesOf(facts),
    unread,
  };
}

/** What belongs to one address. */
interface Held {
  readonly allocation: IpAllocation | undefined;
  readonly allocatedAt: string;
  readonly allocationVersion: bigint;
  readonly bundle: L2Bundle | undefined;
  readonly bundledAt: string;
  readonly bundleVersion: bigint;
  readonly advertisements: readonly L2Advertisement[];
  /** The nodes that alone can serve it; undefined: any can. */
  readonly hosts: ReadonlySet<string> | undefined;
}

function explainAddress(facts: ServiceFacts, address: IpAddress): ExplainedAddress {
  const held = heldOf(facts, address);
  const { allocation, bundle, advertisements, hosts } = held;
  const owner = bundle?.owner.node;
  const standbys = bundle?.standbys.map(({ node }) => node) ?? [];
  const { nodes } = facts;
  const standings = nodeStandings({
    ...{ advertisements, nodes: nodes ?? [], hosts, owner, standbys },
  });
  const ready = standings.filter(({ role }) => role === "standby").map(({ node }) => node);
  const verdict = verdictOn(facts, address, held);
  return {
    address,
    announced: verdict.status,
    ...{ reason: verdict.reason, message: verdict.message },
    ...explainPolicy(facts, allocation),
    holders: currentHolders(allocation).map(serviceKey),
    advertisements: advertisements.map(({ name }) => name),
    ...(bundle === undefined ? {} : { bundle: bundle.name }),
    ...(bundle === undefined ? {} : { announcer: explainAnnouncer(facts, address, held, bundle) }),
    next: nodes === undefined ? standbys : ready,
    nodes: standings.map(explainNode),
  };
}

/** What is to be said of the announcement; where the reports may not be read, what the Service itself says. */
function verdictOn(facts: ServiceFacts, address: IpAddress, held: Held): Verdict {
  const { nodes, object } = facts;
  const { allocation, bundle, advertisements, hosts } = held;
  if (allocation === undefined) {
    const message = `${address} stands in the status of the Service, and Steelyard has not given it to anybody`;
    return { status: "False", reason: "NotAllocated", message };
  }
  const said = object.written.conditions.find(({ type }) => type === `${ourPrefix}Announced`);
  if (said?.reason === "NoEndpoints" && bundle === undefined) {
    // Whether that matters is a flag of the controller.
    return said;
  }
  if (nodes === undefined) {
    const message = "the Service does not say it, and the reports of the nodes may not be read";
    return said ?? { status: "Unknown", reason: "AnnouncementPending", message };
  }
  const owner = bundle?.owner.node;
  return announcementOf({
    ...held,
    ...{ address, owner, report: nodes.find(({ node }) => node.name === owner)?.report },
    unplaced: owner === undefined && advertisements.length === 0 ? "NoAdvertisement" : undefined,
    missingInterfaces: missingInterfaces(advertisements, nodes),
    hinderedNodes: hinderedNodes(advertisements, nodes, hosts),
  });
}

interface Verdict {
  readonly status: "True" | "False" | "Unknown";
  readonly reason: string;
  readonly message: string;
}

function heldOf(facts: ServiceFacts, address: IpAddress): Held {
  const found = facts.allocations.find(({ object }) => object.key === allocationName(address));
  const allocation = found?.object.allocation;
  const home = facts.bundles.find(({ object }) => object.key === allocation?.bundle);
  return {
    allocation,
    allocatedAt: found?.createdAt ?? "",
    allocationVersion: versionOf(found),
    bundle: home?.object.bundle,
    bundledAt: home?.createdAt ?? "",
    bundleVersion: versionOf(home),
    advertisements: covering(facts, allocation, home?.object.bundle),
    hosts: hostsFor(facts, allocation),
  };
}

function versionOf(found: Dated<{ readonly resourceVersion: string }> | undefined): bigint {
  const text = found?.object.resourceVersion ?? "";
  return /^\d+$/.test(text) ? BigInt(text) : 0n;
}

/** The advertisements of an address: those of every Service that has it; without its pool those of its bundle. */
function covering(
  { object, sharers, pools, advertisements }: ServiceFacts,
  allocation: IpAllocation | undefined,
  bundle: L2Bundle | undefined,
): readonly L2Advertisement[] {
  const pool = pools?.find(({ name }) => name === allocation?.pool)?.pool;
  const holders = currentHolders(allocation).map(serviceKey);
  const labels = [object.service, ...sharers.filter(({ key }) => holders.includes(key))];
  return advertisements
    .flatMap(({ advertisement }) => advertisement ?? [])
    .filter((one) =>
      pool === undefined
        ? bundle?.advertisements.includes(one.name)
        : labels.some((service) => advertises(one, pool, service.labels)),
    )
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** As placement has it, of the Services on the address whose traffic is local. */
function hostsFor(
  { endpoints }: ServiceFacts,
  allocation: IpAllocation | undefined,
): ReadonlySet<string> | undefined {
  const local = currentHolders(allocation).flatMap(
    (holder) => endpoints.get(serviceKey(holder)) ?? [],
  );
  return local.length === 0 ? undefined : hostsOf(local);
}

function explainPolicy(
  facts: ServiceFacts,
  allocation: IpAllocation | undefined,
): Pick<ExplainedAddress, "pool" | "policies" | "demands"> {
  if (allocation === undefined) {
    return { policies: [], demands: [] };
  }
  const { pool: name } = allocation;
  const found = facts.pools?.find((one) => one.name === name);
  const pool = found?.pool ?? { name, labels: {} };
  const policies = facts.policies.flatMap(({ policy }) => policy ?? []);
  const governing = policies.filter((policy) => governs(policy, pool));
  const { reuseDelayMs, sharingScope } = policyFor(pool, policies);
  return {
    pool: facts.pools === undefined ? { name } : explainPool(name, found),
    policies: governing.map((policy) => policy.name).sort(),
    demands:
      governing.length === 0
        ? []
        : [
            `a released address is kept from others for ${reuseDelayMs / 1_000} s`,
            sharingWords[sharingScope],
          ],
  };
}

const sharingWords = {
  Cluster: "any Services may share an address if they agree",
  Namespace: "only Services of one namespace may share an address",
  None: "no Services may share an address",
} as const;

function explainPool(name: string, found: IpAddressPoolObject | undefined): ExplainedPool {
  const counts = found?.written.counts;
  const sum = (...numbers: readonly (number | undefined)[]): number | undefined =>
    numbers.reduce((total, one) => (one === undefined ? total : (total ?? 0) + one), undefined);
  const assigned = sum(counts?.assignedIPv4, counts?.assignedIPv6);
  const available = sum(counts?.availableIPv4, counts?.availableIPv6);
  return {
    name,
    ranges: (found?.pool?.ranges ?? []).map(formatIpBlock),
    ...(assigned === undefined ? {} : { assigned }),
    ...(available === undefined ? {} : { available }),
  };
}

function explainAnnouncer(
  { nodes, l2Statuses }: ServiceFacts,
  address: IpAddress,
  { allocatedAt, bundledAt }: Held,
  { owner, moved }: L2Bundle,
): ExplainedAnnouncer {
  const report = nodes?.find(({ node }) => node.name === owner.node)?.report;
  const choice = chooseInterfaces(report?.interfaces ?? [], owner.interfaces, address);
  // Of all that had to be so before it could announce the last.
  const began = [
    allocatedAt,
    moved?.at ?? bundledAt,
    ...l2Statuses.filter(({ object }) => object.node === owner.node).map((one) => one.createdAt),
  ];
  const since = began
    .filter((time) => time !== "")
    .sort(byTime)
    .at(-1);
  return {
    node: owner.node,
    interfaces: choice.kind === "chosen" ? choice.names : [],
    ...(since === undefined ? {} : { since }),
    ...(moved !== undefined && happenedTo(moved, allocatedAt)
      ? { from: moved.from, reason: moved.reason }
      : {}),
  };
}

/** A bundle may have moved before the address came into it. */
function happenedTo(moved: BundleMove, allocatedAt: string): boolean {
  return Date.parse(moved.at) >= Date.parse(allocatedAt);
}

function byTime(a: string, b: string): number {
  return Date.parse(a) - Date.parse(b);
}

function explainNode({ node, role, reason }: NodeStanding): ExplainedNode {
  return reason === undefined
    ? { node, role }
    : { node, role, reason, message: describeStanding(reason) };
}

function changesOf({ events, allocations, bundles }: ServiceFacts): readonly ExplainedChange[] {
  const moves = bundles.flatMap(({ object: { key, bundle } }): readonly ExplainedChange[] => {
    const { owner, moved } = bundle;
    const addresses = allocations
      .filter(({ object }) => object.allocation.bundle === key)
      .filter(({ createdAt }) => moved !== undefined && happenedTo(moved, createdAt))
      .map(({ object }) => object.allocation.address);
    const message = `${addresses.join(", ")} moved from ${moved?.from} to ${owner.node}`;
    const told = { type: "Normal", reason: moved?.reason ?? "", message, count: 1 };
    return moved === undefined || addresses.length === 0 ? [] : [{ at: moved.at, ...told }];
  });
  return [...events, ...moves].sort((a, b) => byTime(b.at, a.at)).slice(0, changesMax);
}
