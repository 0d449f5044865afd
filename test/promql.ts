/** What a PromQL expression asks for by name. */
export interface Selector {
  readonly metric: string;
  /** Labels that are matched, and with `=` the value. */
  readonly labels: readonly { readonly name: string; readonly value: string | undefined }[];
}

/** The names in a PromQL expression. */
export interface PromqlNames {
  readonly selectors: readonly Selector[];
  /** Labels of `by`, `on` and the like. */
  readonly grouping: readonly string[];
}

/** Words that may stand where a metric could. */
const keywords = new Set([
  "and",
  "or",
  "unless",
  "bool",
  "offset",
  "by",
  "without",
  "on",
  "ignoring",
]);

const name = "[a-zA-Z_:][a-zA-Z0-9_:]*";

/**
 * Finds the metrics and labels of an expression. It reads names only: whether functions exist,
 * types fit or brackets are closed is not its business, nor what templates in labels make.
 */
export function promqlNames(expression: string): PromqlNames {
  const grouping: string[] = [];
  const selectors: Selector[] = [];
  const withoutGroups = expression
    .replaceAll(/\[[^\]]*\]/g, " ")
    .replaceAll(
      /\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)/g,
      (_, labels: string) => {
        grouping.push(...labels.split(",").flatMap((label) => label.trim() || []));
        return " ";
      },
    );
  const pattern = new RegExp(`(?<![\\w"])(${name})\\s*(\\(|\\{([^}]*)\\})?`, "g");
  for (const [, metric = "", after = "", inside = ""] of withoutGroups.matchAll(pattern)) {
    if (after !== "(" && !keywords.has(metric) && !/^(Inf|NaN)$/i.test(metric)) {
      selectors.push({ metric, labels: matchersOf(inside) });
    }
  }
  return { selectors, grouping };
}

function matchersOf(inside: string): Selector["labels"] {
  const pattern = /([a-zA-Z_]\w*)\s*(=~|!~|!=|=)\s*"((?:[^"\\]|\\.)*)"/g;
  return [...inside.matchAll(pattern)].map(([, label = "", operator, value = ""]) => ({
    name: label,
    value: operator === "=" ? value : undefined,
  }));
}
