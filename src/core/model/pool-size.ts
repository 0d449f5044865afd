import type { IpAddressPool } from "./ip-address-pool.ts";

/** How many addresses of a family the pool gives out at most; one that its ranges name twice counts once. */
export function poolSize(pool: IpAddressPool, family: 4 | 6): bigint {
  const ranges = pool.ranges
    .filter((range) => range.family === family)
    .sort((a, b) => (a.first < b.first ? -1 : 1));
  let size = 0n;
  let next = 0n;
  for (const range of ranges) {
    const first = range.first > next ? range.first : next;
    if (range.last >= first) {
      size += sizeBetween(first, range.last, family === 4 && pool.avoidBuggyIPs);
      next = range.last + 1n;
    }
  }
  return size;
}

/** How many addresses from `first` to `last` a pool gives out, both included. */
export function sizeBetween(first: bigint, last: bigint, avoidBuggyIPs: boolean): bigint {
  const all = last - first + 1n;
  return avoidBuggyIPs ? all - buggyBelow(last + 1n) + buggyBelow(first) : all;
}

/** How many of the addresses below `end` end in .0 or .255. */
function buggyBelow(end: bigint): bigint {
  return (end + 255n) / 256n + end / 256n;
}
