import type { Condition } from "../condition.ts";
import { listField, numberField, textField } from "./fields.ts";
import { interned } from "./interned.ts";

/** Reads `status.conditions`, every type, so that writing ours back keeps the others'. */
export function decodeConditions(raw: unknown): readonly Condition[] {
  return listField(raw, "status", "conditions").map((condition) => {
    const status = textField(condition, "status");
    const observedGeneration = numberField(condition, "observedGeneration");
    return {
      type: interned(textField(condition, "type") ?? ""),
      status: status === "True" || status === "False" ? status : "Unknown",
      reason: interned(textField(condition, "reason") ?? ""),
      message: textField(condition, "message") ?? "",
      lastTransitionTime: textField(condition, "lastTransitionTime") ?? "",
      ...(observedGeneration === undefined ? {} : { observedGeneration }),
    };
  });
}
