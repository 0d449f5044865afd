import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  decodeAdmissionReview,
  encodeAdmissionReview,
  oneLine,
} from "../../src/kube/admission-review.ts";

describe("an AdmissionReview", () => {
  test("is read or not, and never thrown at", () => {
    const fields = ["apiVersion", "kind", "request", "uid", "operation", "resource", "object"];
    const { value } = fc.letrec<{ value: unknown }>((tie) => ({
      value: fc.oneof(
        { maxDepth: 4 },
        fc.jsonValue({ maxDepth: 1 }),
        fc.constantFrom("admission.k8s.io/v1", "AdmissionReview", "CREATE", "UPDATE", "u"),
        fc.dictionary(fc.constantFrom(...fields), tie("value")),
      ),
    }));
    fc.assert(
      fc.property(fc.oneof(value, fc.anything()), (raw) => void decodeAdmissionReview(raw)),
    );
  });

  test("that refuses has at most 4,096 characters to say", () => {
    const message = "x\n".repeat(100_000);
    const review = encodeAdmissionReview("u", { allowed: false, message, warnings: [] });
    expect(review).toMatchObject({
      response: { status: { message: `${"x?".repeat(2_047)}x…` } },
    });
  });

  test("that answers has one line for each warning, and says how many are left out", () => {
    const warnings = Array.from({ length: 15 }, (_, i) => `warning ${i}`);
    const { response } = encodeAdmissionReview("u", {
      allowed: true,
      message: undefined,
      warnings,
    }) as { response: { warnings: readonly string[] } };
    expect(response.warnings).toHaveLength(13);
    expect(response.warnings.at(-1)).toBe("and 3 warnings more");
  });
});

describe("a text for one line", () => {
  test.each([
    ["is left as it is", "spec.a: bad", 11, "spec.a: bad"],
    ["is cut", "spec.a: bad", 10, "spec.a: b…"],
    ["has no control characters", "a\n\u001b[31m\u200b", 20, "a??[31m?"],
    ["has no half of a character", "ab😀", 4, "ab😀"],
    ["has no half of a character where it is cut", "a😀bc", 3, "a?…"],
  ])("%s", (_, text, max, line) => {
    expect(oneLine(text, max)).toBe(line);
  });
});
