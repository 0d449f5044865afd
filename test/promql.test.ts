import { describe, expect, test } from "vitest";
import { promqlNames } from "./promql.ts";

const metrics = (expression: string): readonly string[] =>
  promqlNames(expression).selectors.map(({ metric }) => metric);

describe("the names in a PromQL expression", () => {
  test("are its metrics, and neither its functions nor its keywords", () => {
    expect(metrics("a_total / b_total > 0.85 < 1")).toEqual(["a_total", "b_total"]);
    expect(metrics("sum(rate(a_total[5m])) > bool 1e-3")).toEqual(["a_total"]);
    expect(metrics("a and on (instance) b unless c offset 5m")).toEqual(["a", "b", "c"]);
    expect(metrics("topk(10, sum by (ip) (rate(a[5m:1m])))")).toEqual(["a"]);
  });

  test("are the labels that are matched, with the value where it must be that one", () => {
    const [selector] = promqlNames('a{code=~"5..|none", state="dead",x!="y"}').selectors;
    expect(selector).toEqual({
      metric: "a",
      labels: [
        { name: "code", value: undefined },
        { name: "state", value: "dead" },
        { name: "x", value: undefined },
      ],
    });
  });

  test("are the labels of groupings", () => {
    const expression = "sum by (le, queue) (a) / on (pool) group_left (node) sum(b) without (x)";
    expect(promqlNames(expression).grouping).toEqual(["le", "queue", "pool", "node", "x"]);
  });
});
