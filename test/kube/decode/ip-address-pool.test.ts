import { describe, expect, test } from "vitest";
import { formatIpRange } from "../../../src/core/net/ip-range.ts";
import {
  decodeIpAddressPool,
  type IpAddressPoolObject,
} from "../../../src/kube/decode/ip-address-pool.ts";

function decode(spec: object): IpAddressPoolObject {
  return decodeIpAddressPool({ metadata: { name: "web", labels: { zone: "a" } }, spec });
}

describe("an IPAddressPool", () => {
  test("of the blog post reads as it is meant", () => {
    const { pool, errors, warnings } = decode({
      addresses: ["192.0.2.0/24"],
      autoAssign: true,
      avoidBuggyIPs: false,
    });
    expect([errors, warnings]).toEqual([[], []]);
    expect(pool).toMatchObject({ name: "web", labels: { zone: "a" }, autoAssign: true });
    expect(pool?.ranges.map(formatIpRange)).toEqual(["192.0.2.0-192.0.2.255"]);
    expect(pool?.serviceAllocation).toBeUndefined();
  });

  test("has MetalLB's defaults", () => {
    expect(decode({ addresses: ["192.0.2.0/24"] }).pool).toMatchObject({
      autoAssign: true,
      avoidBuggyIPs: false,
    });
  });

  test("keeps its ranges in the order written, with warnings for what was tolerated", () => {
    const { pool, warnings } = decode({ addresses: ["198.51.100.7/30", "192.0.2.1 - 192.0.2.2"] });
    expect(pool?.ranges.map(formatIpRange)).toEqual([
      "198.51.100.4-198.51.100.7",
      "192.0.2.1-192.0.2.2",
    ]);
    expect(warnings).toEqual([
      expect.stringMatching(/^spec\.addresses\[0\]: .*host bits/),
      expect.stringMatching(/^spec\.addresses\[1\]: .*blanks/),
    ]);
  });

  test.each<[string, object, string]>([
    ["no addresses", {}, "at least one prefix or range is needed"],
    ["an empty list", { addresses: [] }, "at least one prefix or range is needed"],
    [
      "one bad entry among good ones",
      { addresses: ["192.0.2.0/24", "10/8"] },
      'spec.addresses[1]: "10/8" is neither',
    ],
    ["a number among its addresses", { addresses: [10] }, 'spec.addresses[0]: "10" is neither'],
    [
      "more entries than anybody means",
      { addresses: Array.from({ length: 1_025 }, (_, i) => `10.0.${i >> 8}.${i & 255}/32`) },
      "spec.addresses: more than 1024 entries are too many",
    ],
    [
      "a selector that cannot be read",
      {
        addresses: ["192.0.2.0/24"],
        serviceAllocation: {
          namespaceSelectors: [{ matchExpressions: [{ key: "x", operator: "Is", values: ["y"] }] }],
        },
      },
      'spec.serviceAllocation.namespaceSelectors[0].matchExpressions: operator "Is" of key "x"',
    ],
  ])("with %s is not used, and says why", (_, spec, error) => {
    const { pool, errors } = decode(spec);
    expect(pool).toBeUndefined();
    expect(errors).toEqual([expect.stringContaining(error)]);
  });

  test("is pinned by what serviceAllocation says", () => {
    const { pool } = decode({
      addresses: ["192.0.2.0/24"],
      serviceAllocation: {
        priority: 50,
        namespaces: ["shop"],
        namespaceSelectors: [{ matchLabels: { team: "blue" } }],
        serviceSelectors: [{ matchExpressions: [{ key: "tier", operator: "Exists" }] }],
      },
    });
    expect(pool?.serviceAllocation).toEqual({
      priority: 50,
      namespaces: ["shop"],
      namespaceSelectors: [{ requirements: [{ key: "team", operator: "In", values: ["blue"] }] }],
      serviceSelectors: [{ requirements: [{ key: "tier", operator: "Exists", values: [] }] }],
    });
  });
});
