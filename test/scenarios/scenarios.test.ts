import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { runScenario } from "./allocation-language.ts";

const folder = fileURLToPath(new URL("./allocation/", import.meta.url));

// UPDATE_GOLDEN=1 writes what comes out now; read the difference before you keep it.
const update = process.env["UPDATE_GOLDEN"] === "1";

describe("allocation scenarios come out as written", () => {
  const files = readdirSync(folder).filter((name) => name.endsWith(".txt"));

  test("there are some", () => {
    expect(files.length).toBeGreaterThan(10);
  });

  test.each(files)("%s", (name) => {
    const expected = readFileSync(folder + name, "utf8");
    const actual = runScenario(expected);
    if (update) {
      writeFileSync(folder + name, actual);
    }
    expect(update ? actual : expected).toBe(actual);
    expect(actual).not.toContain("UNSTABLE");
  });
});

describe("the language of scenarios", () => {
  test("refuses a command that it does not know", () => {
    expect(() => runScenario("sevrice a/b")).toThrow('"sevrice" is no command');
  });

  test("replaces wrong results, so that a difference shows", () => {
    const text = "pool web 192.0.2.0/24\nservice a/b ip=192.0.2.4\n> grant 192.0.2.5";
    expect(runScenario(text)).toContain("> grant 192.0.2.4");
  });
});
