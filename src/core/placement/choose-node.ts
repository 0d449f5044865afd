import type { IpAddress } from "../net/ip-address.ts";
import { electNode } from "./elect.ts";
import type { Candidate } from "./eligibility.ts";
import { bestOf } from "./tiers.ts";

/** What speaks for a node before any rule does. */
export interface NodeClaims {
  /** It is to move there. */
  readonly wanted?: string | undefined;
  /** It announces the address now. */
  readonly present?: string | undefined;
  /** It announced it last, as ServiceL2Statuses say: under MetalLB, or before our bundles were lost. */
  readonly last?: readonly string[];
}

/**
 * Returns the one of `candidates` that should announce `address`: who is to have it,
 * who has it, who had it last; else of the best ones the first in MetalLB's order that
 * has not clearly more addresses than the others. `load` tells how many a node announces.
 */
export function chooseNode(
  candidates: readonly Candidate[],
  address: IpAddress,
  { wanted, present, last = [] }: NodeClaims,
  load: (node: string) => number,
): string | undefined {
  const names = new Set(candidates.map(({ node }) => node));
  // Who had it last has it no more: a reserve keeps it from there while there is another.
  const free = candidates.filter(({ reserve }) => reserve === undefined);
  const welcome = new Set((free.length > 0 ? free : candidates).map(({ node }) => node));
  const before = last.filter((node) => welcome.has(node));
  const claimed = [wanted, present, ...before].find(
    (node) => node !== undefined && names.has(node),
  );
  const best = bestOf(candidates).map(({ node }) => node);
  return claimed ?? electNode(best, address, load);
}
