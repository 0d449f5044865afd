import { clusterClashes, clusterConflicts } from "../allocation/conflicts.ts";
import { Ledger } from "../allocation/ledger.ts";
import type { IpAddressPool } from "../model/ip-address-pool.ts";
import { anySelects } from "../model/label-selector.ts";
import { type Change, eased, type Finding, reported, type SelfReport, warn } from "./finding.ts";
import type { KnownCluster } from "./known-cluster.ts";
import { poolInUseFindings } from "./pool-in-use.ts";
import { overlapFindings } from "./pool-overlap.ts";

/** An IPAddressPool as somebody writes it; without `pool` it cannot be read, and `errors` say why. */
export interface WrittenPool extends SelfReport {
  readonly name: string;
  readonly pool: IpAddressPool | undefined;
}

/** What is wrong with creating, changing or deleting a pool. */
export function poolFindings(change: Change<WrittenPool>, known: KnownCluster): readonly Finding[] {
  const { before, after } = change;
  if (after === undefined) {
    return before === undefined ? [] : poolInUseFindings(before.name, undefined, known);
  }
  const old = before === undefined ? [] : inItself(before, known);
  return [
    ...eased(inItself(after, known, before?.pool), old),
    // What cannot be read changes nothing: the last good version stays in force.
    ...(after.pool === undefined ? [] : poolInUseFindings(after.name, after.pool, known)),
  ];
}

function inItself(
  written: WrittenPool,
  known: KnownCluster,
  before?: IpAddressPool,
): readonly Finding[] {
  const { pool } = written;
  if (pool === undefined) {
    return reported(written);
  }
  const others = known.pools.filter(({ name }) => name !== pool.name);
  return [
    ...reported(written),
    ...overlapFindings(pool, others, before),
    ...clusterFindings(pool, known),
    ...namespaceFindings(pool, known),
  ];
}

/** Addresses that the cluster itself has. */
function clusterFindings(pool: IpAddressPool, { allocation }: KnownCluster): readonly Finding[] {
  const clashes = clusterClashes([pool], allocation.denyList.ranges).get(pool.name);
  // By an empty ledger nobody is named: whoever asks need not be an admin of Services.
  const conflicts = clusterConflicts(clashes, new Ledger());
  return conflicts.map(({ message }) => warn(message, "spec.addresses"));
}

function namespaceFindings(
  { serviceAllocation }: IpAddressPool,
  { namespaces: known }: KnownCluster,
): readonly Finding[] {
  if (serviceAllocation === undefined || known === undefined) {
    return [];
  }
  const { namespaces, namespaceSelectors } = serviceAllocation;
  const isFor = [...known].some(
    ([name, labels]) => namespaces.includes(name) || anySelects(namespaceSelectors, labels),
  );
  return isFor || namespaces.length + namespaceSelectors.length === 0
    ? []
    : [
        warn(
          "it admits no namespace that exists now, so nobody gets an address of it: check its " +
            "namespaces and namespaceSelectors",
          "spec.serviceAllocation",
        ),
      ];
}
