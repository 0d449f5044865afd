import { poolOffers } from "../../src/core/model/ip-address-pool.ts";
import type { IpAddress } from "../../src/core/net/ip-address.ts";
import { decodeIpAddressPool } from "../../src/kube/decode/ip-address-pool.ts";
import type { HolderFields } from "./sharing-rule.ts";
import type { ApiObject, SimulatedApi } from "./simulated-api.ts";

/** Whether a policy keeps it from being given out: said without the code that decides. */
export function isExcluded(api: SimulatedApi, address: IpAddress): boolean {
  return api
    .list("addresspolicies")
    .some(({ spec }) => (spec.excludedAddresses ?? []).includes(address));
}

/** Whether policies let the two begin to share. */
export function mayBeginToShare(api: SimulatedApi, a: HolderFields, b: HolderFields): boolean {
  return api.list("addresspolicies").every(({ spec }) => {
    const scope = spec.sharingScope ?? (spec.profile === "Strict" ? "Namespace" : "Cluster");
    return scope === "Cluster" || (scope === "Namespace" && a.namespace === b.namespace);
  });
}

/** What the status of a policy should say and does not. */
export function wrongReport(api: SimulatedApi, { metadata, spec, status }: ApiObject) {
  const pools = api.list("ipaddresspools").flatMap((raw) => decodeIpAddressPool(raw).pool ?? []);
  const inUse = api
    .list("ipallocations")
    .filter((allocation) => allocation.spec.state === "Allocated")
    .map((allocation) => allocation.spec.address as IpAddress)
    .filter((address) => (spec.excludedAddresses ?? []).includes(address))
    .filter((address) => pools.some((pool) => poolOffers(pool, address)));
  const conditions: readonly { type: string; message: string }[] = status?.conditions ?? [];
  const said = conditions.find(({ type }) => type === "ExcludedInUse")?.message ?? "";
  const names = said.match(/[0-9a-f]+[.:][0-9a-f.:]+/g) ?? [];
  return status?.pools === pools.length && names.toSorted().join() === inUse.toSorted().join()
    ? []
    : [`policy ${metadata.name} says ${status?.pools} pools, in use "${said}", not ${inUse}`];
}
