/** What Go's regular expressions have and JavaScript's have not, or mean otherwise; and what Go has not. */
const unsupported: readonly (readonly [RegExp, string])[] = [
  [/\\[pP]/, "Unicode classes (\\p{…})"],
  [/\[:\^?\w+:\]/, "POSIX classes ([[:alpha:]])"],
  [/\[\^?\]/, "] as the first character of a class"],
  [/\\[QE]/, "\\Q…\\E"],
  [/\\[AzaC]/, "\\A, \\z, \\a and \\C"],
  [/\\x\{/, "\\x{…}"],
  [/\\\d/, "octal numbers and references to groups"],
  [/\\[cku]/, "\\c, \\k and \\u"],
  [/\(\?(?!:|P?<[A-Za-z_])/, "flags other than (?i) in front, and looking ahead or behind"],
];

/**
 * Returns the JavaScript equivalent of a regular expression as Go writes it, for names of interfaces:
 * it matches anywhere in a name unless `^` and `$` say otherwise.
 *
 * Throws where the two languages differ and nobody uses it for such names, with what it is.
 */
export function compileGoPattern(pattern: string): RegExp {
  const caseless = pattern.startsWith("(?i)");
  const rest = caseless ? pattern.slice("(?i)".length) : pattern;
  const [, problem] = unsupported.find(([it]) => it.test(rest)) ?? [];
  if (problem !== undefined) {
    throw new Error(`${JSON.stringify(pattern)}: ${problem}: not supported`);
  }
  try {
    return new RegExp(rest.replaceAll("(?P<", "(?<"), caseless ? "i" : "");
  } catch (error) {
    throw new Error(`${JSON.stringify(pattern)} is no regular expression`, { cause: error });
  }
}
