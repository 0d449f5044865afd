import {
  type AddressPolicy,
  type AddressPolicyProfile,
  type AdmissionMatter,
  admissionMatters,
  type SharingScope,
  sharingScopes,
} from "../../core/model/address-policy.ts";
import { parseIpAddress } from "../../core/net/ip-address.ts";
import { type IpRange, parseIpRange } from "../../core/net/ip-range.ts";
import type { Condition } from "../condition.ts";
import type { Stored } from "../store.ts";
import { decodeConditions } from "./conditions.ts";
import { field, listField, numberField, textField, textListField } from "./fields.ts";
import { decodeLabelSelectors } from "./label-selector.ts";
import { decodeMetadata } from "./metadata.ts";

/** An AddressPolicy, what is wrong with it, and what was written to its status before. */
export interface AddressPolicyObject extends Stored {
  readonly name: string;
  readonly generation: number;
  /**
   * What of it can be read; undefined if not even for which pools it is. With `errors` it counts
   * only where no better version is known: to forget all of a policy would open what it closes.
   */
  readonly policy: AddressPolicy | undefined;
  readonly errors: readonly string[];
  readonly written: {
    readonly conditions: readonly Condition[];
    readonly pools: number | undefined;
    readonly observedGeneration: number | undefined;
  };
}

/** All that this version knows; a field besides would promise what nobody keeps. */
const knownFields = [
  ...["ipAddressPools", "ipAddressPoolSelectors", "profile"],
  ...["excludedAddresses", "reuseDelaySeconds", "sharingScope", "refusedAtAdmission"],
];

const longestReuseDelaySeconds = 604_800;

/** Reads an AddressPolicy. */
export function decodeAddressPolicy(raw: unknown): AddressPolicyObject {
  const { name, key, uid, resourceVersion } = decodeMetadata(raw);
  const errors = Object.keys(field(raw, "spec") ?? {})
    .filter((known) => !knownFields.includes(known))
    .map((unknown) => `spec.${unknown}: this version of Steelyard does not know it`);
  const pools = textListField(raw, "spec", "ipAddressPools");
  const selectors = decodeLabelSelectors(
    listField(raw, "spec", "ipAddressPoolSelectors"),
    "spec.ipAddressPoolSelectors",
  );
  if (!selectors.ok) {
    errors.push(selectors.error);
  }
  const policy: AddressPolicy = {
    name,
    pools,
    poolSelectors: selectors.ok ? selectors.selectors : [],
    profile: decodeProfile(textField(raw, "spec", "profile"), errors),
    excluded: decodeExcluded(textListField(raw, "spec", "excludedAddresses"), errors),
    reuseDelayMs: decodeReuseDelay(numberField(raw, "spec", "reuseDelaySeconds"), errors),
    sharingScope: decodeSharingScope(textField(raw, "spec", "sharingScope"), errors),
    refusedAtAdmission: decodeMatters(raw, errors),
  };
  return {
    key,
    uid,
    resourceVersion,
    name,
    generation: numberField(raw, "metadata", "generation") ?? 0,
    policy: selectors.ok || pools.length > 0 ? policy : undefined,
    errors,
    written: {
      conditions: decodeConditions(raw),
      pools: numberField(raw, "status", "pools"),
      observedGeneration: numberField(raw, "status", "observedGeneration"),
    },
  };
}

/** A profile that only a newer version knows was surely not chosen for its openness. */
function decodeProfile(text: string | undefined, errors: string[]): AddressPolicyProfile {
  if (text === undefined || text === "Compatible" || text === "Strict") {
    return text ?? "Compatible";
  }
  errors.push(`spec.profile: "${text}" is neither Compatible nor Strict`);
  return "Strict";
}

function decodeExcluded(texts: readonly string[], errors: string[]): readonly IpRange[] {
  return texts.flatMap((text) => {
    const single = parseIpAddress(text);
    const length = single?.includes(":") === true ? 128 : 32;
    const parsed = parseIpRange(single === undefined ? text : `${single}/${length}`);
    if (!parsed.ok) {
      errors.push(`spec.excludedAddresses: ${parsed.error}`);
      return [];
    }
    if (parsed.warning !== undefined) {
      errors.push(`spec.excludedAddresses: ${parsed.warning}`);
    }
    return [parsed.range];
  });
}

function decodeReuseDelay(seconds: number | undefined, errors: string[]): number | undefined {
  if (seconds === undefined || (seconds >= 0 && seconds <= longestReuseDelaySeconds)) {
    return seconds === undefined ? undefined : seconds * 1_000;
  }
  errors.push(
    `spec.reuseDelaySeconds: ${seconds} is not between 0 and ${longestReuseDelaySeconds}`,
  );
  return seconds < 0 ? undefined : longestReuseDelaySeconds * 1_000;
}

function decodeSharingScope(text: string | undefined, errors: string[]): SharingScope | undefined {
  const known = sharingScopes.find((scope) => scope === text);
  if (text !== undefined && known === undefined) {
    errors.push(`spec.sharingScope: "${text}" is none of ${sharingScopes.join(", ")}`);
  }
  return known;
}

/** Absent is not the same as an empty list, which takes what the profile would add. */
function decodeMatters(raw: unknown, errors: string[]): readonly AdmissionMatter[] | undefined {
  if (field(raw, "spec", "refusedAtAdmission") === undefined) {
    return undefined;
  }
  return textListField(raw, "spec", "refusedAtAdmission").flatMap((text) => {
    const known = admissionMatters.find((matter) => matter === text);
    if (known === undefined) {
      const field = "spec.refusedAtAdmission";
      errors.push(`${field}: "${text}" is none of ${admissionMatters.join(", ")}`);
    }
    return known ?? [];
  });
}
