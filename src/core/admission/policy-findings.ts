import { excludedInUse } from "../allocation/excluded-in-use.ts";
import { type AddressPolicy, governs } from "../model/address-policy.ts";
import { enumerated } from "../model/enumerated.ts";
import { AddressSet } from "../net/address-set.ts";
import { formatIpRange } from "../net/ip-range.ts";
import { type Change, eased, type Finding, reported, type SelfReport, warn } from "./finding.ts";
import type { KnownCluster } from "./known-cluster.ts";
import { poolReferenceFindings } from "./pool-reference.ts";

/** More addresses than these are counted, not named. */
const namedMax = 3;

/** An AddressPolicy as somebody writes it; without `policy` it cannot be read at all. */
export interface WrittenPolicy extends SelfReport {
  readonly policy: AddressPolicy | undefined;
}

/** What is wrong with creating, changing or deleting one. */
export function policyFindings(
  change: Change<WrittenPolicy>,
  known: KnownCluster,
): readonly Finding[] {
  const { before, after } = change;
  if (after === undefined) {
    return [];
  }
  const faults = eased(reported(after), before === undefined ? [] : reported(before));
  const { policy } = after;
  if (policy === undefined || after.errors.length > 0) {
    return faults;
  }
  return [
    ...faults,
    ...poolReferenceFindings(policy, known),
    ...outside(policy, known),
    ...inUse(policy, known),
  ];
}

/** Entries that exclude nothing, because no pool of the policy has such addresses. */
function outside(policy: AddressPolicy, { pools: known }: KnownCluster): readonly Finding[] {
  const governed = known.filter((pool) => governs(policy, pool)).flatMap(({ ranges }) => ranges);
  const named = new AddressSet(governed);
  return governed.length === 0
    ? []
    : policy.excluded.flatMap((range, index) =>
        named.firstIn(range) !== undefined
          ? []
          : [
              warn(
                `${formatIpRange(range)} lies in no pool of this policy, so nothing is excluded by it`,
                `spec.excludedAddresses[${index}]`,
              ),
            ],
      );
}

function inUse(policy: AddressPolicy, { allocation, pools: known }: KnownCluster) {
  const held = excludedInUse(policy, known, allocation.ledger);
  return held.length === 0
    ? []
    : [
        warn(
          `Services hold ${enumerated(held, ", ", namedMax)} and keep them until they give them back; nobody gets them after that`,
          "spec.excludedAddresses",
        ),
      ];
}
