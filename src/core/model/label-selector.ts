/** Labels of an object. */
export type Labels = Readonly<Record<string, string>>;

/** A Kubernetes label selector: every requirement must hold. Without any it selects everything. */
export interface LabelSelector {
  readonly requirements: readonly LabelRequirement[];
}

/** One requirement of `matchExpressions`; `matchLabels` become `In` with one value. */
export interface LabelRequirement {
  readonly key: string;
  readonly operator: "In" | "NotIn" | "Exists" | "DoesNotExist";
  readonly values: readonly string[];
}

/** True if `labels` meet every requirement of `selector`. */
export function selects(selector: LabelSelector, labels: Labels): boolean {
  return selector.requirements.every((requirement) => meets(requirement, labels));
}

/** True if any of `selectors` selects `labels`; the API's lists of selectors are OR-ed. */
export function anySelects(selectors: readonly LabelSelector[], labels: Labels): boolean {
  return selectors.some((selector) => selects(selector, labels));
}

function meets({ key, operator, values }: LabelRequirement, labels: Labels): boolean {
  const value = Object.hasOwn(labels, key) ? labels[key] : undefined;
  switch (operator) {
    case "In":
      return value !== undefined && values.includes(value);
    case "NotIn":
      return value === undefined || !values.includes(value);
    case "Exists":
      return value !== undefined;
    case "DoesNotExist":
      return value === undefined;
  }
}
