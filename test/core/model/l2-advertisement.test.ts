import { describe, expect, test } from "vitest";
import {
  advertises,
  includesNode,
  type L2Advertisement,
  preferenceFor,
} from "../../../src/core/model/l2-advertisement.ts";
import type { LabelSelector } from "../../../src/core/model/label-selector.ts";

const everything: L2Advertisement = {
  name: "default",
  pools: [],
  poolSelectors: [],
  nodeSelectors: [],
  interfaces: [],
  serviceSelectors: [],
  preferredNodes: [],
};
const pool = { name: "web", labels: { zone: "a" } };

function has(key: string, value: string): LabelSelector {
  return { requirements: [{ key, operator: "In", values: [value] }] };
}

describe("an advertisement covers", () => {
  test.each<[string, Partial<L2Advertisement>, boolean]>([
    ["every pool, when it names none", {}, true],
    ["pools by name", { pools: ["other", "web"] }, true],
    ["no other pools", { pools: ["other"] }, false],
    ["pools by label", { poolSelectors: [has("zone", "a")] }, true],
    ["no pool, when its selectors match nothing", { poolSelectors: [has("zone", "b")] }, false],
    ["by name or by label", { pools: ["web"], poolSelectors: [has("zone", "b")] }, true],
    ["Services by label", { serviceSelectors: [has("x", "y"), has("tier", "front")] }, true],
    ["no other Services", { serviceSelectors: [has("tier", "back")] }, false],
  ])("%s", (_, change, covered) => {
    expect(advertises({ ...everything, ...change }, pool, { tier: "front" })).toBe(covered);
  });
});

test.each<[string, Partial<L2Advertisement>, boolean]>([
  ["every node, when it selects none", {}, true],
  ["nodes that any selector selects", { nodeSelectors: [has("x", "y"), has("rack", "1")] }, true],
  ["no other nodes", { nodeSelectors: [has("rack", "2")] }, false],
])("an advertisement includes %s", (_, change, included) => {
  expect(includesNode({ ...everything, ...change }, { rack: "1" })).toBe(included);
});

test("an advertisement is preferred as its own preferences say, once for a pool that it names and selects", () => {
  const preferredNodes = [
    { weight: 60, selector: has("rack", "1") },
    { weight: 5, selector: has("rack", "2") },
    { weight: 1, selector: { requirements: [] } },
  ];
  const both = { ...everything, pools: ["web"], poolSelectors: [has("zone", "a")], preferredNodes };
  expect(preferenceFor(both, { rack: "1" })).toBe(61);
  expect(preferenceFor(both, {})).toBe(1);
  expect(preferenceFor({ ...both, nodeSelectors: [has("rack", "2")] }, { rack: "1" })).toBe(0);
});
