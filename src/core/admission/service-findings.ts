import { type AllocationDecision, refusalOf, targetOf } from "../allocation/allocation-decision.ts";
import { decide } from "../allocation/decide.ts";
import { enumerated } from "../model/enumerated.ts";
import type { Service } from "../model/service.ts";
import { type Change, type Finding, refuse, warn } from "./finding.ts";
import type { KnownCluster } from "./known-cluster.ts";
import { policyRefuses } from "./policy-refuses.ts";

/**
 * Whether a Service, created or changed to this, would get what it asks for if it were decided on
 * now. It is the decision of the allocator itself, so it names no other namespace's Service either.
 * A wish that was not met before does not refuse an edit: it may be one of something else.
 */
export function serviceFindings(
  { before, after: service }: Change<Service>,
  known: KnownCluster,
): readonly Finding[] {
  if (service?.wantsAddress !== true) {
    return [];
  }
  const decision = decide(service, known.allocation);
  const refusal = refusalOf(decision);
  // That one is over in a moment, and nothing that the author of the Service could change.
  if (refusal === undefined || refusal.reason === "WaitingForSpeakers") {
    return [];
  }
  const isRefused =
    policyRefuses({ kind: "UnmetWish", service }, known.allocation) &&
    !wasUnmet(before, service, known);
  const outcome = outcomeOf(decision, service, known);
  const message = `the Service ${outcome} (${refusal.reason}): ${refusal.message}`;
  return [(isRefused ? refuse : warn)(message, fieldOf(service))];
}

/** True if the Service asked for the same before, and that could not be met either. */
function wasUnmet(
  before: Service | undefined,
  { wish }: Service,
  { allocation }: KnownCluster,
): boolean {
  return (
    before?.wantsAddress === true &&
    before.wish.pool === wish.pool &&
    before.wish.error === wish.error &&
    before.wish.addresses.join() === wish.addresses.join() &&
    refusalOf(decide(before, allocation)) !== undefined
  );
}

function outcomeOf(decision: AllocationDecision, service: Service, known: KnownCluster): string {
  const held = targetOf(decision);
  if (held.length === 0) {
    return "gets no address for now";
  }
  // Who only knows its name, and asks the webhook as the API server does, must not learn what it has.
  const isItself = held.every((address) =>
    known.allocation.ledger.get(address)?.holders.some(({ uid }) => uid === service.uid),
  );
  return isItself ? `keeps ${enumerated(held)}` : "does not get what it asks for";
}

function fieldOf({ wish: { source } }: Service): string | undefined {
  if (source === "") {
    return undefined;
  }
  return source.startsWith("spec.") ? source : `metadata.annotations["${source}"]`;
}
