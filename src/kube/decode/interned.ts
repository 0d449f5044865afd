/** The longest name that there is; whoever reaches the webhook may send longer ones, to be kept. */
const lengthMax = 253;
/** More different texts than this are not what this is for: then it starts over. */
const textsMax = 4_096;

const texts = new Map<string, string>();

/**
 * Returns a text equal to `text`, the same one each time: for the few values that thousands of
 * objects have in common, such as namespaces, pools and reasons. Parsed JSON has a copy in each.
 */
export function interned(text: string): string {
  const known = texts.get(text);
  if (known !== undefined) {
    return known;
  }
  if (text.length > lengthMax) {
    return text;
  }
  if (texts.size >= textsMax) {
    texts.clear();
  }
  texts.set(text, text);
  return text;
}
