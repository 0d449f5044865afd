import { enumerated } from "../model/enumerated.ts";
import { type IpAddressPool, isBuggy } from "../model/ip-address-pool.ts";
import { currentHolders } from "../model/ip-allocation.ts";
import type { PoolConflictReason } from "../model/reason.ts";
import { serviceKey } from "../model/service.ts";
import { familyOf, type IpAddress, parseIpAddress, toNumber } from "../net/ip-address.ts";
import { formatIpRange, type IpRange } from "../net/ip-range.ts";
import { mergedRanges, overlapsOf, rangeWithout } from "../net/range-arithmetic.ts";
import type { DeniedRange, DenyList } from "./deny-list.ts";
import type { Ledger } from "./ledger.ts";
import type { YieldedRanges } from "./pool-contest.ts";

/**
 * Something that is wrong with addresses of a pool. None of them is given out, and what of them
 * is held is kept. The sentence is for the pool's admin: it may name any Service.
 */
export interface PoolConflict {
  readonly reason: PoolConflictReason;
  /** Names some of the addresses, counts the others, and says what to do. */
  readonly message: string;
}

/** Addresses in conflict, and what else they are. */
export interface Clash {
  readonly range: IpRange;
  /** Completes "192.0.2.1 is …". */
  readonly what: string;
}

/** What one pool has of the cluster itself, by kind. */
export type ClusterClashes = ReadonlyMap<PoolConflictReason, readonly Clash[]>;

/**
 * What the pools have of the cluster itself, by their names: a sweep over all of both.
 * What an AddressPolicy excludes is no fault.
 */
export function clusterClashes(
  pools: readonly IpAddressPool[],
  denied: readonly DeniedRange[],
): ReadonlyMap<string, ClusterClashes> {
  const excluded = denied.filter(({ reason }) => reason === "AddressExcluded");
  const ranges = pools.flatMap((pool) =>
    mergedRanges(pool.ranges)
      .flatMap((range) => rangeWithout(range, excluded))
      .map((range) => ({ ...range, pool: pool.name })),
  );
  const clashes = new Map<string, Map<PoolConflictReason, Clash[]>>();
  const conflicting = denied.filter(({ conflict }) => conflict !== undefined);
  for (const { left, right, common } of overlapsOf(ranges, conflicting)) {
    const ofPool = clashes.get(left.pool) ?? new Map<PoolConflictReason, Clash[]>();
    clashes.set(left.pool, ofPool);
    const reason = right.conflict as PoolConflictReason;
    const known = ofPool.get(reason) ?? [];
    ofPool.set(reason, known);
    known.push({ range: common, what: right.why });
  }
  return clashes;
}

/** What is wrong with a pool for what it has of the cluster itself. */
export function clusterConflicts(
  clashes: ClusterClashes | undefined,
  ledger: Ledger,
): readonly PoolConflict[] {
  return [...(clashes ?? [])].map(([reason, list]) => conflictOf(reason, list, ledger));
}

/** What the pool would give and Services use by other means than an allocation, other than who holds it. */
export function claimConflict(
  { ranges, avoidBuggyIPs }: IpAddressPool,
  denyList: DenyList,
  ledger: Ledger,
): PoolConflict | undefined {
  const clashes: Clash[] = [];
  for (const range of ranges) {
    for (const { address, services } of denyList.claimsIn(range)) {
      const holders = holdersOf(address, ledger);
      const strangers = [...services]
        .filter(([key]) => !holders.includes(key))
        .map(([key, writer]) => (writer === undefined ? key : `${key} (${writer})`))
        .sort();
      if (strangers.length > 0 && !(avoidBuggyIPs && isBuggy(address))) {
        const what = `used by Service ${enumerated(strangers)} in spec.externalIPs or by another controller`;
        clashes.push({ range: rangeOf(address), what });
      }
    }
  }
  return clashes.length === 0 ? undefined : conflictOf("PoolHasClaimedAddress", clashes, ledger);
}

/** What the pool has in common with others that give it. */
export function overlapConflict(yielded: readonly YieldedRanges[]): PoolConflict | undefined {
  const parts = yielded.map(({ to, because, ranges }) => {
    const why = because === "InUse" ? "has addresses in use where pools overlap" : "is older";
    return `${enumerated(ranges.map(formatIpRange))} to ${to}, which ${why}`;
  });
  return parts.length === 0
    ? undefined
    : {
        reason: "PoolOverlap",
        message:
          `IPAddressPools overlap: this one leaves ${enumerated(parts)}. It keeps what it gave. ` +
          "Take the addresses out of one of the pools",
      };
}

function conflictOf(
  reason: PoolConflictReason,
  clashes: readonly Clash[],
  ledger: Ledger,
): PoolConflict {
  const byAddresses = new Map(clashes.map((clash) => [formatIpRange(clash.range), clash]));
  const used = (text: string, { range }: Clash): string => usedBy(text, range, ledger);
  const told = [...byAddresses].map(([text, clash]) => ({ text, clash, use: used(text, clash) }));
  // What somebody holds matters most.
  told.sort((a, b) => Number(a.use === "") - Number(b.use === ""));
  const items = told.map(({ text, clash, use }) => `${text} is ${clash.what}${use}`);
  return {
    reason,
    message: `${enumerated(items, "; ")}. Nothing of this is given out: take it out of spec.addresses`,
  };
}

/** Who holds addresses of the range, as the end of a sentence; empty: nobody. */
function usedBy(text: string, range: IpRange, ledger: Ledger): string {
  if (range.first !== range.last) {
    const taken = ledger.countTaken(range);
    return taken === 0n ? "" : `, and ${taken} of them are in use and stay so`;
  }
  const holders = holdersOf(parseIpAddress(text) as IpAddress, ledger);
  return holders.length === 0 ? "" : `, and stays with Service ${enumerated(holders)}`;
}

function holdersOf(address: IpAddress, ledger: Ledger): readonly string[] {
  return currentHolders(ledger.get(address)).map(serviceKey);
}

function rangeOf(address: IpAddress): IpRange {
  const value = toNumber(address);
  return { family: familyOf(address), first: value, last: value };
}
