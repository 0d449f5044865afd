const units = [
  ["d", 86_400],
  ["h", 3_600],
  ["m", 60],
  ["s", 1],
] as const;

/**
 * How long ago `time` (RFC 3339) was, in at most two units, such as `2h14m`; a time that cannot be
 * read is a question mark. What lies ahead, as with clocks that differ, is `0s`.
 */
export function ageOf(time: string, now: Date): string {
  const then = Date.parse(time);
  if (Number.isNaN(then)) {
    return "?";
  }
  const seconds = Math.max(0, Math.floor((now.getTime() - then) / 1_000));
  const first = units.findIndex(([, size]) => seconds >= size);
  if (first < 0) {
    return "0s";
  }
  const [[unit, size], next] = units.slice(first, first + 2) as [
    (typeof units)[number],
    (typeof units)[number] | undefined,
  ];
  const rest = next === undefined ? 0 : Math.floor((seconds % size) / next[1]);
  return `${Math.floor(seconds / size)}${unit}${rest > 0 ? `${rest}${next?.[0]}` : ""}`;
}
