import type { Stored } from "../store.ts";
import { textField } from "./fields.ts";
import { decodeMetadata } from "./metadata.ts";

/** That a kind is there at all: its CustomResourceDefinition. */
export interface DefinitionObject extends Stored {
  /** It is being deleted, and all objects of its kind. */
  readonly terminating: boolean;
}

/** Reads a CustomResourceDefinition. */
export function decodeDefinition(raw: unknown): DefinitionObject {
  const { key, uid, resourceVersion } = decodeMetadata(raw);
  const terminating = textField(raw, "metadata", "deletionTimestamp") !== undefined;
  return { key, uid, resourceVersion, terminating };
}
