import { describe, expect, test } from "vitest";
import { interned } from "../../../src/kube/decode/interned.ts";

describe("a text that many objects have in common", () => {
  test("is what it was", () => {
    expect(interned("default")).toBe("default");
    expect(interned("")).toBe("");
  });

  test("stays itself however many others there are", () => {
    for (let i = 0; i < 10_000; i += 1) {
      expect(interned(`namespace-${i}`)).toBe(`namespace-${i}`);
    }
    expect(interned("namespace-1")).toBe("namespace-1");
  });
});
