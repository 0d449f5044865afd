import { objectKey } from "../resource.ts";
import type { Stored } from "../store.ts";
import { listField, textField } from "./fields.ts";
import { interned } from "./interned.ts";
import { decodeMetadata } from "./metadata.ts";

/** A ServiceL2Status of MetalLB's API, whoever wrote it. */
export interface ServiceL2StatusObject extends Stored {
  readonly name: string;
  /** The Service `namespace/name`, by the status, or by the labels as long as there is none. */
  readonly service: string | undefined;
  /** Undefined: its status was not written yet. */
  readonly node: string | undefined;
  /** Names as they stand there; none: any interface. */
  readonly interfaces: readonly string[];
  /** The kinds of the objects with which it goes: of MetalLB's it is the speaker's Pod. */
  readonly ownerKinds: readonly string[];
}

const label = "metallb.io/";
const none: readonly string[] = [];

/** Reads a ServiceL2Status. */
export function decodeServiceL2Status(raw: unknown): ServiceL2StatusObject {
  const { name, key, uid, resourceVersion } = decodeMetadata(raw);
  const part = (status: string, ofLabel: string): string | undefined =>
    textField(raw, "status", status) ?? textField(raw, "metadata", "labels", label + ofLabel);
  const namespace = part("serviceNamespace", "service-namespace");
  const service = part("serviceName", "service-name");
  const node = textField(raw, "status", "node");
  const interfaces = listField(raw, "status", "interfaces");
  const kinds = listField(raw, "metadata", "ownerReferences").flatMap(
    (owner) => textField(owner, "kind") ?? [],
  );
  return {
    name,
    key,
    uid,
    resourceVersion,
    service:
      namespace === undefined || service === undefined ? undefined : objectKey(namespace, service),
    node: node === undefined ? undefined : interned(node),
    interfaces:
      interfaces.length === 0 ? none : interfaces.flatMap((one) => textField(one, "name") ?? []),
    ownerKinds: kinds.map(interned),
  };
}
