import { objectKey, type Resource } from "../../../src/kube/resource.ts";
import type { Store, Stored } from "../../../src/kube/store.ts";

/** A ConfigMap, as far as these tests remember it. */
export interface Item extends Stored {
  readonly value: string | undefined;
}

interface RawItem {
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly uid: string;
    readonly resourceVersion: string;
    readonly labels?: Readonly<Record<string, string>>;
  };
  readonly data?: { readonly value?: string };
}

export const configMaps: Resource = {
  group: "",
  version: "v1",
  plural: "configmaps",
  kind: "ConfigMap",
  namespaced: true,
};
/** Those labelled `ours: no` are not ours, nor those that the cluster makes itself. */
export function project(raw: unknown): Item | undefined {
  const { metadata, data } = raw as RawItem;
  if (metadata.labels?.["ours"] === "no" || metadata.name.endsWith(".crt")) {
    return undefined;
  }
  const { uid, resourceVersion } = metadata;
  const key = objectKey(metadata.namespace, metadata.name);
  return { key, uid, resourceVersion, value: data?.value };
}

/** What a store holds, by name. */
export function values(store: Store<Item>): Record<string, string | undefined> {
  return Object.fromEntries(
    [...store.values()].map((item) => [item.key.replace("default/", ""), item.value]),
  );
}
