/** How many addresses from `first` to `last` a pool gives out, both included. */
export function sizeBetween(first: bigint, last: bigint, avoidBuggyIPs: boolean): bigint {
  const all = last - first + 1n;
  return avoidBuggyIPs ? all - buggyBelow(last + 1n) + buggyBelow(first) : all;
}

/** How many of the addresses below `end` end in .0 or .255. */
function buggyBelow(end: bigint): bigint {
  return (end + 255n) / 256n + end / 256n;
}
