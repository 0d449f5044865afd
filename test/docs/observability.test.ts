import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import type { MetricDefinition } from "../../src/runtime/metrics.ts";
import { catalog } from "../metrics-catalog.ts";

const page = readFileSync("docs/observability.md", "utf8");

/** The rows of the table below a heading, without the head of it. */
function tableUnder(heading: string): readonly string[] {
  const [, section = ""] = page.split(`### ${heading}\n`);
  const rows = section
    .split("\n### ")[0]
    ?.split("\n")
    .filter((line) => line.startsWith("|"));
  return rows?.slice(2) ?? [];
}

function rowOf({ name, type, labels = [], help }: MetricDefinition): string {
  return `| \`${name}\` | ${type} | ${labels.map((one) => `\`${one}\``).join(", ")} | ${help} |`;
}

describe("docs/observability.md", () => {
  test.for([
    ["Every process", catalog.both],
    ["Every controller", catalog.controllers],
    ["The controller that leads", catalog.leader],
    ["Every speaker", catalog.speakers],
  ] as const)("lists under %s what is told, and nothing else", ([heading, metrics]) => {
    expect(tableUnder(heading)).toEqual(metrics.map(rowOf));
  });

  test("has no metric under two headings", () => {
    const names = Object.values(catalog).flatMap((part) => part.map(({ name }) => name));
    expect(new Set(names).size).toBe(names.length);
  });
});
