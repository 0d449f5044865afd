/** A situation in which decisions are timed; the same for every contender. */
export interface AllocationCase {
  readonly name: string;
  /** The `spec.addresses` of each pool. All are open to everybody. */
  readonly pools: readonly (readonly string[])[];
  /** Addresses that Services hold before. */
  readonly held: readonly HeldAddresses[];
  /**
   * - `turnover`: a Service goes and another one comes, again and again.
   * - `refusal`: nothing is free, and a Service asks again and again.
   * - `fill`: so many Services get an address each.
   */
  readonly work: "turnover" | "refusal" | { readonly fill: number };
}

/** `count` addresses from `first` on, every `step`-th. */
export interface HeldAddresses {
  readonly first: string;
  readonly count: number;
  readonly step: number;
}

const fills = [1, 50, 99, 100] as const;
const amounts = [1_000, 100_000, 1_000_000] as const;
const manyPools = 1_000;
const poolSize = 16;

/** All of them, in the order in which they are told. */
export const allocationCases: readonly AllocationCase[] = [
  ...fills.map((percent) => filled("192.0.2.0/24", 256, percent)),
  ...fills.map((percent) => filled("10.1.0.0/16", 65_536, percent)),
  ...amounts.flatMap((amount) => [
    crowded("10.0.0.0/8", amount, 1),
    crowded("10.0.0.0/8", amount, 2),
  ]),
  ...amounts.flatMap((amount) => [
    crowded("2001:db8::/64", amount, 1),
    crowded("2001:db8::/64", amount, 2),
  ]),
  overManyPools("all with room", 1),
  overManyPools("all full but one", poolSize),
  {
    name: "20,000 Services in a /16 from empty",
    pools: [["10.1.0.0/16"]],
    held: [],
    work: { fill: 20_000 },
  },
];

function filled(prefix: string, size: number, percent: number): AllocationCase {
  const count = Math.floor((size * percent) / 100);
  return {
    name: `/${prefix.split("/")[1]}, ${percent} % full`,
    pools: [[prefix]],
    held: [{ first: firstOf(prefix), count, step: 1 }],
    work: count === size ? "refusal" : "turnover",
  };
}

function crowded(prefix: string, count: number, step: number): AllocationCase {
  const gaps = step === 1 ? "in a row" : "every second one";
  return {
    name: `/${prefix.split("/")[1]}, ${count.toLocaleString("en")} held ${gaps}`,
    pools: [[prefix]],
    held: [{ first: firstOf(prefix), count, step }],
    work: "turnover",
  };
}

function overManyPools(name: string, heldOfEach: number): AllocationCase {
  const firsts = Array.from({ length: manyPools }, (_, at) => `10.${at >> 8}.${at & 255}.0`);
  const isLast = (at: number): boolean => at === manyPools - 1;
  return {
    name: `${manyPools.toLocaleString("en")} pools, ${name}`,
    pools: firsts.map((first) => [`${first}/28`]),
    held: firsts.map((first, at) => ({ first, count: isLast(at) ? 1 : heldOfEach, step: 1 })),
    work: "turnover",
  };
}

function firstOf(prefix: string): string {
  return prefix.split("/")[0] as string;
}
