import { type IpAddress, parseIpAddress } from "../../core/net/ip-address.ts";
import { type IpPrefix, parseIpPrefix } from "../../core/net/ip-prefix.ts";
import type { Stored } from "../store.ts";
import { listField, textListField } from "./fields.ts";
import { decodeMetadata } from "./metadata.ts";

/** The prefixes of a ServiceCIDR object (networking.k8s.io/v1). */
export interface ServiceCidrObject extends Stored {
  readonly prefixes: readonly IpPrefix[];
}

/** Reads a ServiceCIDR. */
export function decodeServiceCidr(raw: unknown): ServiceCidrObject {
  const { key, uid, resourceVersion } = decodeMetadata(raw);
  const prefixes = textListField(raw, "spec", "cidrs").flatMap((text) => parseIpPrefix(text) ?? []);
  return { key, uid, resourceVersion, prefixes };
}

/** The addresses of an EndpointSlice: those of Service default/kubernetes are the API servers. */
export interface EndpointAddressesObject extends Stored {
  readonly addresses: readonly IpAddress[];
}

/** Reads the addresses of an EndpointSlice. */
export function decodeEndpointAddresses(raw: unknown): EndpointAddressesObject {
  const { key, uid, resourceVersion } = decodeMetadata(raw);
  const addresses = listField(raw, "endpoints")
    .flatMap((endpoint) => textListField(endpoint, "addresses"))
    .flatMap((text) => parseIpAddress(text) ?? []);
  return { key, uid, resourceVersion, addresses };
}
