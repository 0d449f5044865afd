import { decide } from "../allocation/decide.ts";
import type { Refusal } from "../model/reason.ts";
import type { Service } from "../model/service.ts";
import { type Change, type Finding, refuse, warn } from "./finding.ts";
import type { KnownCluster } from "./known-cluster.ts";

/**
 * Whether a Service, created or changed to this, would get what it asks for if it were decided on
 * now. It is the decision of the allocator itself, so it names no other namespace's Service either.
 */
export function serviceFindings(
  { after: service }: Change<Service>,
  known: KnownCluster,
): readonly Finding[] {
  if (service?.wantsAddress !== true) {
    return [];
  }
  const decision = decide(service, known.allocation);
  const refusal: Refusal | undefined = decision.kind === "refuse" ? decision : decision.refusal;
  // That one is over in a moment, and nothing that the author of the Service could change.
  if (refusal === undefined || refusal.reason === "WaitingForSpeakers") {
    return [];
  }
  const held = "addresses" in decision ? decision.addresses : [];
  const outcome = held.length > 0 ? `keeps ${held.join(", ")}` : "gets no address for now";
  const severity = known.refuses({ kind: "unmetWish", service }) ? refuse : warn;
  return [
    severity(`the Service ${outcome} (${refusal.reason}): ${refusal.message}`, fieldOf(service)),
  ];
}

function fieldOf({ wish: { source } }: Service): string | undefined {
  if (source === "") {
    return undefined;
  }
  return source.startsWith("spec.") ? source : `metadata.annotations["${source}"]`;
}
