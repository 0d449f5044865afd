import { governs } from "../../core/model/address-policy.ts";
import { enumerated } from "../../core/model/enumerated.ts";
import type { IpAddressPool } from "../../core/model/ip-address-pool.ts";
import type { IpAddress } from "../../core/net/ip-address.ts";
import type { AddressPolicyObject } from "../../kube/decode/address-policy.ts";
import {
  type ConfigurationVerdict,
  policyConditions,
  type Verdict,
} from "./configuration-status.ts";

/**
 * What there is to say of a policy, of `pools` in the cluster, where Services hold the addresses
 * `inUse` although it excludes them.
 */
export function policyVerdict(
  object: AddressPolicyObject,
  pools: readonly IpAddressPool[],
  inUse: readonly IpAddress[],
): ConfigurationVerdict {
  const { policy, generation } = object;
  const selected = pools.filter((pool) => policy !== undefined && governs(policy, pool)).length;
  return {
    conditions: [acceptedCondition(object, pools, selected), ...inUseCondition(inUse)],
    numbers: { observedGeneration: generation, pools: selected },
  };
}

function acceptedCondition(
  { policy, errors }: AddressPolicyObject,
  pools: readonly IpAddressPool[],
  selected: number,
): Verdict {
  if (errors.length > 0) {
    const message = `${enumerated(errors, "; ")}. The last good version stays in force, or what of this one can be read`;
    return {
      type: policyConditions.accepted,
      status: "False",
      reason: "ConfigurationInvalid",
      message,
    };
  }
  const missing = (policy?.pools ?? []).filter((name) => !pools.some((pool) => pool.name === name));
  const without = missing.length === 0 ? "" : `; there is no pool ${enumerated(missing)}`;
  const message = `in force for ${selected} of ${pools.length} pools${without}`;
  return { type: policyConditions.accepted, status: "True", reason: "Accepted", message };
}

function inUseCondition(inUse: readonly IpAddress[]): readonly Verdict[] {
  if (inUse.length === 0) {
    return [];
  }
  const message = `Services hold excluded addresses and keep them until they give them back: ${enumerated(inUse)}`;
  return [
    { type: policyConditions.excludedInUse, status: "True", reason: "AddressExcluded", message },
  ];
}
