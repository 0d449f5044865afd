import type { L2Advertisement, NodePreference } from "../../core/model/l2-advertisement.ts";
import type { LabelSelector } from "../../core/model/label-selector.ts";
import type { Condition } from "../condition.ts";
import type { Stored } from "../store.ts";
import { decodeConditions } from "./conditions.ts";
import { field, listField, numberField, textListField } from "./fields.ts";
import { decodeLabelSelectors } from "./label-selector.ts";
import { decodeMetadata } from "./metadata.ts";

/** An L2Advertisement, or what is wrong with it. A wrong one is left out; the others go on. */
export interface L2AdvertisementObject extends Stored {
  readonly name: string;
  readonly advertisement: L2Advertisement | undefined;
  readonly errors: readonly string[];
  /** What was left out of it. */
  readonly warnings: readonly string[];
  /** `status.conditions` as they stand; with MetalLB's own CRD there are never any. */
  readonly conditions: readonly Condition[];
}

/** IFNAMSIZ of linux/if.h less the final zero. */
const interfaceNameMax = 15;

/** The greatest weight of a preference. */
const weightMax = 100;

/** Reads an L2Advertisement. */
export function decodeL2Advertisement(raw: unknown): L2AdvertisementObject {
  const { name, key, uid, resourceVersion } = decodeMetadata(raw);
  const errors: string[] = [];
  const selectors = (field: string): readonly LabelSelector[] => {
    const decoded = decodeLabelSelectors(listField(raw, "spec", field), `spec.${field}`);
    if (!decoded.ok) {
      errors.push(decoded.error);
    }
    return decoded.ok ? decoded.selectors : [];
  };
  const interfaces = textListField(raw, "spec", "interfaces");
  const usableInterfaces = interfaces.filter(isInterfaceName);
  const warnings = interfaces.flatMap((one, index) =>
    isInterfaceName(one) ? [] : [`spec.interfaces[${index}]: "${one}" is no name of an interface`],
  );
  if (interfaces.length > 0 && usableInterfaces.length === 0) {
    // Without any it would be for all interfaces.
    errors.push(...warnings.splice(0));
  }
  const advertisement: L2Advertisement = {
    name,
    pools: textListField(raw, "spec", "ipAddressPools"),
    poolSelectors: selectors("ipAddressPoolSelectors"),
    nodeSelectors: selectors("nodeSelectors"),
    interfaces: usableInterfaces,
    serviceSelectors: selectors("serviceSelectors"),
    preferredNodes: decodePreferences(raw, errors),
  };
  const usable = errors.length === 0 ? advertisement : undefined;
  const conditions = decodeConditions(raw);
  return { key, uid, resourceVersion, name, advertisement: usable, errors, warnings, conditions };
}

/** The API server checks weights already. */
function decodePreferences(raw: unknown, errors: string[]): readonly NodePreference[] {
  const path = "spec.preferredNodeSelectors";
  return listField(raw, "spec", "preferredNodeSelectors").flatMap((item, index) => {
    const weight = numberField(item, "weight") ?? 0;
    if (!Number.isInteger(weight) || weight < 1 || weight > weightMax) {
      errors.push(`${path}[${index}].weight: ${weight} is not between 1 and ${weightMax}`);
      return [];
    }
    const decoded = decodeLabelSelectors([field(item, "preference") ?? {}], `${path}[${index}]`);
    if (!decoded.ok) {
      errors.push(decoded.error);
    }
    return decoded.ok ? decoded.selectors.map((selector) => ({ weight, selector })) : [];
  });
}

function isInterfaceName(name: string): boolean {
  return Buffer.byteLength(name) <= interfaceNameMax && /^[^/\s]+$/.test(name);
}
