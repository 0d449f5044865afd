import { describe, expect, test } from "vitest";
import type { IpAddressPool } from "../../../src/core/model/ip-address-pool.ts";
import { poolOf, sizeOf } from "./pools.ts";

function pool(avoidBuggyIPs: boolean, ...addresses: readonly string[]): IpAddressPool {
  return { ...poolOf("pool", addresses), avoidBuggyIPs };
}

describe("the size of a pool, as its supply counts it", () => {
  test("adds up the ranges of one family", () => {
    const mixed = pool(false, "10.0.0.0/24", "10.0.1.0/25", "2001:db8::/64");
    expect(sizeOf(pool(false, "10.0.0.0/24"), 4)).toBe(256n);
    expect(sizeOf(mixed, 4)).toBe(384n);
    expect(sizeOf(mixed, 6)).toBe(2n ** 64n);
  });

  test("leaves out IPv4 addresses that end in .0 and .255 where the pool does, and no others", () => {
    expect(sizeOf(pool(true, "10.0.0.0/24", "10.0.1.0/25"), 4)).toBe(381n);
    expect(sizeOf(pool(true, "1.2.3.0/31", "1000::/127"), 4)).toBe(1n);
    expect(sizeOf(pool(true, "1.2.3.0/31", "1000::/127"), 6)).toBe(2n);
    expect(sizeOf(pool(true, "10.0.0.255-10.0.1.0"), 4)).toBe(0n);
    expect(sizeOf(pool(true, "10.0.0.1-10.0.0.254"), 4)).toBe(254n);
  });

  test("of prefixes larger than any integer of 64 bits is exact, in whatever order they stand", () => {
    const mixed = ["fd00::/64", "192.0.2.0/24", "fd01::/67", "fd02::/67", "fd03::/67", "fd04::/67"];
    for (const addresses of [mixed, [...mixed].reverse()]) {
      expect(sizeOf(pool(true, ...addresses), 4)).toBe(254n);
      expect(sizeOf(pool(true, ...addresses), 6)).toBe(2n ** 64n + 4n * 2n ** 61n);
    }
    expect(sizeOf(pool(false, "::/0"), 6)).toBe(2n ** 128n);
  });

  test("of one address that is avoided is none, not less", () => {
    expect(sizeOf(pool(true, "192.0.2.0/32"), 4)).toBe(0n);
    expect(sizeOf(pool(true, "192.0.2.255/32"), 4)).toBe(0n);
  });

  test("counts what two ranges share once", () => {
    const overlapping = ["10.0.0.10-10.0.0.20", "10.0.0.0-10.0.0.30", "10.0.0.25-10.0.0.40"];
    expect(sizeOf(pool(false, ...overlapping), 4)).toBe(41n);
  });
});
