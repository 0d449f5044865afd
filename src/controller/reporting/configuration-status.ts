import type { PoolConflict } from "../../core/allocation/conflicts.ts";
import { enumerated } from "../../core/model/enumerated.ts";
import type { PoolConflictReason, Reason } from "../../core/model/reason.ts";
import {
  type Condition,
  type DesiredCondition,
  isSaid,
  mergeConditions,
} from "../../kube/condition.ts";

/** A condition whose reason is one of ours. */
export interface Verdict extends DesiredCondition {
  readonly reason: Reason;
}

/** What is to be said of a pool, an advertisement or a policy. */
export interface ConfigurationVerdict {
  readonly conditions: readonly Verdict[];
  /** What else is in its status, such as the counts of a pool; absent: nothing. */
  readonly numbers?: Readonly<Record<string, number>>;
}

/** What stands in an object's status. */
export interface WrittenStatus {
  readonly conditions: readonly Condition[];
  readonly numbers?: Readonly<Record<string, number | undefined>>;
}

/** Every kind of conflict: each has a condition of its own for as long as it lasts. */
const conflictReasons: Readonly<Record<PoolConflictReason, true>> = {
  PoolOverlap: true,
  PoolInServiceCidr: true,
  PoolInPodCidr: true,
  PoolHasNodeAddress: true,
  PoolHasApiServer: true,
  PoolHasGateway: true,
  PoolHasClaimedAddress: true,
  PoolHasForeignHost: true,
};

const conditionOf = (name: string): string => `steelyard.dev/${name}`;
const valid = conditionOf("Valid");
/** The conditions of an AddressPolicy, a kind of ours. */
export const policyConditions = { accepted: "Accepted", excludedInUse: "ExcludedInUse" } as const;

/**
 * The conditions that we take out where they do not hold. Of each kind its own: what we call
 * `Accepted` on our kind is another controller's on one of MetalLB's.
 */
export const ownConditions: Readonly<
  Record<"pool" | "advertisement" | "policy", readonly string[]>
> = {
  pool: [valid, ...Object.keys(conflictReasons).map(conditionOf)],
  advertisement: [valid],
  policy: Object.values(policyConditions),
};

/** How an object of the configuration reads. */
export interface Reading {
  readonly errors: readonly string[];
  readonly warnings: readonly string[];
  /** A version of it is in force: this one, or the last good one. */
  readonly inForce: boolean;
}

/** The condition that says whether an object can be read. */
export function validity({ errors, warnings, inForce }: Reading): Verdict {
  if (errors.length > 0) {
    const rest = inForce
      ? "The last good version stays in force"
      : "It has no effect until this is corrected";
    const message = `${enumerated(errors, "; ")}. ${rest}`;
    return { type: valid, status: "False", reason: "ConfigurationInvalid", message };
  }
  return warnings.length > 0
    ? { type: valid, status: "True", reason: "ReadLeniently", message: enumerated(warnings, "; ") }
    : { type: valid, status: "True", reason: "Valid", message: "it can be read as it stands" };
}

/** The condition that tells of a conflict. */
export function conflictCondition({ reason, message }: PoolConflict): Verdict {
  return { type: conditionOf(reason), status: "True", reason, message };
}

/** True for a condition of {@link conflictCondition}. */
export function isConflict({ reason }: Pick<DesiredCondition, "reason">): boolean {
  return Object.hasOwn(conflictReasons, reason);
}

/**
 * Returns the `status` to be merged into an object's, `undefined` if it says all of that already.
 * `own` are the conditions that are taken out where nothing is said of them.
 */
export function planConfigurationStatus(
  written: WrittenStatus,
  { conditions, numbers = {} }: ConfigurationVerdict,
  own: readonly string[],
  now: Date,
): object | undefined {
  const types = conditions.map(({ type }) => type);
  const absent = own.filter((type) => !types.includes(type));
  const merged = mergeConditions(written.conditions, conditions, absent, now);
  const miscounted = Object.entries(numbers).some(
    ([name, number]) => written.numbers?.[name] !== number,
  );
  return merged === undefined && !miscounted
    ? undefined
    : { ...numbers, ...(merged === undefined ? {} : { conditions: merged }) };
}

/** True for a condition that says that an object can be read. */
export function isGood({ reason }: Verdict): boolean {
  return reason === "Valid" || reason === "Accepted";
}

/** Those of the conditions that were not `told` before. That an object which is new can be read is no news. */
export function newsOf(
  told: readonly DesiredCondition[],
  conditions: readonly Verdict[],
): readonly Verdict[] {
  return conditions.filter((condition) => {
    const before = told.find(({ type }) => type === condition.type);
    return isGood(condition) ? before?.status === "False" : !isSaid(before, condition);
  });
}
