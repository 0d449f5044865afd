import { expect, test } from "vitest";
import {
  decodeL2Advertisement,
  type L2AdvertisementObject,
} from "../../../src/kube/decode/l2-advertisement.ts";

function decode(spec: object): L2AdvertisementObject {
  return decodeL2Advertisement({ metadata: { name: "default" }, spec });
}

test("without a spec it covers everything", () => {
  expect(decodeL2Advertisement({ metadata: { name: "default" } }).advertisement).toEqual({
    name: "default",
    pools: [],
    poolSelectors: [],
    nodeSelectors: [],
    interfaces: [],
    serviceSelectors: [],
    preferredNodes: [],
  });
});

test("each field is read under MetalLB's name", () => {
  const selector = (key: string): object => ({ matchLabels: { [key]: "x" } });
  const read = (key: string): object => ({
    requirements: [{ key, operator: "In", values: ["x"] }],
  });
  const { advertisement, errors } = decode({
    ipAddressPools: ["web"],
    ipAddressPoolSelectors: [selector("pool")],
    nodeSelectors: [selector("node")],
    interfaces: ["eth0"],
    serviceSelectors: [selector("service")],
    preferredNodeSelectors: [
      { weight: 1, preference: selector("disk") },
      { weight: 100, preference: {} },
    ],
  });
  expect(errors).toEqual([]);
  expect(advertisement).toEqual({
    name: "default",
    pools: ["web"],
    poolSelectors: [read("pool")],
    nodeSelectors: [read("node")],
    interfaces: ["eth0"],
    serviceSelectors: [read("service")],
    preferredNodes: [
      { weight: 1, selector: read("disk") },
      { weight: 100, selector: { requirements: [] } },
    ],
  });
});

test.each<[string, object, string]>([
  [
    "a preference that cannot be read",
    {
      preferredNodeSelectors: [
        { weight: 1, preference: { matchExpressions: [{ key: "k", operator: "Is" }] } },
      ],
    },
    "spec.preferredNodeSelectors[0]",
  ],
  [
    "a weight that is too high",
    { preferredNodeSelectors: [{ weight: 101, preference: {} }] },
    "spec.preferredNodeSelectors[0].weight: 101 is not between 1 and 100",
  ],
  [
    "a preference without a weight",
    { preferredNodeSelectors: [{ preference: {} }] },
    "spec.preferredNodeSelectors[0].weight",
  ],
  [
    "a selector that cannot be read",
    { nodeSelectors: [{ matchExpressions: [{ key: "k", operator: "Is" }] }] },
    "spec.nodeSelectors[0]",
  ],
  [
    "an interface name that is too long",
    { interfaces: ["a-name-of-16-chars"] },
    "is no name of an interface",
  ],
  ["an interface name with a slash", { interfaces: ["eth0/1"] }, "is no name of an interface"],
  ["an empty interface name", { interfaces: [""] }, "is no name of an interface"],
  ["names none of which is one", { interfaces: ["a/b", "a-name-of-16-chars"] }, "spec.interfaces["],
])("with %s it is not used, and says why", (_, spec, error) => {
  const { advertisement, errors } = decode(spec);
  expect(advertisement).toBeUndefined();
  expect(errors.length).toBeGreaterThan(0);
  expect(errors.filter((one) => !one.includes(error))).toEqual([]);
});

test("goes without a name that no interface can have, and warns of it", () => {
  const { advertisement, errors, warnings } = decode({ interfaces: ["eth0", "eth0/1", "eth1"] });
  expect(errors).toEqual([]);
  expect(advertisement?.interfaces).toEqual(["eth0", "eth1"]);
  expect(warnings).toEqual(['spec.interfaces[1]: "eth0/1" is no name of an interface']);
});
