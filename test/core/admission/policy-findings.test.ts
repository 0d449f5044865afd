import { beforeEach, describe, expect, test } from "vitest";
import { policyFindings } from "../../../src/core/admission/policy-findings.ts";
import {
  type AddressPolicyObject,
  decodeAddressPolicy,
} from "../../../src/kube/decode/address-policy.ts";
import { AdmissionWorld } from "./admission-world.ts";

let world: AdmissionWorld;

beforeEach(() => {
  world = new AdmissionWorld();
  world.addPool("web", { addresses: ["192.0.2.0/28"] });
});

function written(spec: object): AddressPolicyObject {
  return decodeAddressPolicy({ metadata: { name: "lan" }, spec });
}

/** What is said of creating this policy, or of changing one to it. */
function said(spec: object | undefined, before?: object): readonly string[] {
  const change = {
    before: before === undefined ? undefined : written(before),
    after: spec === undefined ? undefined : written(spec),
  };
  return policyFindings(change, world).map(
    ({ severity, field, message }) => `${severity} ${field}: ${message}`,
  );
}

describe("a policy", () => {
  test("that is in order passes, and so does its deletion", () => {
    expect(said({})).toEqual([]);
    expect(said({ ipAddressPools: ["web"], excludedAddresses: ["192.0.2.3"] })).toEqual([]);
    expect(said(undefined, { excludedAddresses: ["nonsense"] })).toEqual([]);
  });

  test("that cannot be read is refused, also what the rules of the definition let pass", () => {
    expect(said({ excludedAddresses: ["192.0.2.9-192.0.2.1"] })).toEqual([
      'refuse spec.excludedAddresses: "192.0.2.9-192.0.2.1" ends before it starts',
    ]);
  });

  test("with a fault that was there before can be edited", () => {
    const fault = { excludedAddresses: ["192.0.2.9-192.0.2.1"] };
    expect(said({ ...fault, sharingScope: "None" }, fault)).toEqual([
      'warn spec.excludedAddresses: "192.0.2.9-192.0.2.1" ends before it starts',
    ]);
  });

  test("that names or selects pools that are not there is warned of", () => {
    const ipAddressPoolSelectors = [{ matchLabels: { tier: "public" } }];
    expect(said({ ipAddressPools: ["web", "gone"], ipAddressPoolSelectors })).toEqual([
      "warn spec.ipAddressPools[1]: there is no IPAddressPool gone (yet): create it, or correct the name",
      "warn spec.ipAddressPoolSelectors: no IPAddressPool has labels that these select: label one, or " +
        "correct the selectors",
    ]);
  });

  test("that excludes what no pool of its has is warned of", () => {
    expect(said({ excludedAddresses: ["192.0.2.1", "198.51.100.0/24"] })).toEqual([
      "warn spec.excludedAddresses[1]: 198.51.100.0-198.51.100.255 lies in no pool of this policy, so " +
        "nothing is excluded by it",
    ]);
  });

  test("that excludes what Services hold is warned of, and passes", () => {
    for (const last of [1, 2, 3, 4]) {
      world.addHolder(`shop/web-${last}`, `192.0.2.${last}`);
    }
    expect(said({ excludedAddresses: ["192.0.2.0/28"] })).toEqual([
      "warn spec.excludedAddresses: Services hold 192.0.2.1, 192.0.2.2, 192.0.2.3, and 1 more and keep " +
        "them until they give them back; nobody gets them after that",
    ]);
  });
});
