import { objectKey } from "../resource.ts";
import type { Stored } from "../store.ts";
import { booleanField, field, listField, textField } from "./fields.ts";
import { interned } from "./interned.ts";
import { decodeMetadata } from "./metadata.ts";

/**
 * What is kept of an EndpointSlice: on which nodes it has endpoints. There may be one for
 * each Service of the cluster and more, so that no field is kept without need.
 */
export interface EndpointNodesObject extends Stored {
  /** `namespace/name` of its Service. */
  readonly service: string;
  /** Names of nodes with a ready endpoint, sorted and joined by commas. */
  readonly ready: string;
  /** The same for endpoints that serve and are not ready: mostly Pods that are about to end. */
  readonly serving: string;
}

/** Reads an EndpointSlice; `undefined` for one that belongs to no Service. */
export function decodeEndpointNodes(raw: unknown): EndpointNodesObject | undefined {
  const { key, namespace, resourceVersion } = decodeMetadata(raw);
  const service = textField(raw, "metadata", "labels", "kubernetes.io/service-name");
  if (service === undefined) {
    return undefined;
  }
  const ready = new Set<string>();
  const serving = new Set<string>();
  for (const endpoint of listField(raw, "endpoints")) {
    const node = textField(endpoint, "nodeName");
    const conditions = field(endpoint, "conditions");
    if (node === undefined) {
      continue;
    }
    // As kube-proxy and MetalLB: what is not said counts as ready.
    if (booleanField(conditions, "ready") !== false) {
      ready.add(node);
    } else if (booleanField(conditions, "serving") === true) {
      serving.add(node);
    }
  }
  // Nobody here deletes one, so its uid is not asked for.
  return {
    key,
    uid: "",
    resourceVersion,
    service: objectKey(namespace, service),
    ready: joined(ready),
    serving: joined(serving),
  };
}

/** Thousands of Services run on the same few sets of nodes. */
function joined(nodes: ReadonlySet<string>): string {
  return interned([...nodes].sort().join(","));
}
