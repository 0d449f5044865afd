/** So many are named in one sentence. */
const namedMax = 8;

/** The texts in one, at most eight of them; the others are counted. */
export function enumerated(texts: readonly string[], separator = ", "): string {
  const more = texts.length - namedMax;
  const some = texts.slice(0, namedMax).join(separator);
  return more > 0 ? `${some}${separator}and ${more} more` : some;
}
