import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  quarantineLimit,
  quarantineMax,
  quarantinesPerMinute,
  type SeenInUse,
  step,
} from "../../../src/core/conflicts/quarantine.ts";
import type { MacAddress } from "../../../src/core/net/mac-address.ts";
import { ip } from "../net/arbitraries.ts";

function seen(last: number): SeenInUse {
  return {
    address: ip(`192.0.2.${last}`),
    mac: "02:00:00:00:00:66" as MacAddress,
    pool: "lan",
    node: "a",
  };
}

const many = (count: number): readonly SeenInUse[] =>
  Array.from({ length: count }, (_, i) => seen(i));
const nothing = { seen: [], quarantined: [], clear: new Set<never>() };

describe("free addresses that a host has", () => {
  test("go into quarantine, a few in a minute", () => {
    const input = { ...nothing, seen: many(20), sizeOf: () => 256n };
    const first = step(new Map(), input, 0);
    expect(first.enter).toEqual(many(quarantinesPerMinute));
    expect(first.wakeAt).toBe(60_000);
    const rest = { ...input, seen: many(20).slice(quarantinesPerMinute), quarantined: first.enter };
    expect(step(first.state, rest, 59_999).enter).toEqual([]);
    expect(step(first.state, rest, 60_000).enter).toHaveLength(quarantinesPerMinute);
  });

  test("stay free beyond a quarter of their pool", () => {
    const input = { ...nothing, seen: many(6), sizeOf: () => 10n };
    const { enter, beyond } = step(new Map(), input, 0);
    expect(enter).toEqual(many(2));
    expect(beyond).toEqual(many(6).slice(2));
  });

  test("leave when nobody has them any more", () => {
    const quarantined = many(2);
    const clear = new Set([ip("192.0.2.1"), ip("192.0.2.77")]);
    expect(step(new Map(), { ...nothing, quarantined, clear, sizeOf: () => 9n }, 0).leave).toEqual([
      "192.0.2.1",
    ]);
  });
});

test("a host that forges answers for a whole pool keeps three quarters of it from nobody, whatever it does when", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 300 }),
      fc.array(fc.tuple(fc.nat(70_000), fc.nat(50)), { maxLength: 40 }),
      (size, rounds) => {
        let state: Parameters<typeof step>[0] = new Map();
        let quarantined: readonly SeenInUse[] = [];
        const enteredAt: number[] = [];
        let now = 0;
        for (const [pause, count] of rounds) {
          now += pause;
          const fresh = Array.from({ length: count }, (_, i) => seen((i * 7) % 256)).filter(
            ({ address }) => !quarantined.some((one) => one.address === address),
          );
          const next = step(
            state,
            { seen: fresh, quarantined, clear: new Set(), sizeOf: () => BigInt(size) },
            now,
          );
          state = next.state;
          quarantined = [...quarantined, ...next.enter];
          enteredAt.push(...next.enter.map(() => now));
          const limit = quarantineLimit(BigInt(size));
          expect(quarantined.length).toBeLessThanOrEqual(limit);
          expect(limit).toBeLessThanOrEqual(Math.min(quarantineMax, Math.max(1, size / 4)));
          expect(enteredAt.filter((at) => now - at < 60_000).length).toBeLessThanOrEqual(
            quarantinesPerMinute,
          );
        }
      },
    ),
  );
});
