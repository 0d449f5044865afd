import { describe, expect, test } from "vitest";
import {
  comparePools,
  type IpAddressPool,
  poolAdmits,
  poolOffers,
  type ServiceAllocation,
} from "../../../src/core/model/ip-address-pool.ts";
import type { LabelSelector } from "../../../src/core/model/label-selector.ts";
import { poolOf } from "../allocation/pools.ts";
import { ip } from "../net/arbitraries.ts";

const anyone: ServiceAllocation = {
  priority: 0,
  namespaces: [],
  namespaceSelectors: [],
  serviceSelectors: [],
};

function pool(name: string, allocation?: Partial<ServiceAllocation>): IpAddressPool {
  return {
    ...poolOf(name, ["192.0.2.254-192.0.3.1"]),
    serviceAllocation: allocation === undefined ? undefined : { ...anyone, ...allocation },
  };
}

function has(key: string, value: string): LabelSelector {
  return { requirements: [{ key, operator: "In", values: [value] }] };
}

describe("whom a pool admits: namespace part and Service part, each or-ed inside", () => {
  const blue = has("team", "blue");
  const front = has("tier", "front");
  test.each<[string, Partial<ServiceAllocation> | undefined, boolean]>([
    ["everybody, when it is not pinned", undefined, true],
    ["everybody, when nothing is named", {}, true],
    ["its namespaces", { namespaces: ["other", "shop"] }, true],
    ["no other namespaces", { namespaces: ["other"] }, false],
    ["namespaces that a selector selects", { namespaceSelectors: [has("x", "y"), blue] }, true],
    ["nobody, when its selectors match nothing", { namespaceSelectors: [has("x", "y")] }, false],
    ["by name or by selector", { namespaces: ["other"], namespaceSelectors: [blue] }, true],
    ["Services that a selector selects", { serviceSelectors: [has("x", "y"), front] }, true],
    ["no other Services", { serviceSelectors: [has("x", "y")] }, false],
    ["only both parts together", { namespaces: ["other"], serviceSelectors: [front] }, false],
  ])("%s", (_, allocation, admitted) => {
    const service = { namespace: "shop", labels: { tier: "front" } };
    expect(poolAdmits(pool("p", allocation), service, { team: "blue" })).toBe(admitted);
  });
});

test("pools are asked by priority, 0 last among the pinned, then the open ones; then by name", () => {
  const sorted = [
    pool("z", { priority: 1 }),
    pool("a", { priority: 2 }),
    pool("b", { priority: 2 }),
    pool("a-unset", { priority: 0 }),
    pool("a-open"),
    pool("b-open"),
  ];
  expect([...sorted].reverse().sort(comparePools)).toEqual(sorted);
});

test("a pool offers its ranges, without .0 and .255 if it avoids them", () => {
  const careful = { ...pool("p"), avoidBuggyIPs: true };
  const texts = [
    "192.0.2.253",
    "192.0.2.254",
    "192.0.2.255",
    "192.0.3.0",
    "192.0.3.1",
    "192.0.3.2",
  ];
  expect(texts.map((text) => poolOffers(pool("p"), ip(text)))).toEqual([
    false,
    true,
    true,
    true,
    true,
    false,
  ]);
  expect(texts.map((text) => poolOffers(careful, ip(text)))).toEqual([
    false,
    true,
    false,
    false,
    true,
    false,
  ]);
});
