import { expect, test } from "vitest";
import { decodeLabelSelectors } from "../../../src/kube/decode/label-selector.ts";

function decode(expression: object): ReturnType<typeof decodeLabelSelectors> {
  return decodeLabelSelectors([{}, { matchExpressions: [expression] }], "spec.x");
}

test.each([
  [{ key: "k", operator: "In", values: ["a"] }],
  [{ key: "k", operator: "NotIn", values: ["a", "b"] }],
  [{ key: "k", operator: "Exists", values: [] }],
  [{ key: "k", operator: "DoesNotExist", values: [] }],
])("%j is read as it stands", (expression) => {
  expect(decode(expression)).toEqual({
    ok: true,
    selectors: [{ requirements: [] }, { requirements: [expression] }],
  });
});

test.each([
  [{ key: "k", operator: "In" }, 'operator In of key "k" needs values'],
  [{ key: "k", operator: "NotIn", values: [] }, 'operator NotIn of key "k" needs values'],
  [{ key: "k", operator: "Exists", values: ["a"] }, 'operator Exists of key "k" takes no values'],
  [{ key: "k", operator: "Gt", values: ["1"] }, "is none of In, NotIn, Exists, DoesNotExist"],
])("%j is refused", (expression, error) => {
  const decoded = decode(expression);
  expect(decoded.ok ? "" : decoded.error).toContain(error);
  expect(decoded.ok ? "" : decoded.error).toMatch(/^spec\.x\[1\]\.matchExpressions: /);
});
