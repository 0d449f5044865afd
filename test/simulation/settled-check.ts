import { type IpAddressPool, poolOffers } from "../../src/core/model/ip-address-pool.ts";
import type { Service } from "../../src/core/model/service.ts";
import {
  familyOf,
  formatIpAddress,
  type IpAddress,
  parseIpAddress,
} from "../../src/core/net/ip-address.ts";
import { decodeIpAddressPool } from "../../src/kube/decode/ip-address-pool.ts";
import { decodeService } from "../../src/kube/decode/service.ts";
import { askedForSeveral } from "./cluster-life.ts";
import { unserved } from "./endpoint-rule.ts";
import { holdersOf, ingressOf } from "./fence-check.ts";
import { isExcluded, mayBeginToShare, wrongReport } from "./policy-rule.ts";
import { asHolder, type HolderFields, mayShare } from "./sharing-rule.ts";
import type { ApiObject, SimulatedApi } from "./simulated-api.ts";

/**
 * What must hold once nothing goes wrong any more and the controllers had time:
 * said without the code that decides. Returns what does not hold yet.
 */
export function unsettled(api: SimulatedApi): readonly string[] {
  return [
    ...api
      .list("ipallocations")
      .flatMap((allocation) => [...leaked(api, allocation), ...unserved(api, allocation)]),
    ...api
      .list("services")
      .flatMap((service) => [
        ...wrongStatus(api, service),
        ...wrongAmount(api, service),
        ...starved(api, service),
      ]),
    ...api.list("addresspolicies").flatMap((policy) => wrongReport(api, policy)),
    ...api.list("l2bundles").flatMap((bundle) => deadOwner(api, bundle)),
  ];
}

/** Every allocation has living holders that want it, as they are now; what cools down ends to. */
function leaked(api: SimulatedApi, { spec }: ApiObject): readonly string[] {
  if (spec.state !== "Allocated") {
    return [`${spec.address} is ${spec.state} for ever`];
  }
  const stale = spec.holders.filter((holder: HolderFields) => {
    const service = api.get("services", `${holder.namespace}/${holder.name}`);
    return service === undefined || !isAsRecorded(service, holder);
  });
  const homeless = spec.bundle === undefined || api.get("l2bundles", spec.bundle) === undefined;
  const announced = api.list("l2advertisements").length > 0;
  const lost = api.list("ipaddresspools").length === 0;
  return [
    ...(stale.length === 0 ? [] : [`${spec.address} leaks: ${JSON.stringify(stale)} is gone`]),
    ...(homeless === announced && !lost ? [`${spec.address} is in bundle ${spec.bundle}`] : []),
  ];
}

function isAsRecorded(service: ApiObject, holder: HolderFields): boolean {
  const now = asHolder(service);
  return (
    decodeService(service, "").service.wantsAddress &&
    now.uid === holder.uid &&
    now.sharingKey === holder.sharingKey &&
    now.backend === holder.backend &&
    JSON.stringify(now.ports) === JSON.stringify(holder.ports)
  );
}

function wrongStatus(api: SimulatedApi, service: ApiObject): readonly string[] {
  const held = heldBy(api, service);
  const shown = ingressOf(service);
  return [...held].sort().join() === [...shown].sort().join()
    ? []
    : [`${keyOf(service)} holds ${held} and shows ${shown}`];
}

/** Only who asked for them has two addresses of one family; without the wish they are kept. */
function wrongAmount(api: SimulatedApi, service: ApiObject): readonly string[] {
  if (service.metadata.annotations?.[askedForSeveral] !== undefined) {
    return [];
  }
  const families = heldBy(api, service).map(familyOf);
  return new Set(families).size === families.length
    ? []
    : [`${keyOf(service)} holds ${heldBy(api, service)}: more than it asked for`];
}

/** A Service that could have what it asks for has it. */
function starved(api: SimulatedApi, object: ApiObject): readonly string[] {
  const { service } = decodeService(object, "");
  const held = heldBy(api, object);
  const { addresses } = service.wish;
  if (!service.wantsAddress || api.list("ipaddresspools").length === 0) {
    return [];
  }
  if (addresses.length > 0) {
    const obtainable =
      addresses.every(
        (address) =>
          held.includes(address) ||
          (poolsFor(api, service, [address]).length > 0 && isOpen(api, service, object, address)),
      ) &&
      addresses.every((address) => service.families.includes(familyOf(address))) &&
      (service.families.length === 1 || service.familyPolicy === "PreferDualStack");
    const has = addresses.every((address) => held.includes(address));
    return obtainable && !has ? [`${service.key} could have ${addresses} and has ${held}`] : [];
  }
  const missing = service.families.filter((family) => !held.map(familyOf).includes(family));
  const all = service.familyPolicy !== "PreferDualStack";
  const sources = poolsFor(api, service, held).filter((pool) => {
    const free = addressesOf(pool).filter((address) => isOpen(api, undefined, object, address));
    const offered = missing.filter((family) => free.some((one) => familyOf(one) === family));
    return offered.length > 0 && (!all || offered.length === missing.length);
  });
  return sources.map(({ name }) => `${service.key} has ${held}, and could have of ${name}`);
}

/**
 * Whether nobody has it but Services with whom `object` may share it, or uses it in
 * `spec.externalIPs`, which a Service's own do not count for.
 */
function isOpen(
  api: SimulatedApi,
  asking: Service | undefined,
  object: ApiObject,
  address: IpAddress,
): boolean {
  const allocation = api.list("ipallocations").find(({ spec }) => spec.address === address);
  const others = holdersOf(allocation).filter(({ uid }) => uid !== object.metadata.uid);
  const taken =
    allocation !== undefined &&
    (others.length === 0 ||
      !others.every(
        (other) =>
          mayShare(asHolder(object), other) && mayBeginToShare(api, asHolder(object), other),
      ));
  const claimed = api
    .list("services")
    .some(
      (other) => keyOf(other) !== asking?.key && (other.spec.externalIPs ?? []).includes(address),
    );
  return !taken && !claimed && !isExcluded(api, address);
}

/** The pools that a Service may have addresses of; one that has an address gets more only from its pool. */
function poolsFor(
  api: SimulatedApi,
  { wish }: Service,
  held: readonly IpAddress[],
): readonly IpAddressPool[] {
  return api
    .list("ipaddresspools")
    .flatMap((raw) => decodeIpAddressPool(raw).pool ?? [])
    .filter((pool) => wish.pool === undefined || wish.pool === pool.name)
    .filter((pool) => held.every((address) => poolOffers(pool, address)));
}

function addressesOf({ ranges }: IpAddressPool): readonly IpAddress[] {
  return ranges.flatMap(({ family, first, last }) => {
    const count = Number(last - first) + 1;
    return Array.from({ length: count }, (_, i) => formatIpAddress(family, first + BigInt(i)));
  });
}

/** No bundle stays with a node that cannot announce, unless none can. */
function deadOwner(api: SimulatedApi, { metadata, spec }: ApiObject): readonly string[] {
  return api.get("nodes", spec.owner.node) === undefined
    ? [`bundle ${metadata.name} is owned by ${spec.owner.node}, which is gone`]
    : [];
}

function heldBy(api: SimulatedApi, { metadata }: ApiObject): readonly IpAddress[] {
  return api
    .list("ipallocations")
    .filter((allocation) => holdersOf(allocation).some(({ uid }) => uid === metadata.uid))
    .flatMap(({ spec }) => parseIpAddress(spec.address) ?? []);
}

function keyOf({ metadata }: ApiObject): string {
  return `${metadata.namespace}/${metadata.name}`;
}
