import fc from "fast-check";
import { expect, it } from "vitest";
import { compareResourceVersions } from "../../src/kube/resource-version.ts";

it("resource versions are ordered as the numbers that they are, up to 64 bits", () => {
  const version = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
  fc.assert(
    fc.property(version, version, (a, b) => {
      const order = Math.sign(compareResourceVersions(String(a), String(b)));
      expect(order).toBe(a < b ? -1 : a > b ? 1 : 0);
    }),
  );
});
