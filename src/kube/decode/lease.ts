import type { Stored } from "../store.ts";
import { textField } from "./fields.ts";
import { decodeMetadata } from "./metadata.ts";

/** The latest renewal of a Lease, as a text that changes with every renewal. */
export interface LeaseObject extends Stored {
  readonly name: string;
  readonly renewal: string;
}

/** Reads a Lease. */
export function decodeLease(raw: unknown): LeaseObject {
  const { key, uid, resourceVersion, name } = decodeMetadata(raw);
  const renewal = `${textField(raw, "spec", "holderIdentity")}@${textField(raw, "spec", "renewTime")}`;
  return { key, uid, resourceVersion, name, renewal };
}
