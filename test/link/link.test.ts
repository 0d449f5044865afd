import { describe, expect, test } from "vitest";
import { Link } from "../../src/link/link.ts";
import { silentLog } from "../../src/runtime/log.ts";

describe("a link that is not open", () => {
  const link = new Link({ addonPath: "/nowhere/steelyard.node", onEvents() {}, log: silentLog });

  test("says so to every call, and closes without complaint", async () => {
    expect(() => link.answer([])).toThrow("call open() first");
    expect(() => link.stats()).toThrow("call open() first");
    expect(link.interfaces()).toEqual([]);
    await expect(link.close()).resolves.toBeUndefined();
  });

  test("does not open without its addon, and names the file", () => {
    expect(() => link.open()).toThrow("/nowhere/steelyard.node");
  });
});
