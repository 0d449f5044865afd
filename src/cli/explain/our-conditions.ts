import type { Condition } from "../../kube/condition.ts";
import type { ServiceFacts } from "./service-facts.ts";

/** The prefix of the types of Steelyard's conditions. */
export const ourPrefix = "steelyard.dev/";

/** What the Service says of the announcement of all its addresses; undefined: nothing. */
export function saidOfAnnouncement({
  object,
}: Pick<ServiceFacts, "object">): Condition | undefined {
  return object.written.conditions.find(({ type }) => type === `${ourPrefix}Announced`);
}
