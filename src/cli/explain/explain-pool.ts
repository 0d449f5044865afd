import { policyFor } from "../../core/allocation/policy-for.ts";
import { governs } from "../../core/model/address-policy.ts";
import { formatIpBlock } from "../../core/net/ip-range.ts";
import type { IpAddressPoolObject } from "../../kube/decode/ip-address-pool.ts";
import type { ExplainedAddress, ExplainedPool } from "./service-explanation.ts";
import type { ServiceFacts } from "./service-facts.ts";

/** Explains a pool as its status has it. */
export function explainPool({ name, pool, written }: IpAddressPoolObject): ExplainedPool {
  const { assignedIPv4, assignedIPv6, availableIPv4, availableIPv6 } = written.counts;
  const assigned = sum(assignedIPv4, assignedIPv6);
  const available = sum(availableIPv4, availableIPv6);
  return {
    name,
    ...(pool === undefined ? {} : { autoAssign: pool.autoAssign }),
    ranges: (pool?.ranges ?? []).map(formatIpBlock),
    ...(assigned === undefined ? {} : { assigned }),
    ...(available === undefined ? {} : { available }),
  };
}

/** Explains where an address comes from, and under which AddressPolicies. `name`: of its pool; undefined: not known. */
export function explainSource(
  { pools, policies }: Pick<ServiceFacts, "pools" | "policies">,
  name: string | undefined,
): Pick<ExplainedAddress, "pool" | "policies" | "demands"> {
  if (name === undefined) {
    return {};
  }
  if (pools === undefined) {
    return { pool: { name } };
  }
  const found = pools.find((one) => one.name === name);
  const pool = found === undefined ? { name, ranges: [] } : explainPool(found);
  if (policies === undefined) {
    return { pool };
  }
  const known = policies.flatMap(({ policy }) => policy ?? []);
  const governed = found?.pool ?? { name, labels: {} };
  const governing = known.filter((policy) => governs(policy, governed));
  const { reuseDelayMs, sharingScope } = policyFor(governed, known);
  const demands = [
    `a released address is kept from others for ${reuseDelayMs / 1_000} s`,
    sharingWords[sharingScope],
  ];
  return {
    pool,
    policies: governing.map((policy) => policy.name).sort(),
    demands: governing.length === 0 ? [] : demands,
  };
}

const sharingWords = {
  Cluster: "any Services may share an address if they agree",
  Namespace: "only Services of one namespace may share an address",
  None: "no Services may share an address",
} as const;

function sum(...numbers: readonly (number | undefined)[]): number | undefined {
  const known = numbers.filter((one) => one !== undefined);
  return known.length === 0 ? undefined : known.reduce((total, one) => total + one, 0);
}
