/** One scenario of a file: what it shows, and the commands with their expected results. */
export interface Scenario {
  /** Undefined: a remark before the first title. */
  readonly title: string | undefined;
  /** Lines of the file, without the title's. */
  readonly text: string;
}

const titleMark = "== ";

/**
 * The scenarios of a file. A line `== TITLE` begins one, in a world of its own. A file
 * without any such line is one scenario, named after it.
 */
export function scenariosOf(file: string, content: string): readonly Scenario[] {
  const found: { title: string | undefined; lines: string[] }[] = [{ title: undefined, lines: [] }];
  for (const line of content.split("\n")) {
    if (line.startsWith(titleMark)) {
      found.push({ title: line.slice(titleMark.length), lines: [] });
    } else {
      found.at(-1)?.lines.push(line);
    }
  }
  return found.length === 1
    ? [{ title: file.replace(/\.txt$/, ""), text: content }]
    : found.map(({ title, lines }) => ({ title, text: lines.join("\n") }));
}

/** The content of a file with these scenarios; the inverse of {@link scenariosOf}. */
export function joinScenarios(scenarios: readonly Scenario[]): string {
  const [first, ...others] = scenarios;
  return [
    ...(first === undefined ? [] : [first.text]),
    ...others.flatMap(({ title, text }) => [`${titleMark}${title}`, text]),
  ].join("\n");
}
