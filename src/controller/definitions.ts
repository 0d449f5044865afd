import type { DefinitionObject } from "../kube/decode/definition.ts";
import type { NamespaceObject } from "../kube/decode/namespace.ts";
import type { Resource } from "../kube/resource.ts";
import * as resources from "../kube/resources.ts";
import type { Store } from "../kube/store.ts";

/** Kinds that people write and that may vanish under us; their loss costs nobody an address. */
export const configurationKinds = {
  pools: resources.ipAddressPools,
  advertisements: resources.l2Advertisements,
  policies: resources.addressPolicies,
} as const;

/** Kinds that hold our own state: without them there is nothing to decide on. */
export const ownKinds = {
  allocations: resources.ipAllocations,
  bundles: resources.l2Bundles,
  speakers: resources.l2Speakers,
} as const;

/** The CustomResourceDefinition of each kind; its store holds one object or none. */
export type DefinitionStores = Readonly<
  Record<keyof typeof configurationKinds | keyof typeof ownKinds, Store<DefinitionObject>>
>;

/** The name of the CustomResourceDefinition behind a kind. */
export function definitionName({ plural, group }: Resource): string {
  return `${plural}.${group}`;
}

/**
 * Why objects of a kind say nothing now: their deletion was none of anybody's
 * wish for this one object. Undefined while the kind is there.
 */
export function definitionProblem(
  store: Pick<Store<DefinitionObject>, "get" | "synced">,
  resource: Resource,
): string | undefined {
  const name = definitionName(resource);
  const definition = store.get(name);
  if (definition === undefined) {
    return store.synced ? `CustomResourceDefinition ${name} is missing` : undefined;
  }
  return definition.terminating ? `CustomResourceDefinition ${name} is being deleted` : undefined;
}

/** Why pools, advertisements or policies vanish without anybody having meant them; undefined: they are as they were meant. */
export function whyConfigurationIsGone(
  stores: { readonly namespaces: Store<NamespaceObject>; readonly definitions: DefinitionStores },
  namespace: string,
): string | undefined {
  const { namespaces, definitions } = stores;
  const found = namespaces.get(namespace);
  if (found?.terminating === true) {
    return `namespace ${namespace} is being deleted`;
  }
  if (found === undefined && namespaces.synced) {
    return `namespace ${namespace} is missing`;
  }
  return (
    definitionProblem(definitions.pools, configurationKinds.pools) ??
    definitionProblem(definitions.advertisements, configurationKinds.advertisements) ??
    definitionProblem(definitions.policies, configurationKinds.policies)
  );
}
