import { describe, expect, test } from "vitest";
import { formatIpRange } from "../../../src/core/net/ip-range.ts";
import { decodeAddressPolicy } from "../../../src/kube/decode/address-policy.ts";

const read = (spec: unknown) =>
  decodeAddressPolicy({ metadata: { name: "lan", generation: 3 }, spec });

describe("an AddressPolicy", () => {
  test("is read with all that it says", () => {
    const { policy, errors, generation } = read({
      ipAddressPools: ["web"],
      ipAddressPoolSelectors: [{ matchLabels: { tier: "public" } }],
      profile: "Strict",
      excludedAddresses: [
        ...["192.0.2.1", "192.0.2.8/30", "192.0.2.20-192.0.2.22"],
        ...["2001:DB8::1", "2001:db8::/127"],
      ],
      reuseDelaySeconds: 90,
      sharingScope: "None",
      refusedAtAdmission: ["UnmetWish"],
    });
    expect(errors).toEqual([]);
    expect(generation).toBe(3);
    expect(policy?.excluded.map(formatIpRange)).toEqual([
      "192.0.2.1",
      "192.0.2.8-192.0.2.11",
      "192.0.2.20-192.0.2.22",
      "2001:db8::1",
      "2001:db8::-2001:db8::1",
    ]);
    expect(policy).toMatchObject({
      name: "lan",
      pools: ["web"],
      poolSelectors: [{ requirements: [{ key: "tier", operator: "In", values: ["public"] }] }],
      profile: "Strict",
      reuseDelayMs: 90_000,
      sharingScope: "None",
      refusedAtAdmission: ["UnmetWish"],
    });
  });

  test("demands nothing of every pool when it says nothing", () => {
    const nothing = { pools: [], poolSelectors: [], excluded: [], profile: "Compatible" };
    const unset = {
      reuseDelayMs: undefined,
      sharingScope: undefined,
      refusedAtAdmission: undefined,
    };
    expect(read({}).policy).toEqual({ name: "lan", ...nothing, ...unset });
    expect(read(undefined)).toMatchObject({ errors: [], policy: nothing });
  });

  test.each([
    [{ excludedAddresses: ["192.0.2.9-192.0.2.1"] }, /^spec\.excludedAddresses: .*ends before/],
    [{ excludedAddresses: ["192.0.2.1/24"] }, /^spec\.excludedAddresses: .*has host bits set/],
    [{ excludedAddresses: ["gateway"] }, /^spec\.excludedAddresses: "gateway" is neither/],
    [{ profile: "Paranoid" }, /^spec\.profile: "Paranoid" is neither Compatible nor Strict/],
    [{ reuseDelaySeconds: -1 }, /^spec\.reuseDelaySeconds: -1 is not between 0 and 604800/],
    [{ reuseDelaySeconds: 604_801 }, /^spec\.reuseDelaySeconds: 604801 is not between/],
    [{ sharingScope: "Team" }, /^spec\.sharingScope: "Team" is none of Cluster, Namespace, None/],
    [{ refusedAtAdmission: ["All"] }, /^spec\.refusedAtAdmission: "All" is none of PoolInUse/],
    [{ quota: { perNamespace: 3 } }, /^spec\.quota: this version of Steelyard does not know it/],
    [
      { ipAddressPools: ["a"], ipAddressPoolSelectors: [{ matchExpressions: [{ key: "b" }] }] },
      /^spec\.ipAddressPoolSelectors\[0\]/,
    ],
  ])("says what is wrong with %j", (spec, words) => {
    const { errors } = read(spec);
    expect(errors).toHaveLength(1);
    expect(errors[0]).toMatch(words);
  });

  test("that cannot be read in part still closes what the rest of it closes", () => {
    const { policy, errors } = read({
      excludedAddresses: ["192.0.2.1", "nonsense"],
      profile: "Paranoid",
      reuseDelaySeconds: 1e9,
      quota: {},
    });
    expect(errors).toHaveLength(4);
    expect(policy?.excluded.map(formatIpRange)).toEqual(["192.0.2.1"]);
    expect(policy).toMatchObject({ profile: "Strict", reuseDelayMs: 604_800_000 });
  });

  test("that does not tell which pools it is for closes none, rather than all", () => {
    const ipAddressPoolSelectors = [{ matchExpressions: [{ key: "a", operator: "Like" }] }];
    expect(read({ ipAddressPoolSelectors }).policy).toBeUndefined();
    expect(read({ ipAddressPoolSelectors, ipAddressPools: ["web"] }).policy?.pools).toEqual([
      "web",
    ]);
  });

  test("shows what was written to its status before", () => {
    const conditions = [
      { type: "Accepted", status: "True", reason: "Accepted", message: "", lastTransitionTime: "" },
    ];
    const status = { pools: 2, observedGeneration: 3, conditions };
    expect(decodeAddressPolicy({ metadata: { name: "lan" }, spec: {}, status }).written).toEqual(
      status,
    );
  });
});
