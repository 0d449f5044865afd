import { enumerated } from "../../core/model/enumerated.ts";
import { conditionMessage, type DesiredCondition, mergeConditions } from "../../kube/condition.ts";
import type { ConfigurationStateObject } from "../../kube/decode/configuration-state.ts";

/** Who reads the configuration: under MetalLB's names for the conditions of each. */
export type ConfigurationReader = "controller" | "speaker";

const conditionTypes: Readonly<Record<ConfigurationReader, string>> = {
  controller: "poolReconcilerValid",
  speaker: "configReconcilerValid",
};

/** What a reader makes of the configuration. */
export type ConfigurationOutcome =
  | { readonly kind: "read"; readonly errors: readonly string[] }
  /** The configuration is gone as a whole, and this is why. */
  | { readonly kind: "gone"; readonly why: string }
  /** It is not known whether anybody reads it. */
  | { readonly kind: "unread" };

/** So many errors are told, a line each; the others are counted. */
const errorsMax = 100;

/** Returns the `status` that says `outcome`, with the words of MetalLB; `undefined` if the object says it already. */
export function planConfigurationState(
  written: Pick<ConfigurationStateObject, "result" | "errorSummary" | "conditions">,
  reader: ConfigurationReader,
  outcome: ConfigurationOutcome,
  now: Date,
): object | undefined {
  const condition = conditionOf(reader, outcome);
  const type = conditionTypes[reader];
  const conditions = mergeConditions(
    written.conditions,
    condition === undefined ? [] : [condition],
    condition === undefined ? [type] : [],
    now,
  );
  const errorSummary = condition?.reason === "Reconciled" ? "" : (condition?.message ?? "");
  const result = resultOf(outcome);
  const isSaid = written.result === result && (written.errorSummary ?? "") === errorSummary;
  return conditions === undefined && isSaid
    ? undefined
    : { result, errorSummary, ...(conditions === undefined ? {} : { conditions }) };
}

function resultOf(outcome: ConfigurationOutcome): "Valid" | "Invalid" | "Unknown" {
  if (outcome.kind !== "read") {
    return "Unknown";
  }
  return outcome.errors.length === 0 ? "Valid" : "Invalid";
}

function conditionOf(
  reader: ConfigurationReader,
  outcome: ConfigurationOutcome,
): DesiredCondition | undefined {
  const type = conditionTypes[reader];
  switch (outcome.kind) {
    case "unread":
      return undefined;
    case "gone":
      return { type, status: "Unknown", reason: "UnknownError", message: outcome.why };
    case "read":
      return outcome.errors.length === 0
        ? { type, status: "True", reason: "Reconciled", message: "" }
        : { type, status: "False", reason: "ConfigurationError", message: summary(outcome.errors) };
  }
}

function summary(errors: readonly string[]): string {
  return conditionMessage(`configuration error: ${enumerated(errors, "\n", errorsMax)}`);
}
