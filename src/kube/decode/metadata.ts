import { objectKey } from "../resource.ts";
import type { Stored } from "../store.ts";
import { textField } from "./fields.ts";
import { interned } from "./interned.ts";

/** What every object is known by. `namespace` is absent for cluster-scoped kinds. */
export interface ObjectMetadata extends Stored {
  readonly namespace: string | undefined;
  readonly name: string;
}

/** Reads the metadata of an object. Throws if it has no name: the API server never sends that. */
export function decodeMetadata(raw: unknown): ObjectMetadata {
  const name = textField(raw, "metadata", "name");
  if (name === undefined) {
    throw new Error("Cannot read an object of the API server: metadata.name is missing");
  }
  const namespace = textField(raw, "metadata", "namespace");
  return {
    key: objectKey(namespace, name),
    namespace: namespace === undefined ? undefined : interned(namespace),
    name,
    uid: textField(raw, "metadata", "uid") ?? "",
    resourceVersion: textField(raw, "metadata", "resourceVersion") ?? "",
  };
}
