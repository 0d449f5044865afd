import type { AddressPolicy } from "../model/address-policy.ts";
import type { IpAddressPool } from "../model/ip-address-pool.ts";
import { IntervalSet } from "../net/interval-set.ts";
import { compareIpAddresses, familyOf, type IpAddress, toNumber } from "../net/ip-address.ts";
import type { Ledger } from "./ledger.ts";
import { excludedRanges } from "./policy-for.ts";

/**
 * Addresses that Services hold although the policy excludes them, in canonical order. Looks at
 * every allocation if there is one in what is excluded.
 */
export function excludedInUse(
  policy: AddressPolicy,
  pools: readonly IpAddressPool[],
  ledger: Pick<Ledger, "countTaken" | "allocations">,
): readonly IpAddress[] {
  const ranges = excludedRanges([policy], pools).filter((range) => ledger.countTaken(range) > 0n);
  if (ranges.length === 0) {
    return [];
  }
  const excluded = { 4: new IntervalSet(), 6: new IntervalSet() };
  for (const { family, first, last } of ranges) {
    excluded[family].add(first, last);
  }
  return [...ledger.allocations()]
    .filter(({ address, state }) => {
      return state === "Allocated" && excluded[familyOf(address)].has(toNumber(address));
    })
    .map(({ address }) => address)
    .sort(compareIpAddresses);
}
