import type { BundleNode, L2Bundle } from "../../core/model/l2-bundle.ts";
import type { Stored } from "../store.ts";
import { field, listField, numberField, textField, textListField } from "./fields.ts";
import { decodeMetadata } from "./metadata.ts";

/** An L2Bundle and which version of it this is. */
export interface L2BundleObject extends Stored {
  readonly bundle: L2Bundle;
}

/** Reads an L2Bundle. */
export function decodeL2Bundle(raw: unknown): L2BundleObject {
  const { key, name, uid, resourceVersion } = decodeMetadata(raw);
  return {
    key,
    uid,
    resourceVersion,
    bundle: {
      name,
      advertisements: textListField(raw, "spec", "advertisements"),
      owner: decodeBundleNode(field(raw, "spec", "owner")),
      standbys: listField(raw, "spec", "standbys").map(decodeBundleNode),
      version: {
        term: numberField(raw, "spec", "term") ?? 0,
        sequence: numberField(raw, "spec", "sequence") ?? 0,
      },
    },
  };
}

function decodeBundleNode(raw: unknown): BundleNode {
  return { node: textField(raw, "node") ?? "", interfaces: textListField(raw, "interfaces") };
}
