import { describe, expect, test } from "vitest";
import {
  clearAddresses,
  freeIntervalMs,
  idleLookout,
  type LookoutEffect,
  type LookoutInput,
  type LookoutState,
  lookoutMax,
  sightings,
  staggerMs,
  step,
  watchedIntervalMs,
} from "../../../src/core/conflicts/lookout.ts";
import type { IpAddress } from "../../../src/core/net/ip-address.ts";
import type { MacAddress } from "../../../src/core/net/mac-address.ts";
import { ip } from "../net/arbitraries.ts";

const address = ip("192.0.2.10");
const host = "02:00:00:00:00:66" as MacAddress;

function seek(...addresses: readonly IpAddress[]): LookoutInput {
  return { kind: "sought", sought: addresses.map((one) => sought(one, false)) };
}

function sought(
  of: IpAddress,
  quarantined: boolean,
): { address: IpAddress; interface: string; quarantined: boolean } {
  return { address: of, interface: "eth0", quarantined };
}

/** Wakes the lookout until `until`; `answer` says how many of the inquiries of a round the host answers at that time. */
class Watchman {
  state: LookoutState = idleLookout();
  now = 0;
  wakeAt: number | undefined;
  readonly effects: (LookoutEffect & { readonly at: number })[] = [];

  take(input: LookoutInput): void {
    const next = step(this.state, input, this.now);
    ({ state: this.state, wakeAt: this.wakeAt } = next);
    this.effects.push(...next.effects.map((effect) => ({ ...effect, at: this.now })));
  }

  until(end: number, answers: (inquiry: number) => boolean = () => false): void {
    let inquiry = 0;
    while (this.wakeAt !== undefined && this.wakeAt <= end) {
      this.now = this.wakeAt;
      const before = this.effects.length;
      this.take({ kind: "wake" });
      for (const effect of this.effects.slice(before).filter(({ kind }) => kind === "inquire")) {
        if (answers(inquiry)) {
          this.take({ kind: "claim", address: effect.address, mac: host });
        }
        inquiry += 1;
      }
    }
    this.now = end;
  }

  inquiries(): readonly number[] {
    return this.effects.filter(({ kind }) => kind === "inquire").map(({ at }) => at);
  }
}

function watching(...addresses: readonly IpAddress[]): Watchman {
  const watchman = new Watchman();
  watchman.take(seek(...addresses));
  return watchman;
}

describe("an address that is looked for", () => {
  test("is asked for three times, and is clear when nobody answers", () => {
    const watchman = watching(address);
    watchman.until(499);
    expect(clearAddresses(watchman.state)).toEqual([]);
    watchman.until(500);
    expect(watchman.inquiries()).toEqual([0, 100, 200]);
    expect(clearAddresses(watchman.state)).toEqual([address]);
    expect(watchman.wakeAt).toBe(500 + freeIntervalMs);
  });

  test("is in use when a host answers two of three inquiries", () => {
    const watchman = watching(address);
    watchman.until(500, (inquiry) => inquiry !== 1);
    expect(sightings(watchman.state)).toEqual([{ address, interface: "eth0", mac: host }]);
    expect(clearAddresses(watchman.state)).toEqual([]);
  });

  test("is neither when one answer came: it is asked for again soon", () => {
    const watchman = watching(address);
    watchman.until(500, (inquiry) => inquiry === 0);
    expect(sightings(watchman.state)).toEqual([]);
    expect(clearAddresses(watchman.state)).toEqual([]);
    watchman.until(3_000);
    expect(clearAddresses(watchman.state)).toEqual([address]);
  });

  test("is free again after three rounds without an answer, and not before", () => {
    const watchman = watching(address);
    watchman.until(500, () => true);
    watchman.until(500 + 3 * watchedIntervalMs);
    expect(sightings(watchman.state)).toHaveLength(1);
    watchman.until(2_000 + 3 * watchedIntervalMs);
    expect(sightings(watchman.state)).toEqual([]);
    expect(clearAddresses(watchman.state)).toEqual([address]);
  });

  test("takes three rounds to be clear, too, when it came out of another speaker's quarantine", () => {
    const watchman = new Watchman();
    watchman.take({ kind: "sought", sought: [sought(address, true)] });
    watchman.until(1_000 + watchedIntervalMs);
    expect(clearAddresses(watchman.state)).toEqual([]);
    watchman.until(2_000 + 2 * watchedIntervalMs);
    expect(clearAddresses(watchman.state)).toEqual([address]);
  });

  test("is asked for at once when a host announces it; the announcement alone proves nothing", () => {
    const watchman = watching(address);
    watchman.until(60_000);
    watchman.take({ kind: "claim", address, mac: host });
    expect(watchman.wakeAt).toBe(60_000);
    expect(sightings(watchman.state)).toEqual([]);
    watchman.until(60_500);
    expect(sightings(watchman.state)).toEqual([]);
    expect(watchman.inquiries()).toHaveLength(6);
  });

  test("is not asked for more often however often it is announced", () => {
    const watchman = watching(address);
    watchman.until(60_000);
    for (let at = 60_000; at < 70_000; at += 600) {
      watchman.take({ kind: "claim", address, mac: host });
      watchman.until(at, () => false);
    }
    expect(watchman.inquiries().length).toBeLessThan(3 + 3 * 5);
  });
});

test("the first rounds of a long list are spread, and the list is bounded", () => {
  const many = Array.from({ length: 300 }, (_, index) => ip(`10.0.${index >> 8}.${index & 255}`));
  const watchman = watching(...many);
  expect(watchman.effects.filter(({ kind }) => kind === "observe")).toHaveLength(lookoutMax);
  watchman.until(1_000);
  expect(watchman.inquiries().length).toBeLessThanOrEqual(3 * (1_000 / staggerMs + 1));
});

test("what is not looked for any more is not observed, and what stays goes on as it was", () => {
  const other = ip("192.0.2.11");
  const watchman = watching(address, other);
  watchman.until(1_000, () => true);
  watchman.take(seek(other));
  expect(watchman.effects.at(-1)).toMatchObject({ kind: "ignore", address });
  expect(sightings(watchman.state).map((one) => one.address)).toEqual([other]);
});
