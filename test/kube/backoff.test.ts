import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Backoff, backoffDelay } from "../../src/kube/backoff.ts";
import { systemClock } from "../../src/runtime/clock.ts";

const limits = { firstMs: 100, maxMs: 1_000 };

describe("backoff", () => {
  it("stays between half and all of a delay that doubles up to its limit", () => {
    const chance = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2_000 }), chance, (failures, value) => {
        const whole = failures > 4 ? 1_000 : 100 * 2 ** (failures - 1);
        const delay = backoffDelay(limits, failures, value);
        expect(delay).toBeGreaterThanOrEqual(whole / 2);
        expect(delay).toBeLessThanOrEqual(whole);
      }),
    );
  });

  it("waits longer from failure to failure, at least what the server asks, and starts over after a success", async () => {
    const waits: number[] = [];
    const clock = {
      ...systemClock,
      random: () => 0,
      sleep: async (ms: number) => {
        waits.push(ms);
      },
    };
    const backoff = new Backoff(clock, limits);
    const { signal } = new AbortController();
    await backoff.wait(signal);
    await backoff.wait(signal);
    await backoff.wait(signal, 5_000);
    backoff.reset();
    await backoff.wait(signal);
    expect(waits).toEqual([50, 100, 5_000, 50]);
  });
});
