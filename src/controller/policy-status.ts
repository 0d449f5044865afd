import { governs } from "../core/model/address-policy.ts";
import { enumerated } from "../core/model/enumerated.ts";
import type { IpAddressPool } from "../core/model/ip-address-pool.ts";
import type { IpAddress } from "../core/net/ip-address.ts";
import {
  type Condition,
  type DesiredCondition,
  isSaid,
  mergeConditions,
} from "../kube/condition.ts";
import type { AddressPolicyObject } from "../kube/decode/address-policy.ts";

const accepted = "Accepted";
const excludedInUse = "ExcludedInUse";

/** What there is to say of a policy. */
export interface PolicyFindings {
  readonly pools: readonly IpAddressPool[];
  /** Addresses that Services hold although the policy excludes them. */
  readonly inUse: readonly IpAddress[];
  readonly now: Date;
}

/** What is to be written to a policy's status, and which of it is news for an Event. */
export interface PolicyStatusChange {
  readonly status: {
    readonly observedGeneration: number;
    readonly pools: number;
    /** Absent: as they are. */
    readonly conditions?: readonly Condition[];
  };
  readonly news: readonly DesiredCondition[];
}

/** Returns what makes a policy's status say what was found, `undefined` if it says so already. */
export function planPolicyStatus(
  object: AddressPolicyObject,
  { pools, inUse, now }: PolicyFindings,
): PolicyStatusChange | undefined {
  const { written, policy, generation } = object;
  const selected = pools.filter((pool) => policy !== undefined && governs(policy, pool)).length;
  const desired = [acceptedCondition(object, pools, selected), ...inUseCondition(inUse)];
  const absent = inUse.length === 0 ? [excludedInUse] : [];
  const conditions = mergeConditions(written.conditions, desired, absent, now);
  const isSaid = written.pools === selected && written.observedGeneration === generation;
  if (conditions === undefined && isSaid) {
    return undefined;
  }
  return {
    status: {
      observedGeneration: generation,
      pools: selected,
      ...(conditions === undefined ? {} : { conditions }),
    },
    news: desired.filter((condition) => isBadNews(object, condition)),
  };
}

function acceptedCondition(
  { policy, errors }: AddressPolicyObject,
  pools: readonly IpAddressPool[],
  selected: number,
): DesiredCondition {
  if (errors.length > 0) {
    const message = `${enumerated(errors, "; ")}. The last good version stays in force, or what of this one can be read`;
    return { type: accepted, status: "False", reason: "ConfigurationInvalid", message };
  }
  const missing = (policy?.pools ?? []).filter((name) => !pools.some((pool) => pool.name === name));
  const without = missing.length === 0 ? "" : `; there is no pool ${enumerated(missing)}`;
  const message = `in force for ${selected} of ${pools.length} pools${without}`;
  return { type: accepted, status: "True", reason: "Accepted", message };
}

function inUseCondition(inUse: readonly IpAddress[]): readonly DesiredCondition[] {
  if (inUse.length === 0) {
    return [];
  }
  const message = `Services hold excluded addresses and keep them until they give them back: ${enumerated(inUse)}`;
  return [{ type: excludedInUse, status: "True", reason: "AddressExcluded", message }];
}

function isBadNews({ written }: AddressPolicyObject, condition: DesiredCondition): boolean {
  const old = written.conditions.find(({ type }) => type === condition.type);
  return condition.reason !== "Accepted" && !isSaid(old, condition);
}
