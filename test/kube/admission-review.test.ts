import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decodeAdmissionReview, encodeAdmissionReview } from "../../src/kube/admission-review.ts";

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
