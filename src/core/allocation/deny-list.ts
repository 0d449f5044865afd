import { IntervalSet } from "../net/interval-set.ts";
import { familyOf, type IpAddress, isNeverAssignable, toNumber } from "../net/ip-address.ts";
import { parseIpPrefix } from "../net/ip-prefix.ts";
import { type IpRange, rangeContains } from "../net/ip-range.ts";

/** Why an address is not given out. */
export interface Denial {
  /** Absent: `AddressDenied`, somebody else uses the address. */
  readonly reason?: "AddressExcluded";
  /** Whose the address is, or who wants it left out: completes "… is". */
  readonly why: string;
}

/** Addresses that are not given out, and why. */
export interface DeniedRange extends IpRange, Denial {}

/**
 * What `isNeverAssignable` is true for, as ranges: a pool that covers all of
 * them is passed over in a few steps, not address by address.
 */
const neverAssignable = [
  ...["0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4", "255.255.255.255/32"],
  ...["::/127", "fe80::/10", "ff00::/8"],
].flatMap((text) => parseIpPrefix(text) ?? []);

/**
 * Addresses that must not be given out, although no Service of ours holds them.
 *
 * It blocks new grants and never revokes: what already works goes on.
 */
export class DenyList {
  #ranges: readonly DeniedRange[] = [];
  #rangeSets = deniedSets(neverAssignable);
  readonly #claims = new Map<IpAddress, Set<string>>();
  readonly #claimSets = emptySets();

  /** Replaces what the cluster itself uses: node addresses, CIDRs, gateways, network addresses. */
  setRanges(ranges: readonly DeniedRange[]): void {
    this.#ranges = ranges;
    this.#rangeSets = deniedSets([...neverAssignable, ...ranges]);
  }

  /**
   * Records that a Service uses `address` by other means than an allocation: in
   * `spec.externalIPs`, or in the status that another controller wrote.
   */
  addClaim(address: IpAddress, serviceKey: string): void {
    const claimants = this.#claims.get(address) ?? new Set();
    this.#claims.set(address, claimants.add(serviceKey));
    this.#claimSets[familyOf(address)].add(toNumber(address));
  }

  /** Takes back {@link addClaim}. */
  removeClaim(address: IpAddress, serviceKey: string): void {
    const claimants = this.#claims.get(address);
    claimants?.delete(serviceKey);
    if (claimants?.size === 0) {
      this.#claims.delete(address);
      this.#claimSets[familyOf(address)].delete(toNumber(address));
    }
  }

  /**
   * Why `address` may not be given to the Service; `undefined` if it may. A Service's own claim does
   * not stand in its way, and other Services are not named: they may be another tenant's.
   */
  reasonAgainst(address: IpAddress, serviceKey: string): Denial | undefined {
    if (isNeverAssignable(address)) {
      return { why: "a loopback, link-local, multicast or broadcast address" };
    }
    const range = this.#rangeSets[familyOf(address)].has(toNumber(address))
      ? this.#ranges.find((candidate) => rangeContains(candidate, address))
      : undefined;
    if (range !== undefined) {
      return range;
    }
    const claimants = this.#claims.get(address);
    const foreign = claimants !== undefined && (claimants.size > 1 || !claimants.has(serviceKey));
    return foreign
      ? {
          why: "used by another Service, in spec.externalIPs or in a status that another controller wrote",
        }
      : undefined;
  }

  /** The lowest address of `range` not below `from` that this list does not block, if there is one. */
  nextAllowed(range: IpRange, from: bigint): bigint | undefined {
    let value = from;
    while (value <= range.last) {
      const past = this.#claimSets[range.family].nextGap(
        this.#rangeSets[range.family].nextGap(value),
      );
      if (past === value) {
        return value;
      }
      value = past;
    }
    return undefined;
  }
}

function deniedSets(ranges: readonly IpRange[]): Record<4 | 6, IntervalSet> {
  const sets = emptySets();
  for (const { family, first, last } of ranges) {
    sets[family].add(first, last);
  }
  return sets;
}

function emptySets(): Record<4 | 6, IntervalSet> {
  return { 4: new IntervalSet(), 6: new IntervalSet() };
}
