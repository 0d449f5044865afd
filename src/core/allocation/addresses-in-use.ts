import { AddressSet } from "../net/address-set.ts";
import type { IpAddress } from "../net/ip-address.ts";
import type { IpRange } from "../net/ip-range.ts";
import type { Ledger } from "./ledger.ts";

/** Addresses of `ranges` that Services hold, in no order. Looks at every allocation if there is one in them. */
export function addressesInUse(
  ranges: readonly IpRange[],
  ledger: Pick<Ledger, "countTaken" | "allocations">,
): readonly IpAddress[] {
  const taken = ranges.filter((range) => ledger.countTaken(range) > 0n);
  if (taken.length === 0) {
    return [];
  }
  const wanted = new AddressSet(taken);
  return [...ledger.allocations()]
    .filter(({ address, state }) => state === "Allocated" && wanted.has(address))
    .map(({ address }) => address);
}
