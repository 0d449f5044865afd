import { createHash } from "node:crypto";

/** What our CRDs keep of a text that a user may make as long as an annotation can be. */
const lengthMax = 128;

/**
 * Returns `text` as it is, or a digest of it where it is longer than 128 characters: equal texts
 * stay equal and different ones different.
 */
export function shortText(text: string): string {
  return text.length <= lengthMax
    ? text
    : `sha256:${createHash("sha256").update(text).digest("hex")}`;
}
