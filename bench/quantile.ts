/**
 * The smallest of `values` that at least the share `q` (0 to 1) of them does not
 * exceed: 0.5 is the median, 0.99 of 200 the second largest but one.
 * NaN without values.
 */
export function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const rank = Math.max(1, Math.ceil(q * sorted.length));
  return sorted[rank - 1] ?? Number.NaN;
}
