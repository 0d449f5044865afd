import fc from "fast-check";
import type { Candidate } from "../../../src/core/placement/eligibility.ts";

/** A node that may announce and is as good as any, but for `change`. */
export function candidate(node: string, change: Partial<Candidate> = {}): Candidate {
  return { node, interfaces: [], preference: 0, reserve: undefined, ...change };
}

/** Nodes that may announce, some of them preferred and some with a reserve. */
export const candidates: fc.Arbitrary<readonly Candidate[]> = fc
  .uniqueArray(
    fc.record({
      node: fc.constantFrom("n1", "n2", "n3", "n4", "n5", "n6"),
      interfaces: fc.constant([]),
      preference: fc.constantFrom(0, 0, 10, 100),
      reserve: fc.constantFrom(undefined, undefined, "NodeNotReady", "NodeReturned"),
    }),
    { minLength: 1, selector: ({ node }) => node },
  )
  .map((list) => list.sort((a, b) => (a.node < b.node ? -1 : 1)));
