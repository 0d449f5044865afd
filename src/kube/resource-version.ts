/**
 * Orders two resource versions of one resource: negative when `a` is older,
 * zero when equal, positive when newer.
 *
 * They are decimal numbers of up to 64 bits without leading zeros (Kubernetes
 * guarantees this from 1.35 on, and etcd always did), so that length and then
 * text order them without a conversion.
 */
export function compareResourceVersions(a: string, b: string): number {
  if (a.length !== b.length) {
    return a.length - b.length;
  }
  return a === b ? 0 : a < b ? -1 : 1;
}
