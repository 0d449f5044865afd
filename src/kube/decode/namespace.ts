import type { Labels } from "../../core/model/label-selector.ts";
import type { Stored } from "../store.ts";
import { textField, textMapField } from "./fields.ts";
import { decodeMetadata } from "./metadata.ts";

/** The labels of a Namespace, for selectors. */
export interface NamespaceObject extends Stored {
  readonly labels: Labels;
  /** It is being deleted, and all that is in it. */
  readonly terminating: boolean;
}

/** Reads a Namespace. */
export function decodeNamespace(raw: unknown): NamespaceObject {
  const { key, uid, resourceVersion } = decodeMetadata(raw);
  return {
    key,
    uid,
    resourceVersion,
    labels: textMapField(raw, "metadata", "labels"),
    terminating: textField(raw, "metadata", "deletionTimestamp") !== undefined,
  };
}
