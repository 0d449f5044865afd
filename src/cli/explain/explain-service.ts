import { changesOf } from "./changes.ts";
import { explainAddress } from "./explain-address.ts";
import { explainPool } from "./explain-pool.ts";
import { ourPrefix } from "./our-conditions.ts";
import type { ServiceEndpoints } from "./service-endpoints.ts";
import type {
  ExplainedCondition,
  ExplainedEndpoints,
  ExplainedPool,
  ServiceExplanation,
} from "./service-explanation.ts";
import type { ServiceFacts } from "./service-facts.ts";

/**
 * Explains the Service from what was read, which decides nothing: placement's own rules say why
 * not. `unread`: what the user may not, such as `list nodes`.
 */
export function explainService(facts: ServiceFacts, unread: readonly string[]): ServiceExplanation {
  const { about, object, controller } = facts;
  const { statusAddresses, key } = object.service;
  const endpoints = facts.endpoints.get(key);
  const pools = waitsForAddress(facts) ? facts.pools : undefined;
  return {
    kind: "ServiceExplanation",
    version: 1,
    service: about,
    ...(controller === undefined ? {} : { controller }),
    ...(endpoints === undefined ? {} : { endpoints: explainEndpoints(endpoints) }),
    conditions: conditionsOf(facts),
    addresses: statusAddresses.map((address) => explainAddress(facts, address)),
    ...(pools === undefined ? {} : { pools: pools.map(explainPool).sort(byName) }),
    changes: changesOf(facts),
    unread,
  };
}

function waitsForAddress({ object: { service } }: ServiceFacts): boolean {
  return service.wantsAddress && service.statusAddresses.length === 0;
}

function explainEndpoints({ ready, serving, elsewhere }: ServiceEndpoints): ExplainedEndpoints {
  return { ready: [...ready].sort(), serving: [...serving].sort(), elsewhere };
}

function conditionsOf({ object }: ServiceFacts): readonly ExplainedCondition[] {
  return object.written.conditions
    .filter(({ type }) => type.startsWith(ourPrefix))
    .map(({ type, status, reason, message, lastTransitionTime }) => ({
      ...{ type: type.slice(ourPrefix.length), status, reason, message },
      since: lastTransitionTime,
    }));
}

function byName(a: ExplainedPool, b: ExplainedPool): number {
  return a.name < b.name ? -1 : 1;
}
