import { readFileSync } from "node:fs";
import { expect, test } from "vitest";

const page = readFileSync("docs/commands.md", "utf8");

/** Names of all fields in a JSON value, at any depth. */
function fieldsOf(value: unknown): readonly string[] {
  if (Array.isArray(value)) {
    return value.flatMap(fieldsOf);
  }
  return typeof value === "object" && value !== null
    ? Object.entries(value).flatMap(([name, inner]) => [name, ...fieldsOf(inner)])
    : [];
}

test.each(["test/cli/explain/moved.json", "test/cli/status/busy.json"])(
  "every field of %s is described",
  (file) => {
    const fields = new Set(fieldsOf(JSON.parse(readFileSync(file, "utf8"))));
    const described = new Set(
      page.match(/`[A-Za-z0-9]+(?:\[\])?`/g)?.map((it) => it.replace(/[`[\]]/g, "")),
    );
    described.add("kind");
    expect([...fields].filter((field) => !described.has(field))).toEqual([]);
  },
);
