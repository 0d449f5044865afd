import type { BundleMove, BundleNode, L2Bundle } from "../../core/model/l2-bundle.ts";
import { type Reason, reasons } from "../../core/model/reason.ts";
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
  const hosts = field(raw, "spec", "hosts");
  const moved = decodeMove(field(raw, "spec", "moved"));
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
      ...(hosts === undefined ? {} : { hosts: textListField(raw, "spec", "hosts") }),
      ...(moved === undefined ? {} : { moved }),
    },
  };
}

function decodeBundleNode(raw: unknown): BundleNode {
  return { node: textField(raw, "node") ?? "", interfaces: textListField(raw, "interfaces") };
}

/** One with a reason that only a newer version knows is left out: the bundle is what counts. */
function decodeMove(raw: unknown): BundleMove | undefined {
  const from = textField(raw, "from");
  const reason = textField(raw, "reason");
  const at = textField(raw, "at");
  return from === undefined || at === undefined || !isReason(reason)
    ? undefined
    : { from, reason, at };
}

function isReason(text: string | undefined): text is Reason {
  return text !== undefined && Object.hasOwn(reasons, text);
}
