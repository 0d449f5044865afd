import { expect, it } from "vitest";
import { microTime } from "../../src/kube/lease.ts";

it("a MicroTime has exactly six digits of fraction", () => {
  expect(microTime(new Date("2026-01-02T03:04:05.006Z"))).toBe("2026-01-02T03:04:05.006000Z");
  expect(microTime(new Date("2026-01-02T03:04:05Z"))).toBe("2026-01-02T03:04:05.000000Z");
});
