import type { BundleMove } from "../../core/model/l2-bundle.ts";
import type { ExplainedChange } from "./service-explanation.ts";
import type { ServiceFacts } from "./service-facts.ts";

/** So many changes are told. */
const changesMax = 10;

/**
 * What changed last, the latest first. The API server forgets Events after a while; objects
 * remember when an address was given, and of each bundle the last move.
 */
export function changesOf(facts: ServiceFacts): readonly ExplainedChange[] {
  return [...facts.events, ...grantsOf(facts), ...movesOf(facts)]
    .sort((a, b) => byTime(b.at, a.at))
    .slice(0, changesMax);
}

/** Those of its addresses of whose grant no Event tells any more. */
function grantsOf({ allocations = [], events }: ServiceFacts): readonly ExplainedChange[] {
  const told = events
    .filter(({ reason }) => reason === "IPAllocated")
    .flatMap(({ message }) => message.split(/[\s,]+/));
  return allocations
    .filter(({ object }) => !told.includes(object.allocation.address))
    .map(({ object: { allocation }, createdAt }) => ({
      ...{ at: createdAt, source: "IPAllocation", reason: "Assigned", count: 1 },
      message: `${allocation.address} from pool ${allocation.pool}`,
    }));
}

function movesOf({ allocations = [], bundles }: ServiceFacts): readonly ExplainedChange[] {
  return bundles.flatMap(({ object: { key, bundle } }): readonly ExplainedChange[] => {
    const { owner, moved } = bundle;
    const addresses = allocations
      .filter(({ object }) => object.allocation.bundle === key)
      .filter(({ createdAt }) => moved !== undefined && happenedTo(moved, createdAt))
      .map(({ object }) => object.allocation.address);
    if (moved === undefined || addresses.length === 0) {
      return [];
    }
    const message = `${addresses.join(", ")} moved from ${moved.from} to ${owner.node}`;
    return [{ at: moved.at, source: "L2Bundle", reason: moved.reason, message, count: 1 }];
  });
}

/** False if the bundle moved before the address, given at `allocatedAt`, came into it. */
export function happenedTo(moved: BundleMove, allocatedAt: string): boolean {
  return Date.parse(moved.at) >= Date.parse(allocatedAt);
}

/** The last of these times; those that are empty are not known. */
export function latest(times: readonly string[]): string | undefined {
  return times
    .filter((time) => time !== "")
    .sort(byTime)
    .at(-1);
}

function byTime(a: string, b: string): number {
  return Date.parse(a) - Date.parse(b);
}
