import { allocationName, currentHolders } from "../../core/model/ip-allocation.ts";
import type { Service } from "../../core/model/service.ts";
import { serviceKey } from "../../core/model/service.ts";
import { type AddressPolicyObject, decodeAddressPolicy } from "../../kube/decode/address-policy.ts";
import { textField } from "../../kube/decode/fields.ts";
import {
  decodeIpAddressPool,
  type IpAddressPoolObject,
} from "../../kube/decode/ip-address-pool.ts";
import { decodeIpAllocation, type IpAllocationObject } from "../../kube/decode/ip-allocation.ts";
import {
  decodeL2Advertisement,
  type L2AdvertisementObject,
} from "../../kube/decode/l2-advertisement.ts";
import { decodeL2Bundle, type L2BundleObject } from "../../kube/decode/l2-bundle.ts";
import { decodeService, type ServiceObject } from "../../kube/decode/service.ts";
import type { Resource } from "../../kube/resource.ts";
import * as resources from "../../kube/resources.ts";
import { type ClusterReading, createdAt } from "../inspect/cluster-reading.ts";
import { type InspectSettings, type NodeView, readNodes } from "../inspect/cluster-view.ts";
import type { LeaderSign } from "../inspect/lease-signs.ts";
import { readEndpoints, type ServiceEndpoints } from "./service-endpoints.ts";
import { readEvents } from "./service-events.ts";
import type { ExplainedChange, ExplainedService } from "./service-explanation.ts";

/** What of the cluster explains one Service. What may not be read is empty, where it does not say so. */
export interface ServiceFacts {
  readonly about: ExplainedService;
  readonly object: ServiceObject;
  /** Undefined: Leases may not be read. */
  readonly controller: LeaderSign | undefined;
  /** Those of the addresses in its status that it holds, in that order. Undefined: they may not be read. */
  readonly allocations: readonly Dated<IpAllocationObject>[] | undefined;
  readonly bundles: readonly Dated<L2BundleObject>[];
  /** Other Services that share an address with it. */
  readonly sharers: readonly Service[];
  /** Undefined: they, or their speakers' reports, may not be read. */
  readonly nodes: readonly NodeView[] | undefined;
  /** Undefined: they may not be read. */
  readonly pools: readonly IpAddressPoolObject[] | undefined;
  readonly advertisements: readonly L2AdvertisementObject[];
  /** False: something may not be read on which it hangs whether an address is announced. */
  readonly knowsPlacement: boolean;
  /** Undefined: they may not be read. */
  readonly policies: readonly AddressPolicyObject[] | undefined;
  readonly events: readonly ExplainedChange[];
  /** Of the Service, and of its sharers whose traffic is local. */
  readonly endpoints: ReadonlyMap<string, ServiceEndpoints>;
}

/** An object, and when it was made. */
export interface Dated<T> {
  readonly object: T;
  /** RFC 3339; empty if it does not say. */
  readonly createdAt: string;
}

/** Reads what explains the Service; undefined: there is none, or it may not be read. */
export async function readServiceFacts(
  reading: ClusterReading,
  settings: InspectSettings,
  target: { readonly namespace: string; readonly name: string },
  serverTime: () => Date,
): Promise<ServiceFacts | undefined> {
  const found = await reading.get(resources.services, readService, target);
  if (found === undefined) {
    return undefined;
  }
  const { object, about } = found;
  const namespace = settings.configNamespace;
  const held = await readHeld(reading, object.service);
  const localSharers = held.sharers.filter(({ localTraffic }) => localTraffic === true);
  const [endpoints, { nodes, controller }, pools, advertisements, policies, events] =
    await Promise.all([
      readEndpoints(reading, [object.service, ...localSharers]),
      readNodes(reading, settings, serverTime),
      reading.list(resources.ipAddressPools, decodeIpAddressPool, { namespace }),
      reading.list(resources.l2Advertisements, decodeL2Advertisement, { namespace }),
      reading.list(resources.addressPolicies, decodeAddressPolicy),
      readEvents(reading, object),
    ]);
  const decisive = [resources.l2Bundles, resources.l2Advertisements, resources.ipAddressPools];
  return {
    ...{ about, object, controller, ...held, nodes, pools, policies, endpoints, events },
    advertisements: advertisements ?? [],
    knowsPlacement: nodes !== undefined && !decisive.some((kind) => reading.isUnread(kind)),
  };
}

function readService(raw: unknown): {
  readonly object: ServiceObject;
  readonly about: ExplainedService;
} {
  const loadBalancerClass = textField(raw, "spec", "loadBalancerClass");
  const externalTrafficPolicy = textField(raw, "spec", "externalTrafficPolicy");
  const object = decodeService(raw, loadBalancerClass ?? "");
  const { namespace, name } = object.service;
  return {
    object,
    about: {
      ...{ namespace, name, type: textField(raw, "spec", "type") ?? "ClusterIP" },
      ...(externalTrafficPolicy === undefined ? {} : { externalTrafficPolicy }),
      ...(loadBalancerClass === undefined ? {} : { loadBalancerClass }),
    },
  };
}

async function readHeld(
  reading: ClusterReading,
  { key, statusAddresses }: Service,
): Promise<Pick<ServiceFacts, "allocations" | "bundles" | "sharers">> {
  const read = async <T>(
    resource: Resource,
    decode: (raw: unknown) => T | undefined,
    names: readonly string[],
  ): Promise<readonly Dated<T>[]> => {
    const found = await Promise.all(
      [...new Set(names)].map((name) => reading.get(resource, dated(decode), { name })),
    );
    return found.flatMap((one) =>
      one?.object === undefined ? [] : { object: one.object, createdAt: one.createdAt },
    );
  };
  const there = await read(
    resources.ipAllocations,
    decodeIpAllocation,
    statusAddresses.map(allocationName),
  );
  const allocations = there.filter(({ object }) =>
    currentHolders(object.allocation).some((holder) => serviceKey(holder) === key),
  );
  const known = allocations.map(({ object }) => object.allocation);
  const names = known.flatMap(({ bundle }) => bundle ?? []);
  const others = new Map(
    known.flatMap(({ holders }) => holders).map((holder) => [serviceKey(holder), holder]),
  );
  others.delete(key);
  const [bundles, sharers] = await Promise.all([
    read(resources.l2Bundles, decodeL2Bundle, names),
    Promise.all(
      [...others.values()].map(({ namespace, name }) =>
        reading.get(resources.services, readService, { namespace, name }),
      ),
    ),
  ]);
  return {
    allocations: reading.isUnread(resources.ipAllocations) ? undefined : allocations,
    bundles,
    sharers: sharers.flatMap((one) => one?.object.service ?? []),
  };
}

function dated<T>(decode: (raw: unknown) => T): (raw: unknown) => Dated<T> {
  return (raw) => ({ object: decode(raw), createdAt: createdAt(raw) });
}
