import { expect, test } from "vitest";
import { parseMacAddress } from "../../../src/core/net/mac-address.ts";

test("reads six hex pairs joined by colons, and writes them in lower case", () => {
  expect(parseMacAddress("02:AB:cd:00:00:0F")).toBe("02:ab:cd:00:00:0f");
});

test.each([
  "",
  "02:ab:cd:00:00",
  "02:ab:cd:00:00:0f:01",
  "02-ab-cd-00-00-0f",
  "2:ab:cd:0:0:f",
  "02:ab:cd:00:00:0g",
])("refuses %j", (text) => {
  expect(parseMacAddress(text)).toBeUndefined();
});
