import type { ApiObject } from "./simulated-api.ts";

/** A holder as it stands in an IPAllocation. */
export interface HolderFields {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly ports: readonly { readonly protocol: string; readonly port: number }[];
  readonly sharingKey?: string;
  readonly backend?: string;
}

/** Whether two Services may have one address: said without the code that decides. */
export function mayShare(a: HolderFields, b: HolderFields): boolean {
  const portsOfB = new Set(b.ports.map(({ protocol, port }) => `${protocol} ${port}`));
  const collide = a.ports.some(({ protocol, port }) => portsOfB.has(`${protocol} ${port}`));
  const sameKey = (a.sharingKey ?? "") !== "" && a.sharingKey === b.sharingKey;
  const pods = ({ backend, namespace }: HolderFields): string =>
    backend === undefined ? "of any node" : `${backend} in ${namespace}`;
  return sameKey && !collide && pods(a) === pods(b);
}

/** What should stand in an IPAllocation of a Service as it is now. */
export function asHolder({ metadata, spec }: ApiObject): HolderFields {
  const { namespace = "", name, uid, annotations } = metadata;
  const sharingKey = annotations?.["metallb.io/allow-shared-ip"];
  const selector = Object.entries(spec.selector ?? {}).map(([key, value]) => `${key}=${value}`);
  const isLocal = spec.externalTrafficPolicy === "Local" && selector.length > 0;
  return {
    ...{ namespace, name, uid, ports: spec.ports },
    ...(sharingKey === undefined ? {} : { sharingKey }),
    ...(sharingKey === undefined || !isLocal ? {} : { backend: selector.sort().join(",") }),
  };
}
