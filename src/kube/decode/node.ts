import type { Node } from "../../core/model/node.ts";
import type { NodeDeparture } from "../../core/model/reason.ts";
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
      ready: !["False", "Unknown"].includes(textField(condition(raw, "Ready"), "status") ?? ""),
      networkUnavailable: textField(condition(raw, "NetworkUnavailable"), "status") === "True",
      departure: decodeDeparture(raw),
    },
  };
}

/** What an admin says of a node that is to announce nothing any more. */
const drainAnnotation = "steelyard.dev/drain";
const outOfServiceTaint = "node.kubernetes.io/out-of-service";

/** A kubelet that was told of the shutdown has this in its Ready condition, among other troubles. */
const shutdownMessage = "node is shutting down";

function decodeDeparture(raw: unknown): NodeDeparture | undefined {
  const taints = listField(raw, "spec", "taints");
  if (taints.some((taint) => textField(taint, "key") === outOfServiceTaint)) {
    return "NodeOutOfService";
  }
  const ready = condition(raw, "Ready");
  const message = textField(ready, "message") ?? "";
  if (textField(ready, "status") === "False" && message.includes(shutdownMessage)) {
    return "NodeShuttingDown";
  }
  const drains = textMapField(raw, "metadata", "annotations")[drainAnnotation] === "true";
  return drains ? "NodeDraining" : undefined;
}

function condition(raw: unknown, type: string): unknown {
  return listField(raw, "status", "conditions").find((item) => textField(item, "type") === type);
}
