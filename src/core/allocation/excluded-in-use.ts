import type { AddressPolicy } from "../model/address-policy.ts";
import type { IpAddressPool } from "../model/ip-address-pool.ts";
import { AddressSet } from "../net/address-set.ts";
import { compareIpAddresses, type IpAddress } from "../net/ip-address.ts";
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
  const excluded = new AddressSet(ranges);
  return [...ledger.allocations()]
    .filter(({ address, state }) => state === "Allocated" && excluded.has(address))
    .map(({ address }) => address)
    .sort(compareIpAddresses);
}
