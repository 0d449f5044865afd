import type { LabelRequirement, LabelSelector } from "../../core/model/label-selector.ts";
import { listField, textField, textListField, textMapField } from "./fields.ts";

/** A selector, or what is wrong with it. */
export type DecodedSelectors =
  | { readonly ok: true; readonly selectors: readonly LabelSelector[] }
  | { readonly ok: false; readonly error: string };

/** Reads a list of label selectors; `path` names the field in errors. */
export function decodeLabelSelectors(list: readonly unknown[], path: string): DecodedSelectors {
  const selectors: LabelSelector[] = [];
  for (const [index, raw] of list.entries()) {
    const requirements: LabelRequirement[] = Object.entries(textMapField(raw, "matchLabels")).map(
      ([key, value]) => ({ key, operator: "In", values: [value] }),
    );
    for (const expression of listField(raw, "matchExpressions")) {
      const requirement = decodeRequirement(expression);
      if (typeof requirement === "string") {
        return { ok: false, error: `${path}[${index}].matchExpressions: ${requirement}` };
      }
      requirements.push(requirement);
    }
    selectors.push({ requirements });
  }
  return { ok: true, selectors };
}

function decodeRequirement(raw: unknown): LabelRequirement | string {
  const key = textField(raw, "key") ?? "";
  const operator = textField(raw, "operator");
  const values = textListField(raw, "values");
  if (key === "") {
    return `operator ${operator} needs a key`;
  }
  switch (operator) {
    case "In":
    case "NotIn":
      return values.length > 0
        ? { key, operator, values }
        : `operator ${operator} of key "${key}" needs values`;
    case "Exists":
    case "DoesNotExist":
      return values.length === 0
        ? { key, operator, values }
        : `operator ${operator} of key "${key}" takes no values`;
    default:
      return `operator "${operator}" of key "${key}" is none of In, NotIn, Exists, DoesNotExist`;
  }
}
