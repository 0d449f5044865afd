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
import { holdersOf, ingressOf } from "./fence-check.ts";
import type { ApiObject, SimulatedApi } from "./simulated-api.ts";

/**
 * What must hold once nothing goes wrong any more and the controllers had time:
 * said without the code that decides. Returns what does not hold yet.
 */
export function unsettled(api: SimulatedApi): readonly string[] {
  return [
    ...api.list("ipallocations").flatMap((allocation) => leaked(api, allocation)),
    ...api
      .list("services")
      .flatMap((service) => [
        ...wrongStatus(api, service),
        ...wrongAmount(api, service),
        ...starved(api, service),
      ]),
    ...api.list("l2bundles").flatMap((bundle) => deadOwner(api, bundle)),
  ];
}

/** Every allocation has a living holder that wants it; what cools down ends to. */
function leaked(api: SimulatedApi, { spec }: ApiObject): readonly string[] {
  if (spec.state !== "Allocated") {
    return [`${spec.address} is ${spec.state} for ever`];
  }
  const [holder] = spec.holders;
  const service = api.get("services", `${holder?.namespace}/${holder?.name}`);
  const wants = service?.metadata.uid === holder?.uid && service?.spec.type === "LoadBalancer";
  const homeless = spec.bundle === undefined || api.get("l2bundles", spec.bundle) === undefined;
  const announced = api.list("l2advertisements").length > 0;
  const lost = api.list("ipaddresspools").length === 0;
  return [
    ...(wants ? [] : [`${spec.address} leaks: ${JSON.stringify(spec.holders)} is gone`]),
    ...(homeless === announced && !lost ? [`${spec.address} is in bundle ${spec.bundle}`] : []),
  ];
}

function wrongStatus(api: SimulatedApi, service: ApiObject): readonly string[] {
  const held = heldBy(api, service);
  const shown = ingressOf(service);
  return [...held].sort().join() === [...shown].sort().join()
    ? []
    : [`${keyOf(service)} holds ${held} and shows ${shown}`];
}

/** Nobody in this simulation ever asked for two addresses of one family. */
function wrongAmount(api: SimulatedApi, service: ApiObject): readonly string[] {
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
          (poolsFor(api, service, [address]).length > 0 && isFree(api, service, address)),
      ) &&
      addresses.every((address) => service.families.includes(familyOf(address))) &&
      (service.families.length === 1 || service.familyPolicy === "PreferDualStack");
    const has = addresses.every((address) => held.includes(address));
    return obtainable && !has ? [`${service.key} could have ${addresses} and has ${held}`] : [];
  }
  const missing = service.families.filter((family) => !held.map(familyOf).includes(family));
  const all = service.familyPolicy !== "PreferDualStack";
  const sources = poolsFor(api, service, held).filter((pool) => {
    const free = addressesOf(pool).filter((address) => isFree(api, undefined, address));
    const offered = missing.filter((family) => free.some((one) => familyOf(one) === family));
    return offered.length > 0 && (!all || offered.length === missing.length);
  });
  return sources.map(({ name }) => `${service.key} has ${held}, and could have of ${name}`);
}

/** Whether nobody has it, or uses it in `spec.externalIPs`, which a Service's own do not count for. */
function isFree(api: SimulatedApi, asking: Service | undefined, address: IpAddress): boolean {
  const taken = api.list("ipallocations").some(({ spec }) => spec.address === address);
  const claimed = api
    .list("services")
    .some(
      (other) => keyOf(other) !== asking?.key && (other.spec.externalIPs ?? []).includes(address),
    );
  return !taken && !claimed;
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
