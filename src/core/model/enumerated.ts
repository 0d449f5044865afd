/** So many are named in one sentence. */
const namedMax = 8;

/** The texts in one, at most eight of them unless another number is given; the others are counted. */
export function enumerated(texts: readonly string[], separator = ", ", max = namedMax): string {
  const more = texts.length - max;
  const some = texts.slice(0, max).join(separator);
  return more > 0 ? `${some}${separator}and ${more} more` : some;
}
