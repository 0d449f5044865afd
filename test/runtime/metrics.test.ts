import { describe, expect, test } from "vitest";
import { type MetricDefinition, Metrics } from "../../src/runtime/metrics.ts";

const counter: MetricDefinition = {
  name: "a_total",
  type: "counter",
  help: "What happened.",
  labels: ["verb", "code"],
};

describe("the text exposition format", () => {
  test("has a metric's help and type once, then one line for each series", () => {
    const metrics = new Metrics();
    const requests = metrics.counter(counter);
    requests.add("GET", "200");
    requests.add("GET", "200");
    requests.add("POST", "409");
    expect(metrics.text()).toBe(
      [
        "# HELP a_total What happened.",
        "# TYPE a_total counter",
        'a_total{verb="GET",code="200"} 2',
        'a_total{verb="POST",code="409"} 1',
        "",
      ].join("\n"),
    );
  });

  test("escapes quotes, backslashes and line breaks in label values, and the latter two in help", () => {
    const metrics = new Metrics();
    const help = 'a "b" \\ c\nd';
    metrics.read({ name: "g", type: "gauge", help, labels: ["l"] }, () => [[['x"y\\z\n'], 1]]);
    expect(metrics.text()).toBe(
      '# HELP g a "b" \\\\ c\\nd\n# TYPE g gauge\ng{l="x\\"y\\\\z\\n"} 1\n',
    );
  });

  test("counts a histogram's measurements up to each bound, sum and count beside", () => {
    const metrics = new Metrics();
    const definition: MetricDefinition = {
      name: "h_seconds",
      type: "histogram",
      help: "H.",
      labels: ["queue"],
    };
    const histogram = metrics.histogram(definition, [0.1, 1]);
    for (const value of [0.05, 0.1, 0.5, 7]) {
      histogram.observe(value, "services");
    }
    expect(metrics.text().split("\n").slice(2)).toEqual([
      'h_seconds_bucket{queue="services",le="0.1"} 2',
      'h_seconds_bucket{queue="services",le="1"} 3',
      'h_seconds_bucket{queue="services",le="+Inf"} 4',
      'h_seconds_sum{queue="services"} 7.65',
      'h_seconds_count{queue="services"} 4',
      "",
    ]);
  });

  test("writes what is not finite as Prometheus reads it", () => {
    const metrics = new Metrics();
    const values = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN, 2 ** 63];
    metrics.read({ name: "g", type: "gauge", help: "G.", labels: ["n"] }, () =>
      values.map((value, index) => [[`${index}`], value]),
    );
    const told = metrics.text().match(/(?<=} ).*/g);
    expect(told).toEqual(["+Inf", "-Inf", "NaN", "9223372036854776000"]);
  });
});

describe("metrics", () => {
  test("without labels are there from the start, so that a rate sees the first event", () => {
    const metrics = new Metrics();
    metrics.counter({ ...counter, labels: [] });
    expect(metrics.text()).toContain("\na_total 0\n");
  });

  test("that are read show what is the case when they are asked for", () => {
    const metrics = new Metrics();
    let value = 1;
    metrics.read({ name: "g", type: "gauge", help: "G." }, () => value);
    expect(metrics.text()).toContain("\ng 1\n");
    value = 2;
    expect(metrics.text()).toContain("\ng 2\n");
  });

  test("of a large page come in pieces that make the same page", () => {
    const metrics = new Metrics();
    metrics.read({ name: "g", type: "gauge", help: "G.", labels: ["ip"] }, () =>
      Array.from({ length: 2_000 }, (_, index) => [[`10.0.0.${index}`], index] as const),
    );
    const pieces = [...metrics.pieces()];
    expect(pieces.length).toBeGreaterThan(2);
    expect(pieces.join("")).toBe(metrics.text());
    expect(metrics.text().split("\n")).toHaveLength(2_003);
  });

  test("cannot be added twice, nor told of with too few labels", () => {
    const metrics = new Metrics();
    const requests = metrics.counter(counter);
    expect(() => metrics.counter(counter)).toThrow("a_total is there already");
    expect(() => requests.add("GET")).toThrow("a_total has 2 labels, and 1 values were given");
  });
});
