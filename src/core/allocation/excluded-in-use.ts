import type { AddressPolicy } from "../model/address-policy.ts";
import type { IpAddressPool } from "../model/ip-address-pool.ts";
import { compareIpAddresses, type IpAddress } from "../net/ip-address.ts";
import { addressesInUse } from "./addresses-in-use.ts";
import type { Ledger } from "./ledger.ts";
import { excludedRanges } from "./policy-for.ts";

/** Addresses that Services hold although the policy excludes them, in canonical order. */
export function excludedInUse(
  policy: AddressPolicy,
  pools: readonly IpAddressPool[],
  ledger: Pick<Ledger, "countTaken" | "allocations">,
): readonly IpAddress[] {
  return addressesInUse(excludedRanges([policy], pools), ledger).toSorted(compareIpAddresses);
}
