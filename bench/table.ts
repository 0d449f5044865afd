/** Prints rows under a head, columns aligned: the first to the left, figures to the right. */
export function printTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  print: (line: string) => void,
): void {
  const all = [head, ...rows];
  const widths = head.map((_, at) => Math.max(...all.map((row) => (row[at] ?? "").length)));
  const line = (row: readonly string[]): string =>
    row
      .map((cell, at) => (at === 0 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0)))
      .join("  ")
      .trimEnd();
  print(line(head));
  print(widths.map((width) => "-".repeat(width)).join("  "));
  for (const row of rows) {
    print(line(row));
  }
}

/** `12.3`, or `123` where a tenth says nothing; `-` for a figure that does not exist. */
export function formatFigure(value: number): string {
  if (!Number.isFinite(value)) {
    return "-";
  }
  return Math.abs(value) >= 100 ? value.toFixed(0) : value.toFixed(1);
}

/** `0.85x`. */
export function formatRatio(value: number): string {
  return Number.isFinite(value) ? `${value.toFixed(2)}x` : "-";
}
