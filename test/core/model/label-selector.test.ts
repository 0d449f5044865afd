import { describe, expect, test } from "vitest";
import {
  anySelects,
  type LabelRequirement,
  selects,
} from "../../../src/core/model/label-selector.ts";

const labels = { app: "web", empty: "" };

describe("a requirement", () => {
  test.each<[LabelRequirement["operator"], string, readonly string[], boolean]>([
    ["In", "app", ["db", "web"], true],
    ["In", "app", ["db"], false],
    ["In", "missing", ["web"], false],
    ["In", "empty", [""], true],
    ["NotIn", "app", ["web"], false],
    ["NotIn", "app", ["db"], true],
    ["NotIn", "missing", ["web"], true],
    ["Exists", "app", [], true],
    ["Exists", "empty", [], true],
    ["Exists", "missing", [], false],
    ["DoesNotExist", "missing", [], true],
    ["DoesNotExist", "app", [], false],
    ["Exists", "toString", [], false],
    ["Exists", "__proto__", [], false],
  ])("%s of key %s with %j is met: %s", (operator, key, values, met) => {
    expect(selects({ requirements: [{ key, operator, values }] }, labels)).toBe(met);
  });
});

test("a selector without requirements selects everything, a list without selectors nothing", () => {
  expect(selects({ requirements: [] }, {})).toBe(true);
  expect(anySelects([], labels)).toBe(false);
});

test("all requirements of a selector, any selector of a list", () => {
  const web: LabelRequirement = { key: "app", operator: "In", values: ["web"] };
  const gone: LabelRequirement = { key: "app", operator: "DoesNotExist", values: [] };
  expect(selects({ requirements: [web, gone] }, labels)).toBe(false);
  expect(anySelects([{ requirements: [gone] }, { requirements: [web] }], labels)).toBe(true);
});
