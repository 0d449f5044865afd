import { wrapped } from "./wrapped.ts";

const gap = "  ";

/** A table as kubectl prints it; the last column is wrapped where it would be wider than `width`. */
export function table(
  header: readonly string[],
  rows: readonly (readonly string[])[],
  width: number,
): readonly string[] {
  const all = [header, ...rows];
  const widths = header.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  return all.flatMap((row) => {
    const before = row.slice(0, -1).map((cell, column) => cell.padEnd(widths[column] ?? 0) + gap);
    return wrapped(before.join(""), row.at(-1) ?? "", width);
  });
}
