/** How many addresses of one family of a pool are held, and how many more it could give. */
export interface PoolUse {
  readonly assigned: number;
  readonly available: number;
}

/** The largest number that JSON readers keep exact; it fits 64 bits as well. */
const countMax = BigInt(Number.MAX_SAFE_INTEGER);

/**
 * As MetalLB counts: a shared address once, and available is what is not assigned, whoever may
 * have it. What a pool holds and gives no more, because it was shrunk, leaves nothing below zero.
 * A count beyond 2^53 - 1 says 2^53 - 1.
 */
export function poolUse(size: bigint, assigned: bigint): PoolUse {
  const available = size > assigned ? size - assigned : 0n;
  return { assigned: clamped(assigned), available: clamped(available) };
}

function clamped(count: bigint): number {
  return Number(count > countMax ? countMax : count);
}
