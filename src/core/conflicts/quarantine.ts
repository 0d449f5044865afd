import type { IpAddress } from "../net/ip-address.ts";
import type { MacAddress } from "../net/mac-address.ts";

/** At most so many addresses of a pool are kept from everybody, and no more than a quarter of it. */
export const quarantineMax = 32;

/** At most so many addresses of a pool are taken into quarantine in a minute. */
export const quarantinesPerMinute = 8;
const minuteMs = 60_000;

/** A host that has a free address of a pool; it is none of our speakers', and no router that answers for all. */
export interface SeenInUse {
  readonly address: IpAddress;
  readonly mac: MacAddress;
  readonly pool: string;
  /** Whose speaker saw it. */
  readonly node: string;
}

/** When addresses of each pool were taken into quarantine lately. */
export type QuarantineState = ReadonlyMap<string, readonly number[]>;

export interface QuarantineInput {
  /** In an order that lasts; of free addresses only. */
  readonly seen: readonly SeenInUse[];
  /** The addresses that are in quarantine. */
  readonly quarantined: readonly { readonly address: IpAddress; readonly pool: string }[];
  /** How many addresses of both families a pool has. */
  readonly sizeOf: (pool: string) => bigint;
  /** Addresses that nobody has any more. */
  readonly clear: ReadonlySet<IpAddress>;
}

export interface QuarantineStep {
  readonly state: QuarantineState;
  /** To be kept from everybody. */
  readonly enter: readonly SeenInUse[];
  /** To be free again. */
  readonly leave: readonly IpAddress[];
  /** Beyond what may be kept back: they are given out although somebody has them. */
  readonly beyond: readonly SeenInUse[];
  /** When more may be taken in; `undefined`: nothing waits for that. */
  readonly wakeAt: number | undefined;
}

/** How many addresses of a pool of that size may be in quarantine: one host that forges answers must not empty it. */
export function quarantineLimit(size: bigint): number {
  const quarter = Number(size / 4n > BigInt(quarantineMax) ? quarantineMax : size / 4n);
  return Math.max(1, quarter);
}

/** Decides which free addresses are kept from everybody because a host has them, and which no longer. */
export function step(state: QuarantineState, input: QuarantineInput, now: number): QuarantineStep {
  const { seen, quarantined, clear, sizeOf } = input;
  const leave = quarantined.filter(({ address }) => clear.has(address));
  const counts = new Map<string, number>();
  for (const { pool } of quarantined) {
    counts.set(pool, (counts.get(pool) ?? 0) + 1);
  }
  const spent = new Map(
    [...state].map(([pool, times]) => [pool, times.filter((at) => now - at < minuteMs)]),
  );
  const enter: SeenInUse[] = [];
  const beyond: SeenInUse[] = [];
  const waits: number[] = [];
  for (const one of seen) {
    const count = counts.get(one.pool) ?? 0;
    const times = spent.get(one.pool) ?? [];
    if (count >= quarantineLimit(sizeOf(one.pool))) {
      beyond.push(one);
    } else if (times.length >= quarantinesPerMinute) {
      waits.push((times[0] ?? now) + minuteMs);
    } else {
      enter.push(one);
      counts.set(one.pool, count + 1);
      spent.set(one.pool, [...times, now]);
    }
  }
  for (const [pool, times] of spent) {
    if (times.length === 0) {
      spent.delete(pool);
    }
  }
  return {
    state: spent,
    enter,
    leave: leave.map(({ address }) => address),
    beyond,
    wakeAt: waits.length === 0 ? undefined : Math.min(...waits),
  };
}
