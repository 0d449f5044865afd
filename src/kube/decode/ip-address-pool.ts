import type { IpAddressPool, ServiceAllocation } from "../../core/model/ip-address-pool.ts";
import { type IpRange, parseIpRange } from "../../core/net/ip-range.ts";
import type { Stored } from "../store.ts";
import {
  booleanField,
  field,
  listField,
  numberField,
  textListField,
  textMapField,
} from "./fields.ts";
import { decodeLabelSelectors } from "./label-selector.ts";
import { decodeMetadata } from "./metadata.ts";

/** An IPAddressPool, or what is wrong with it. A wrong one is left out; the others go on. */
export interface IpAddressPoolObject extends Stored {
  readonly name: string;
  readonly pool: IpAddressPool | undefined;
  readonly errors: readonly string[];
  /** What was tolerated, as MetalLB does. */
  readonly warnings: readonly string[];
}

/** Reads an IPAddressPool. */
export function decodeIpAddressPool(raw: unknown): IpAddressPoolObject {
  const { name, key, uid, resourceVersion } = decodeMetadata(raw);
  const errors: string[] = [];
  const warnings: string[] = [];
  const ranges: IpRange[] = [];
  for (const text of textListField(raw, "spec", "addresses")) {
    const parsed = parseIpRange(text);
    if (parsed.ok) {
      ranges.push(parsed.range);
      warnings.push(...(parsed.warning === undefined ? [] : [parsed.warning]));
    } else {
      errors.push(`spec.addresses: ${parsed.error}`);
    }
  }
  if (ranges.length === 0 && errors.length === 0) {
    errors.push("spec.addresses: at least one prefix or range is needed");
  }
  const serviceAllocation = decodeServiceAllocation(raw, errors);
  const pool: IpAddressPool = {
    name,
    labels: textMapField(raw, "metadata", "labels"),
    ranges,
    autoAssign: booleanField(raw, "spec", "autoAssign") ?? true,
    avoidBuggyIPs: booleanField(raw, "spec", "avoidBuggyIPs") ?? false,
    serviceAllocation,
  };
  const usable = errors.length === 0 ? pool : undefined;
  return { key, uid, resourceVersion, name, pool: usable, errors, warnings };
}

function decodeServiceAllocation(raw: unknown, errors: string[]): ServiceAllocation | undefined {
  const allocation = field(raw, "spec", "serviceAllocation");
  if (allocation === undefined) {
    return undefined;
  }
  const selectors = (name: string): ServiceAllocation["serviceSelectors"] => {
    const decoded = decodeLabelSelectors(
      listField(allocation, name),
      `spec.serviceAllocation.${name}`,
    );
    if (!decoded.ok) {
      errors.push(decoded.error);
    }
    return decoded.ok ? decoded.selectors : [];
  };
  return {
    priority: numberField(allocation, "priority") ?? 0,
    namespaces: textListField(allocation, "namespaces"),
    namespaceSelectors: selectors("namespaceSelectors"),
    serviceSelectors: selectors("serviceSelectors"),
  };
}
