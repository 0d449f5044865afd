import type { Node } from "../../core/model/node.ts";
import { parseIpAddress } from "../../core/net/ip-address.ts";
import { parseIpPrefix } from "../../core/net/ip-prefix.ts";
import type { Stored } from "../store.ts";
import { listField, textField, textListField, textMapField } from "./fields.ts";
import { decodeMetadata } from "./metadata.ts";

/** A Node and which version of it this is. */
export interface NodeObject extends Stored {
  readonly node: Node;
}

/** Reads a Node: what placement and the deny list need of it. */
export function decodeNode(raw: unknown): NodeObject {
  const { key, name, uid, resourceVersion } = decodeMetadata(raw);
  return {
    key,
    uid,
    resourceVersion,
    node: {
      name,
      uid,
      labels: textMapField(raw, "metadata", "labels"),
      addresses: listField(raw, "status", "addresses").flatMap(
        (item) => parseIpAddress(textField(item, "address") ?? "") ?? [],
      ),
      podCidrs: textListField(raw, "spec", "podCIDRs").flatMap((text) => parseIpPrefix(text) ?? []),
      networkUnavailable: listField(raw, "status", "conditions").some(
        (condition) =>
          textField(condition, "type") === "NetworkUnavailable" &&
          textField(condition, "status") === "True",
      ),
    },
  };
}
