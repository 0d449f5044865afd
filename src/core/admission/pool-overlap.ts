import type { IpAddressPool } from "../model/ip-address-pool.ts";
import { AddressSet } from "../net/address-set.ts";
import { formatIpRange, type IpRange } from "../net/ip-range.ts";
import { mergedRanges, overlapsOf } from "../net/range-arithmetic.ts";
import { type Finding, refuse, warn } from "./finding.ts";

/**
 * What `pool` has in common with `others`, and with itself. To share more with another pool than
 * `before` refuses it: only one of the two would give the address, by what is in use and by their
 * age. Within the pool it does no harm. Costs one search for each entry, however they lie.
 */
export function overlapFindings(
  pool: IpAddressPool,
  others: readonly IpAddressPool[],
  before?: IpAddressPool,
): readonly Finding[] {
  const seen = new AddressSet();
  const findings: Finding[] = [];
  for (const [index, range] of pool.ranges.entries()) {
    const shared = seen.firstIn(range);
    if (shared !== undefined) {
      const message = `${formatIpRange(shared)} is in an entry before this one already: take it out of one`;
      findings.push(warn(message, `spec.addresses[${index}]`));
    }
    seen.addRange(range);
  }
  for (const other of others) {
    const shared = other.ranges.flatMap((range) => seen.firstIn(range) ?? [])[0];
    if (shared !== undefined) {
      const isOld = before !== undefined && countShared(pool, other) <= countShared(before, other);
      findings.push(
        (isOld ? warn : refuse)(
          `${formatIpRange(shared)} is in IPAddressPool ${other.name} as well, and an address ` +
            "belongs to one pool only: take it out of one of them first",
          entryOf(pool, shared),
        ),
      );
    }
  }
  return findings;
}

/** How many addresses both pools have. */
function countShared(a: IpAddressPool, b: IpAddressPool): bigint {
  const shared = overlapsOf(mergedRanges(a.ranges), mergedRanges(b.ranges));
  return shared.reduce((sum, { common: { first, last } }) => sum + last - first + 1n, 0n);
}

function entryOf({ ranges }: IpAddressPool, { family, first }: IpRange): string {
  const index = ranges.findIndex(
    (range) => range.family === family && range.first <= first && first <= range.last,
  );
  return `spec.addresses[${index}]`;
}
