import type { IpAddressPool, ServiceAllocation } from "../../core/model/ip-address-pool.ts";
import { type IpRange, parseIpRange } from "../../core/net/ip-range.ts";
import type { Condition } from "../condition.ts";
import type { Stored } from "../store.ts";
import { decodeConditions } from "./conditions.ts";
import {
  booleanField,
  field,
  listField,
  numberField,
  textField,
  textListField,
  textMapField,
} from "./fields.ts";
import { decodeLabelSelectors } from "./label-selector.ts";
import { decodeMetadata } from "./metadata.ts";

/**
 * An IPAddressPool, or what is wrong with it. A wrong one is left out; the others go on.
 * Errors and warnings begin with the field that they are about, and a colon.
 */
export interface IpAddressPoolObject extends Stored {
  readonly name: string;
  /** RFC 3339; empty if it is not told. */
  readonly createdAt: string;
  readonly pool: IpAddressPool | undefined;
  readonly errors: readonly string[];
  /** What was tolerated, as MetalLB does. */
  readonly warnings: readonly string[];
  /** Its status as it stands. */
  readonly written: WrittenPoolStatus;
}

/** What stands in the status of an IPAddressPool. */
export interface WrittenPoolStatus {
  /** Undefined where the number is missing. */
  readonly counts: Readonly<Record<PoolCountField, number | undefined>>;
  readonly conditions: readonly Condition[];
}

/** The numbers in the status of an IPAddressPool, under their names in the API. */
export type PoolCountField = "assignedIPv4" | "assignedIPv6" | "availableIPv4" | "availableIPv6";

/** Beyond this, `spec.addresses` is somebody's mistake: prefixes and ranges say it in fewer. */
const entriesMax = 1_024;

/** Reads an IPAddressPool. */
export function decodeIpAddressPool(raw: unknown): IpAddressPoolObject {
  const { name, key, uid, resourceVersion } = decodeMetadata(raw);
  const errors: string[] = [];
  const warnings: string[] = [];
  const ranges = decodeAddresses(listField(raw, "spec", "addresses"), errors, warnings);
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
  const createdAt = textField(raw, "metadata", "creationTimestamp") ?? "";
  const written = { counts: decodeCounts(raw), conditions: decodeConditions(raw) };
  return { key, uid, resourceVersion, name, createdAt, pool: usable, errors, warnings, written };
}

function decodeCounts(raw: unknown): WrittenPoolStatus["counts"] {
  const count = (name: PoolCountField): number | undefined => numberField(raw, "status", name);
  return {
    assignedIPv4: count("assignedIPv4"),
    assignedIPv6: count("assignedIPv6"),
    availableIPv4: count("availableIPv4"),
    availableIPv6: count("availableIPv6"),
  };
}

function decodeAddresses(
  entries: readonly unknown[],
  errors: string[],
  warnings: string[],
): readonly IpRange[] {
  if (entries.length === 0) {
    errors.push("spec.addresses: at least one prefix or range is needed");
  }
  if (entries.length > entriesMax) {
    errors.push(
      // Without their number: of two that are too many the smaller is no new fault.
      `spec.addresses: more than ${entriesMax} entries are too many: ` +
        "write neighbours as one prefix or range, or make several pools",
    );
    return [];
  }
  const ranges: IpRange[] = [];
  for (const [index, entry] of entries.entries()) {
    const parsed = parseIpRange(typeof entry === "string" ? entry : JSON.stringify(entry));
    const field = `spec.addresses[${index}]`;
    if (parsed.ok) {
      ranges.push(parsed.range);
      warnings.push(...(parsed.warning === undefined ? [] : [`${field}: ${parsed.warning}`]));
    } else {
      errors.push(`${field}: ${parsed.error}`);
    }
  }
  return ranges;
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
