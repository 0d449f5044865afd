import type { L2Advertisement } from "../../core/model/l2-advertisement.ts";
import type { LabelSelector } from "../../core/model/label-selector.ts";
import type { Condition } from "../condition.ts";
import type { Stored } from "../store.ts";
import { decodeConditions } from "./conditions.ts";
import { listField, textListField } from "./fields.ts";
import { decodeLabelSelectors } from "./label-selector.ts";
import { decodeMetadata } from "./metadata.ts";

/** An L2Advertisement, or what is wrong with it. A wrong one is left out; the others go on. */
export interface L2AdvertisementObject extends Stored {
  readonly name: string;
  readonly advertisement: L2Advertisement | undefined;
  readonly errors: readonly string[];
  /** `status.conditions` as they stand; with MetalLB's own CRD there are never any. */
  readonly conditions: readonly Condition[];
}

/** IFNAMSIZ of linux/if.h less the final zero. */
const interfaceNameMax = 15;

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
  for (const name of textListField(raw, "spec", "interfaces")) {
    if (Buffer.byteLength(name) > interfaceNameMax || !/^[^/\s]+$/.test(name)) {
      errors.push(`spec.interfaces: "${name}" is no name of an interface`);
    }
  }
  const advertisement: L2Advertisement = {
    name,
    pools: textListField(raw, "spec", "ipAddressPools"),
    poolSelectors: selectors("ipAddressPoolSelectors"),
    nodeSelectors: selectors("nodeSelectors"),
    interfaces: textListField(raw, "spec", "interfaces"),
    serviceSelectors: selectors("serviceSelectors"),
  };
  const usable = errors.length === 0 ? advertisement : undefined;
  const conditions = decodeConditions(raw);
  return { key, uid, resourceVersion, name, advertisement: usable, errors, conditions };
}
