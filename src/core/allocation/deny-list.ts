import type { PoolConflictReason } from "../model/reason.ts";
import { AddressSet } from "../net/address-set.ts";
import { IntervalIndex } from "../net/interval-index.ts";
import type { Run } from "../net/interval-set.ts";
import { familyOf, formatIpAddress, type IpAddress, toNumber } from "../net/ip-address.ts";
import { parseIpPrefix } from "../net/ip-prefix.ts";
import type { IpRange } from "../net/ip-range.ts";

/** Why an address is not given out. */
export interface Denial {
  /** Absent: `AddressDenied`, somebody else uses the address. */
  readonly reason?: "AddressExcluded";
  /** Whose the address is, or who wants it left out: completes "… is". */
  readonly why: string;
  /** No other host answers for it: a Service that has had it since before us goes on with it. */
  readonly isHarmless?: true;
}

/** Addresses that are not given out, and why. */
export interface DeniedRange extends IpRange, Denial {
  /** What is wrong with a pool that has them; absent: every pool may. */
  readonly conflict?: PoolConflictReason;
}

/** An address and the Services that use it by other means than an allocation. */
export interface Claim {
  readonly address: IpAddress;
  /** By `namespace/name`; who wrote the status that has the address, if that is known. */
  readonly services: ReadonlyMap<string, string | undefined>;
}

/** What `isNeverAssignable` is true for. */
const neverAssignable: readonly DeniedRange[] = [
  ...["0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4", "255.255.255.255/32"],
  ...["::/127", "::ffff:0:0/96", "fe80::/10", "ff00::/8"],
]
  .flatMap((text) => parseIpPrefix(text) ?? [])
  .map(({ family, first, last }) => ({
    family,
    first,
    last,
    why: "a loopback, link-local, multicast or broadcast address",
  }));

/**
 * Addresses that must not be given out, although no Service of ours holds them.
 *
 * It blocks new grants and never revokes: what already works goes on.
 */
export class DenyList {
  #ranges: readonly DeniedRange[] = [];
  /** Made when it is first asked: nodes come and go many at a time. */
  #index: Readonly<Record<4 | 6, IntervalIndex<DeniedRange>>> | undefined;
  /** By claimant: who wrote the status that has the address, if that is known. */
  readonly #claims = new Map<IpAddress, Map<string, string | undefined>>();
  /** By Service of ours: what it has had since before us, by no allocation yet. */
  readonly #live = new Map<string, readonly IpAddress[]>();
  /** How many Services have the address so. */
  readonly #liveCounts = new Map<IpAddress, number>();
  /** What is claimed or live. */
  readonly #used = new AddressSet();
  readonly #listeners: ((address: IpAddress | undefined) => void)[] = [];

  /** Calls `listener` after each change, from now on: of one address, or of any (`undefined`). */
  onChange(listener: (address: IpAddress | undefined) => void): void {
    this.#listeners.push(listener);
  }

  /** Replaces what the cluster itself uses: node addresses, CIDRs, gateways, network addresses. */
  setRanges(ranges: readonly DeniedRange[]): void {
    this.#ranges = ranges;
    this.#index = undefined;
    this.#tell(undefined);
  }

  /**
   * Records that a Service uses `address` by other means than an allocation: in
   * `spec.externalIPs`, or in the status that another controller wrote; `writer` is
   * that one's name, if it is known.
   */
  addClaim(address: IpAddress, serviceKey: string, writer?: string): void {
    const claimants = this.#claims.get(address) ?? new Map<string, string | undefined>();
    this.#claims.set(address, claimants.set(serviceKey, writer));
    this.#noteUse(address);
  }

  /** Takes back {@link addClaim}. */
  removeClaim(address: IpAddress, serviceKey: string): void {
    const claimants = this.#claims.get(address);
    claimants?.delete(serviceKey);
    if (claimants?.size === 0) {
      this.#claims.delete(address);
    }
    this.#noteUse(address);
  }

  /**
   * Records that a Service of ours, of which nothing is recorded, has had these addresses since before
   * us. Until {@link endLive} others do not get them, but for those of whom the same is recorded.
   */
  setLive(serviceKey: string, addresses: readonly IpAddress[]): void {
    this.endLive(serviceKey);
    this.#live.set(serviceKey, addresses);
    for (const address of addresses) {
      this.#liveCounts.set(address, (this.#liveCounts.get(address) ?? 0) + 1);
      this.#noteUse(address);
    }
  }

  /** Takes back {@link setLive}; returns what that had recorded. */
  endLive(serviceKey: string): readonly IpAddress[] {
    const addresses = this.#live.get(serviceKey) ?? [];
    this.#live.delete(serviceKey);
    for (const address of addresses) {
      const others = (this.#liveCounts.get(address) ?? 0) - 1;
      if (others > 0) {
        this.#liveCounts.set(address, others);
      } else {
        this.#liveCounts.delete(address);
      }
      this.#noteUse(address);
    }
    return addresses;
  }

  /** True if {@link setLive} recorded the address for the Service. */
  isLive(address: IpAddress, serviceKey: string): boolean {
    return this.#live.get(serviceKey)?.includes(address) === true;
  }

  /**
   * Why `address` may not be given to the Service; `undefined` if it may. What the Service has had
   * since before us it may have, unless the cluster itself uses it: what Services claim counts
   * for as little then as for an address that is held, or a claim would be a way to get it.
   */
  reasonAgainst(address: IpAddress, serviceKey: string): Denial | undefined {
    if (this.isLive(address, serviceKey)) {
      const ranges = this.#denied(familyOf(address)).at(toNumber(address));
      return ranges.find(({ isHarmless }) => isHarmless !== true);
    }
    const isLive = this.#liveCounts.has(address);
    return (
      this.reasonToday(address, serviceKey) ??
      (isLive ? { why: "used by another Service, by its status" } : undefined)
    );
  }

  /**
   * Why `address` would not be given to the Service today, whether it has it or not. A Service's own
   * claim does not stand in its way, and other Services are not named: they may be another tenant's.
   */
  reasonToday(address: IpAddress, serviceKey: string): Denial | undefined {
    const [range] = this.#denied(familyOf(address)).at(toNumber(address));
    if (range !== undefined) {
      return range;
    }
    const foreign = [...(this.#claims.get(address) ?? [])].filter(([key]) => key !== serviceKey);
    const writer = foreign.find(([, name]) => name !== undefined)?.[1];
    const where =
      writer === undefined
        ? "in spec.externalIPs or in a status that another controller wrote"
        : `in a status that ${writer} wrote`;
    return foreign.length > 0 ? { why: `used by another Service, ${where}` } : undefined;
  }

  /** What is recorded of addresses in `range`, lowest first. Looks no further than is asked for. */
  *claimsIn(range: IpRange): Iterable<Claim> {
    let used = this.#used.firstIn(range);
    while (used !== undefined) {
      const address = formatIpAddress(range.family, used.first);
      const services = this.#claims.get(address);
      if (services !== undefined) {
        yield { address, services };
      }
      used = this.#used.firstIn({ ...range, first: used.first + 1n });
    }
  }

  /** The ranges of {@link setRanges}. */
  get ranges(): readonly DeniedRange[] {
    return this.#ranges;
  }

  /** True if somebody has a reason against the address, whoever wants it. */
  blocks(address: IpAddress): boolean {
    const denied = this.#denied(familyOf(address)).at(toNumber(address));
    return denied.length > 0 || this.#used.has(address);
  }

  /** The addresses of `range` that this list does not block, in order. */
  allowed({ family, first, last }: IpRange): readonly Run[] {
    return this.#denied(family)
      .gapsBetween(first, last)
      .flatMap((gap) => this.#used.gapsIn({ family, ...gap }));
  }

  #noteUse(address: IpAddress): void {
    if (this.#claims.has(address) || this.#liveCounts.has(address)) {
      this.#used.add(address);
    } else {
      this.#used.delete(address);
    }
    this.#tell(address);
  }

  #denied(family: 4 | 6): IntervalIndex<DeniedRange> {
    this.#index ??= indexes([...neverAssignable, ...this.#ranges]);
    return this.#index[family];
  }

  #tell(address: IpAddress | undefined): void {
    for (const listener of this.#listeners) {
      listener(address);
    }
  }
}

/** The ranges that only one of two lists has, or that each denies for another reason. */
export function changedDenials(
  before: readonly DeniedRange[],
  after: readonly DeniedRange[],
): readonly DeniedRange[] {
  const said = ({ family, first, last, why }: DeniedRange): string =>
    `${family} ${first} ${last} ${why}`;
  const [old, now] = [new Set(before.map(said)), new Set(after.map(said))];
  return [
    ...before.filter((range) => !now.has(said(range))),
    ...after.filter((range) => !old.has(said(range))),
  ];
}

function indexes(ranges: readonly DeniedRange[]): Record<4 | 6, IntervalIndex<DeniedRange>> {
  const of = (family: 4 | 6): IntervalIndex<DeniedRange> =>
    new IntervalIndex(ranges.filter((range) => range.family === family));
  return { 4: of(4), 6: of(6) };
}
