import { field } from "../../kube/decode/fields.ts";

/** A pool may have 1,024 entries, and nobody writes as many besides. */
const entriesMax = 2_048;

/**
 * True if the lists in spec and status of an object, with those inside of them, have more than
 * 2,048 entries in all. What compares them with the cluster could be kept busy by that for seconds.
 */
export function hasLongLists(object: unknown): boolean {
  const seen = [field(object, "spec"), field(object, "status")];
  let entries = 0;
  // Not recursive: it may be as deep as it is long.
  for (const value of seen) {
    if (typeof value !== "object" || value === null) {
      continue;
    }
    entries += Array.isArray(value) ? value.length : 0;
    if (entries > entriesMax) {
      return true;
    }
    for (const inner of Object.values(value)) {
      seen.push(inner);
    }
  }
  return false;
}
