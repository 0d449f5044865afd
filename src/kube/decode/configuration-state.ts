import type { Condition } from "../condition.ts";
import type { Stored } from "../store.ts";
import { decodeConditions } from "./conditions.ts";
import { textField } from "./fields.ts";
import { decodeMetadata } from "./metadata.ts";

/** A ConfigurationState of MetalLB's API, and what stands in it. */
export interface ConfigurationStateObject extends Stored {
  readonly name: string;
  readonly result: string | undefined;
  readonly errorSummary: string | undefined;
  readonly conditions: readonly Condition[];
}

/** Reads a ConfigurationState. */
export function decodeConfigurationState(raw: unknown): ConfigurationStateObject {
  const { name, key, uid, resourceVersion } = decodeMetadata(raw);
  return {
    name,
    key,
    uid,
    resourceVersion,
    result: textField(raw, "status", "result"),
    errorSummary: textField(raw, "status", "errorSummary"),
    conditions: decodeConditions(raw),
  };
}
