import type { SharingScope } from "../model/address-policy.ts";
import type { Holder, IpAllocation } from "../model/ip-allocation.ts";
import { type ServicePort, serviceKey } from "../model/service.ts";

/** A Service, or the holder of an address, as far as sharing goes. */
export type Sharer = Pick<Holder, "namespace" | "name" | "ports"> & {
  readonly sharing?: Holder["sharing"] | undefined;
};

/** The most Services that share one address: more, an IPAllocation does not hold. */
export const holdersMax = 256;

/**
 * Why two Services cannot have one address, as what follows "… is in use by …"; `undefined` if
 * they can: both have the same sharing key, no port in common, and the same Pods behind them
 * if only those on the announcing node answer. `scope` further limits who may.
 *
 * Each field is compared with its like. What is said tells nothing of `other` but the port.
 */
export function reasonNotToShare(
  asking: Sharer,
  other: Sharer,
  scope: SharingScope = "Cluster",
): string | undefined {
  const [mine, theirs] = [asking.sharing, other.sharing];
  if (mine === undefined) {
    return "";
  }
  if (theirs?.key !== mine.key) {
    return ", which does not have the same metallb.io/allow-shared-ip";
  }
  const sameNamespace = asking.namespace === other.namespace;
  if (scope === "None" || (scope === "Namespace" && !sameNamespace)) {
    return ", and an AddressPolicy does not let the two share";
  }
  if (theirs.backend !== mine.backend || (mine.backend !== "" && !sameNamespace)) {
    return (
      ", and with externalTrafficPolicy Local only Services of one namespace with the same policy " +
      "and selector can share"
    );
  }
  const port = asking.ports.find((one) => other.ports.some((taken) => samePort(one, taken)));
  return port === undefined
    ? undefined
    : `, and port ${port.protocol}/${port.port} is in use there`;
}

/** A Service in the way, and why it is. */
export interface SharingConflict {
  readonly holder: Holder;
  readonly why: string;
}

/** What stands in the way of a Service that wants to join the holders of an address; `undefined`: nothing does. */
export function findJoinConflict(
  service: Sharer,
  { holders }: Pick<IpAllocation, "holders">,
  scope: SharingScope,
): SharingConflict | undefined {
  const others = holders.filter((holder) => serviceKey(holder) !== serviceKey(service));
  const conflict = firstConflict(service, others, scope);
  const [first] = others;
  if (conflict === undefined && first !== undefined && others.length >= holdersMax) {
    return { holder: first, why: `, and ${holdersMax} Services share it already` };
  }
  return conflict;
}

/**
 * What stands in the way of a Service that holds an address together with others and wants to
 * stay; `undefined`: nothing does. One that has changed gives way to all others; else those who
 * came later give way. Who may begin to share is asked of them no more.
 */
export function findStayConflict(
  service: Sharer,
  { holders }: Pick<IpAllocation, "holders">,
): SharingConflict | undefined {
  const index = holders.findIndex((holder) => serviceKey(holder) === serviceKey(service));
  const recorded = holders[index];
  const stands = recorded !== undefined && sameSharer(recorded, service);
  const others = holders.filter((_, at) => (stands ? at < index : at !== index));
  return firstConflict(service, others, "Cluster");
}

function firstConflict(
  service: Sharer,
  others: readonly Holder[],
  scope: SharingScope,
): SharingConflict | undefined {
  for (const holder of others) {
    const why = reasonNotToShare(service, holder, scope);
    if (why !== undefined) {
      return { holder, why };
    }
  }
  return undefined;
}

/** True if nothing that the rule looks at differs between the two. */
function sameSharer(a: Sharer, b: Sharer): boolean {
  return (
    a.sharing?.key === b.sharing?.key &&
    a.sharing?.backend === b.sharing?.backend &&
    a.ports.length === b.ports.length &&
    a.ports.every((port) => b.ports.some((other) => samePort(port, other)))
  );
}

function samePort(a: ServicePort, b: ServicePort): boolean {
  return a.protocol === b.protocol && a.port === b.port;
}
