import { IntervalSet, type Run } from "./interval-set.ts";
import { familyOf, type IpAddress, toNumber } from "./ip-address.ts";
import type { IpRange } from "./ip-range.ts";

/** A set of addresses of both families: an {@link IntervalSet} for each, as cheap to ask. */
export class AddressSet {
  readonly #families = { 4: new IntervalSet(), 6: new IntervalSet() };

  /** With the addresses of `ranges`, which may overlap. */
  constructor(ranges: readonly IpRange[] = []) {
    for (const range of ranges) {
      this.addRange(range);
    }
  }

  /** Makes `address` a member. */
  add(address: IpAddress): void {
    this.#families[familyOf(address)].add(toNumber(address));
  }

  /** Makes all addresses of the range members. */
  addRange({ family, first, last }: IpRange): void {
    this.#families[family].add(first, last);
  }

  /** Makes `address` a member no more. */
  delete(address: IpAddress): void {
    this.#families[familyOf(address)].delete(toNumber(address));
  }

  /** True if `address` is a member. */
  has(address: IpAddress): boolean {
    return this.#families[familyOf(address)].has(toNumber(address));
  }

  /** The lowest members of the range, as many as follow each other in it; undefined: it has none. */
  firstIn({ family, first, last }: IpRange): IpRange | undefined {
    const set = this.#families[family];
    const member = set.nextMember(first);
    if (member === undefined || member > last) {
      return undefined;
    }
    const end = set.nextGap(member) - 1n;
    return { family, first: member, last: end < last ? end : last };
  }

  /** The members in the range, lowest first. */
  membersIn({ family, first, last }: IpRange): readonly Run[] {
    return this.#families[family].runsBetween(first, last);
  }

  /** What of the range is not a member, lowest first. */
  gapsIn({ family, first, last }: IpRange): readonly Run[] {
    return this.#families[family].gapsBetween(first, last);
  }
}
