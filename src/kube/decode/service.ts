import type { AddressWish, Service, Sharing } from "../../core/model/service.ts";
import { familyOf, type IpAddress, parseIpAddress } from "../../core/net/ip-address.ts";
import {
  addressPoolAnnotation,
  allocatedFromPoolAnnotation,
  allowSharedIpAnnotation,
  loadBalancerIPsAnnotation,
  userAnnotation,
} from "../annotations.ts";
import type { Condition } from "../condition.ts";
import { shortText } from "../short-text.ts";
import type { Stored } from "../store.ts";
import { decodeConditions } from "./conditions.ts";
import {
  dateField,
  listField,
  numberField,
  textField,
  textListField,
  textMapField,
} from "./fields.ts";
import { decodeMetadata } from "./metadata.ts";
import { decodeServedBy } from "./served-by.ts";

/** A Service as we keep it: the part that decisions look at, and what was written to it before. */
export interface ServiceObject extends Stored {
  readonly service: Service;
  /** In ms since 1970; 0: not known. */
  readonly createdAt: number;
  readonly written: {
    /** `status.loadBalancer.ingress` as it stands: the address of each entry, or the host name of one without. */
    readonly ingress: readonly string[];
    readonly conditions: readonly Condition[];
    readonly poolAnnotation: string | undefined;
  };
}

/**
 * Reads a Service. `loadBalancerClass` is the class of this controller: empty,
 * it serves Services without a class; else only those with exactly that class.
 */
export function decodeService(raw: unknown, loadBalancerClass: string): ServiceObject {
  const { namespace = "", name, key, uid, resourceVersion } = decodeMetadata(raw);
  const annotations = textMapField(raw, "metadata", "annotations");
  const ingress = listField(raw, "status", "loadBalancer", "ingress").flatMap(
    (item) => textField(item, "ip") ?? textField(item, "hostname") ?? [],
  );
  const servedBy = decodeServedBy(raw);
  const ofOurClass = (textField(raw, "spec", "loadBalancerClass") ?? "") === loadBalancerClass;
  return {
    key,
    uid,
    resourceVersion,
    createdAt: dateField(raw, "metadata", "creationTimestamp"),
    service: {
      key,
      uid,
      namespace,
      name,
      labels: textMapField(raw, "metadata", "labels"),
      wantsAddress: textField(raw, "spec", "type") === "LoadBalancer" && ofOurClass,
      families: [...new Set(addresses(clusterIPs(raw)).map(familyOf))],
      familyPolicy: familyPolicy(textField(raw, "spec", "ipFamilyPolicy")),
      ports: listField(raw, "spec", "ports").map((port) => ({
        protocol: textField(port, "protocol") ?? "TCP",
        port: numberField(port, "port") ?? 0,
      })),
      wish: decodeWish(annotations, textField(raw, "spec", "loadBalancerIP") ?? ""),
      sharing: decodeSharing(raw, annotations),
      externalIPs: addresses(textListField(raw, "spec", "externalIPs")),
      statusAddresses: addresses(ingress),
      ...(isLocal(raw) ? { localTraffic: true } : {}),
      ...(servedBy === undefined ? {} : { servedBy }),
    },
    written: {
      ingress,
      conditions: decodeConditions(raw),
      poolAnnotation: annotations[allocatedFromPoolAnnotation],
    },
  };
}

/** Most Services leave it to us. */
const noWish: AddressWish = { addresses: [], source: "", pool: undefined, error: undefined };

function decodeWish(
  annotations: Readonly<Record<string, string>>,
  loadBalancerIP: string,
): AddressWish {
  const requested = userAnnotation(annotations, loadBalancerIPsAnnotation);
  const pool = userAnnotation(annotations, addressPoolAnnotation)?.value;
  const wish = (addresses: readonly IpAddress[], source: string, error?: string): AddressWish => ({
    addresses,
    source,
    pool,
    error,
  });
  if (requested !== undefined && loadBalancerIP !== "") {
    return wish([], "", `service can not have both ${requested.name} and spec.loadBalancerIP`);
  }
  if (requested === undefined && loadBalancerIP === "") {
    return pool === undefined ? noWish : wish([], "");
  }
  const source = requested?.name ?? "spec.loadBalancerIP";
  const text = requested?.value ?? loadBalancerIP;
  const parsed = text.split(",").map((item) => parseIpAddress(item.trim()));
  const good = parsed.filter((address) => address !== undefined);
  if (good.length < parsed.length || (requested === undefined && parsed.length > 1)) {
    return wish([], source, `invalid ${source}: "${text}" is not an IP address or a list of them`);
  }
  return new Set(good).size < good.length
    ? wish([], source, `invalid ${source}: "${text}" names an address twice`)
    : wish(good, source);
}

function decodeSharing(
  raw: unknown,
  annotations: Readonly<Record<string, string>>,
): Sharing | undefined {
  const key = userAnnotation(annotations, allowSharedIpAnnotation)?.value;
  if (key === undefined) {
    return undefined;
  }
  return { key: shortText(key), backend: isLocal(raw) ? decodeSelector(raw) : "" };
}

function isLocal(raw: unknown): boolean {
  return textField(raw, "spec", "externalTrafficPolicy") === "Local";
}

/** The selector as one text: neither "=" nor "," can stand in a label. */
function decodeSelector(raw: unknown): string {
  const labels = Object.entries(textMapField(raw, "spec", "selector"));
  return shortText(
    labels
      .map(([name, value]) => `${name}=${value}`)
      .sort()
      .join(","),
  );
}

function clusterIPs(raw: unknown): readonly string[] {
  const list = textListField(raw, "spec", "clusterIPs");
  const single = textField(raw, "spec", "clusterIP");
  return list.length > 0 || single === undefined ? list : [single];
}

/** Those texts that are addresses; "None" of a headless Service, say, is not. */
function addresses(texts: readonly string[]): readonly IpAddress[] {
  return texts.flatMap((text) => parseIpAddress(text) ?? []);
}

function familyPolicy(text: string | undefined): Service["familyPolicy"] {
  return text === "PreferDualStack" || text === "RequireDualStack" ? text : "SingleStack";
}
