/** One kind of object of the Kubernetes API, as its URLs name it. */
export interface Resource {
  /** The API group; empty for the core group (`/api/v1`). */
  readonly group: string;
  readonly version: string;
  /** The lower-case plural of the URL, such as `services`. */
  readonly plural: string;
  readonly kind: string;
  readonly namespaced: boolean;
}

/** Which object, or which part of it, a path means. */
export interface ResourceTarget {
  /** Absent on a namespaced resource: all namespaces (only for lists and watches). */
  readonly namespace?: string | undefined;
  /** Absent: the collection. */
  readonly name?: string | undefined;
  /** Such as `status`; only together with `name`. */
  readonly subresource?: string | undefined;
}

/** The value of `apiVersion` in objects of this resource. */
export function apiVersion(resource: Resource): string {
  return resource.group === "" ? resource.version : `${resource.group}/${resource.version}`;
}

/** The URL path of a collection, an object or a subresource. */
export function resourcePath(resource: Resource, target: ResourceTarget = {}): string {
  const root = resource.group === "" ? "/api" : `/apis/${resource.group}`;
  const segments = [root, resource.version];
  if (target.namespace !== undefined) {
    if (!resource.namespaced) {
      throw new Error(
        `${resource.kind} is cluster-scoped, but namespace ${target.namespace} was given`,
      );
    }
    segments.push("namespaces", encodeURIComponent(target.namespace));
  }
  segments.push(resource.plural);
  if (target.name !== undefined) {
    segments.push(encodeURIComponent(target.name));
    if (target.subresource !== undefined) {
      segments.push(target.subresource);
    }
  }
  return segments.join("/");
}

/** The key of an object in a store: `namespace/name`, or `name` without a namespace. */
export function objectKey(namespace: string | undefined, name: string): string {
  return namespace === undefined || namespace === "" ? name : `${namespace}/${name}`;
}
