import type { Candidate } from "./eligibility.ts";

/**
 * Returns `candidates` in tiers, the best first, each in the order given: nodes that are
 * as good as any before those with a reserve, and among both those that are preferred more.
 */
export function tiersOf(candidates: readonly Candidate[]): readonly (readonly Candidate[])[] {
  const tiers: Candidate[][] = [];
  let last: Candidate | undefined;
  for (const candidate of [...candidates].sort(compareTiers)) {
    if (last === undefined || compareTiers(last, candidate) !== 0) {
      tiers.push([]);
    }
    tiers.at(-1)?.push(candidate);
    last = candidate;
  }
  return tiers;
}

/** Returns the candidates that should get what is to be given; empty only without any. */
export function bestOf(candidates: readonly Candidate[]): readonly Candidate[] {
  return tiersOf(candidates)[0] ?? [];
}

/** Negative if `a` should rather announce than `b`. */
function compareTiers(a: Candidate, b: Candidate): number {
  const [reservedA, reservedB] = [a, b].map(({ reserve }) => (reserve === undefined ? 0 : 1));
  return (reservedA as number) - (reservedB as number) || b.preference - a.preference;
}
