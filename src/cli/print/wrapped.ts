/** Narrower than this nothing is wrapped any further. */
const narrowest = 24;

/**
 * The lines of `text` behind `head`, broken between words where they would be wider than `width`; the
 * lines after the first begin below the text. A word that is too wide by itself stays whole.
 */
export function wrapped(head: string, text: string, width: number): readonly string[] {
  const room = Math.max(width - head.length, narrowest);
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > room) {
      lines.push(line);
      line = word;
    } else {
      line = line === "" ? word : `${line} ${word}`;
    }
  }
  lines.push(line);
  return lines.map((one, index) =>
    (index === 0 ? `${head}${one}` : `${" ".repeat(head.length)}${one}`).trimEnd(),
  );
}

/** The lines of each paragraph, those without any left out, with an empty line between them. */
export function paragraphs(blocks: readonly (readonly string[])[]): string {
  return blocks
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.map((line) => `${line}\n`).join(""))
    .join("\n");
}
