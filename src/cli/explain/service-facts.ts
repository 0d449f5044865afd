import { allocationName } from "../../core/model/ip-allocation.ts";
import type { Service } from "../../core/model/service.ts";
import { serviceKey } from "../../core/model/service.ts";
import type { EndpointNodes } from "../../core/placement/hosts.ts";
import { type AddressPolicyObject, decodeAddressPolicy } from "../../kube/decode/address-policy.ts";
import { decodeEndpointNodes, type EndpointNodesObject } from "../../kube/decode/endpoint-nodes.ts";
import { numberField, textField } from "../../kube/decode/fields.ts";
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
import {
  decodeServiceL2Status,
  type ServiceL2StatusObject,
} from "../../kube/decode/service-l2-status.ts";
import type { Resource } from "../../kube/resource.ts";
import * as resources from "../../kube/resources.ts";
import { type ClusterReading, createdAt } from "../inspect/cluster-reading.ts";
import { type InspectSettings, type NodeView, readNodes } from "../inspect/cluster-view.ts";
import type { ExplainedChange, ExplainedService } from "./service-explanation.ts";

/** What of the cluster explains one Service. What may not be read is empty, where it does not say so. */
export interface ServiceFacts {
  readonly about: ExplainedService;
  readonly object: ServiceObject;
  /** Those of its addresses that Steelyard knows, in the order of its status. */
  readonly allocations: readonly Dated<IpAllocationObject>[];
  readonly bundles: readonly Dated<L2BundleObject>[];
  /** Other Services that share an address with it. */
  readonly sharers: readonly Service[];
  /** Undefined: they, or their speakers' reports, may not be read. */
  readonly nodes: readonly NodeView[] | undefined;
  /** Undefined: they may not be read. */
  readonly pools: readonly IpAddressPoolObject[] | undefined;
  readonly advertisements: readonly L2AdvertisementObject[];
  readonly policies: readonly AddressPolicyObject[];
  readonly l2Statuses: readonly Dated<ServiceL2StatusObject>[];
  readonly events: readonly ExplainedChange[];
  /** Of those Services among it and its sharers whose traffic is local: on which nodes their Pods are. */
  readonly endpoints: ReadonlyMap<string, EndpointNodes>;
}

/** An object, and when it was made. */
export interface Dated<T> {
  readonly object: T;
  /** RFC 3339; empty if it does not say. */
  readonly createdAt: string;
}

const events: Resource = {
  group: "",
  version: "v1",
  plural: "events",
  kind: "Event",
  namespaced: true,
};

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
  const [endpoints, view, pools, advertisements, policies, l2Statuses, told] = await Promise.all([
    readEndpoints(reading, [object.service, ...held.sharers]),
    readNodes(reading, settings, serverTime),
    reading.list(resources.ipAddressPools, decodeIpAddressPool, { namespace }),
    reading.list(resources.l2Advertisements, decodeL2Advertisement, { namespace }),
    reading.list(resources.addressPolicies, decodeAddressPolicy),
    reading.list(resources.serviceL2Statuses, dated(decodeServiceL2Status), {
      namespace,
      query: {
        labelSelector: `metallb.io/service-namespace=${target.namespace},metallb.io/service-name=${target.name}`,
      },
    }),
    readEvents(reading, object),
  ]);
  return {
    ...{ about, object, ...held, endpoints, events: told },
    ...{ nodes: view.nodes, pools },
    advertisements: advertisements ?? [],
    policies: policies ?? [],
    l2Statuses: (l2Statuses ?? []).filter((one) => one.object.service === object.key),
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
  const allocations = await read(
    resources.ipAllocations,
    decodeIpAllocation,
    statusAddresses.map(allocationName),
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
  return { allocations, bundles, sharers: sharers.flatMap((one) => one?.object.service ?? []) };
}

async function readEndpoints(
  reading: ClusterReading,
  services: readonly Service[],
): Promise<ReadonlyMap<string, EndpointNodes>> {
  const local = services.filter(({ localTraffic }) => localTraffic === true);
  const found = await Promise.all(
    local.map(async ({ namespace, name, key }) => {
      const query = { labelSelector: `kubernetes.io/service-name=${name}` };
      const slices = await reading.list(resources.endpointSlices, decodeEndpointNodes, {
        ...{ namespace, query },
      });
      const own = slices?.filter((slice) => slice?.service === key);
      return own === undefined ? [] : [[key, nodesOf(own)] as const];
    }),
  );
  return new Map(found.flat());
}

function nodesOf(slices: readonly (EndpointNodesObject | undefined)[]): EndpointNodes {
  const names = (of: (slice: EndpointNodesObject) => string): ReadonlySet<string> =>
    new Set(
      slices
        .flatMap((slice) => (slice === undefined ? [] : of(slice).split(",")))
        .filter((name) => name !== ""),
    );
  return { ready: names(({ ready }) => ready), serving: names(({ serving }) => serving) };
}

async function readEvents(
  reading: ClusterReading,
  { service }: ServiceObject,
): Promise<readonly ExplainedChange[]> {
  const { namespace, name, uid } = service;
  const query = { fieldSelector: `involvedObject.kind=Service,involvedObject.name=${name}` };
  const found = await reading.list(events, (raw) => raw, { namespace, query });
  return (found ?? [])
    .filter(
      (raw) =>
        textField(raw, "involvedObject", "uid") === uid &&
        (textField(raw, "source", "component") ?? "").startsWith("steelyard"),
    )
    .map(readEvent);
}

function readEvent(raw: unknown): ExplainedChange {
  return {
    at: textField(raw, "lastTimestamp") ?? textField(raw, "eventTime") ?? createdAt(raw),
    type: textField(raw, "type") ?? "Normal",
    reason: textField(raw, "reason") ?? "",
    message: textField(raw, "message") ?? "",
    count: numberField(raw, "count") ?? numberField(raw, "series", "count") ?? 1,
  };
}

function dated<T>(decode: (raw: unknown) => T): (raw: unknown) => Dated<T> {
  return (raw) => ({ object: decode(raw), createdAt: createdAt(raw) });
}
