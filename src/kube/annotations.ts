/** The annotations that users set on Services, under MetalLB's current and former prefix. */
export const annotationPrefixes = ["metallb.io/", "metallb.universe.tf/"] as const;

export const loadBalancerIPsAnnotation = "loadBalancerIPs";
export const addressPoolAnnotation = "address-pool";
export const allowSharedIpAnnotation = "allow-shared-ip";

/** Written by the controller: the name of the pool in use. Never read. */
export const allocatedFromPoolAnnotation = "metallb.io/ip-allocated-from-pool";

/**
 * Returns the value of a user's annotation and the full name under which it
 * stands. The current prefix wins wherever its key exists, even with an empty
 * value. Empty is the same as absent.
 */
export function userAnnotation(
  annotations: Readonly<Record<string, string>>,
  name: string,
): { readonly name: string; readonly value: string } | undefined {
  const key = annotationPrefixes
    .map((prefix) => prefix + name)
    .find((candidate) => Object.hasOwn(annotations, candidate));
  const value = key === undefined ? undefined : annotations[key];
  return key === undefined || value === undefined || value === ""
    ? undefined
    : { name: key, value };
}
