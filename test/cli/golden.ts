import { readFileSync, writeFileSync } from "node:fs";
import { expect } from "vitest";

/** Expects `text` to be what the file says; with `UPDATE_GOLDEN=1` the file says it from then on. */
export function expectGolden(file: URL, text: string): void {
  if (process.env["UPDATE_GOLDEN"] === "1") {
    writeFileSync(file, text);
  }
  expect(text).toBe(readFileSync(file, "utf8"));
}
