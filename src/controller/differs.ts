/** True if the two values would not be the same JSON, with big integers as texts. */
export function differs(a: unknown, b: unknown): boolean {
  return textOf(a) !== textOf(b);
}

function textOf(value: unknown): string {
  return (
    JSON.stringify(value, (_, item) => (typeof item === "bigint" ? item.toString() : item)) ?? ""
  );
}
