import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  type ContestedEffect,
  type ContestedInput,
  type ContestedState,
  contestedMax,
  contests,
  defendIntervalMs,
  inquiryIntervalMs,
  settleMs,
  step,
  uncontested,
} from "../../../src/core/conflicts/contested.ts";
import type { MacAddress } from "../../../src/core/net/mac-address.ts";
import { ip } from "../net/arbitraries.ts";

const address = ip("192.0.2.4");
const rival = "02:00:00:00:00:66" as MacAddress;
const other = "02:00:00:00:00:67" as MacAddress;
const intruded: ContestedInput = { kind: "judged", intruded: new Set([address]) };
const lost: ContestedInput = { kind: "lost", address };
const wake: ContestedInput = { kind: "wake" };

function claim(mac = rival, of = address): ContestedInput {
  return { kind: "claim", address: of, interface: "eth0", mac };
}

/** What comes of these inputs, each at its time; between them the driver wakes when asked to. */
function play(...inputs: readonly (readonly [number, ContestedInput])[]): {
  readonly state: ContestedState;
  readonly effects: readonly (readonly [number, ContestedEffect["kind"]])[];
  readonly wakeAt: number | undefined;
} {
  let state = uncontested();
  let wakeAt: number | undefined;
  const effects: (readonly [number, ContestedEffect["kind"]])[] = [];
  const take = (now: number, input: ContestedInput): void => {
    const next = step(state, input, now);
    ({ state, wakeAt } = next);
    effects.push(...next.effects.map(({ kind }) => [now, kind] as const));
  };
  for (const [at, input] of inputs) {
    while (wakeAt !== undefined && wakeAt < at) {
      take(wakeAt, wake);
    }
    take(at, input);
  }
  return { state, effects, wakeAt };
}

describe("an address that another host claims", () => {
  test("is reported when it is still ours a moment later, with who claims it", () => {
    const { state, wakeAt } = play([0, claim()]);
    expect(contests(state, settleMs - 1)).toEqual([]);
    expect(wakeAt).toBe(settleMs);
    expect(contests(state, settleMs)).toEqual([{ address, interface: "eth0", mac: rival }]);
  });

  test("is not reported when it was on its way to that host", () => {
    const { state, wakeAt } = play([0, claim()], [100, lost]);
    expect(contests(state, settleMs)).toEqual([]);
    expect(wakeAt).toBeUndefined();
  });

  test("is defended only once the controller knows the rival for none of ours", () => {
    expect(play([0, claim()], [1_000, claim()], [5_000, claim()]).effects).toEqual([]);
    expect(play([0, claim()], [1_000, intruded]).effects).toEqual([[1_000, "defend"]]);
  });

  test("is defended at most once in ten seconds, however often it is claimed", () => {
    const claims = Array.from(
      { length: 300 },
      (_, index) => [1_000 + index * 100, claim()] as const,
    );
    const { effects } = play([0, claim()], [500, intruded], ...claims);
    const defences = effects.filter(([, kind]) => kind === "defend").map(([at]) => at);
    expect(defences).toEqual([
      500,
      500 + defendIntervalMs,
      500 + 2 * defendIntervalMs,
      500 + 3 * defendIntervalMs,
    ]);
  });

  test("is not defended again before it is claimed again", () => {
    const { effects } = play([0, claim()], [500, intruded], [40_000, wake]);
    expect(effects.filter(([, kind]) => kind === "defend")).toEqual([[500, "defend"]]);
  });

  test("is asked for until nobody has answered three times; then it is ours alone again", () => {
    const asked = [
      [inquiryIntervalMs, "inquire"],
      [20_000, "inquire"],
      [30_000, "inquire"],
    ];
    const { state, effects, wakeAt } = play([0, claim()], [31_000, wake]);
    expect(effects).toEqual(asked);
    expect(contests(state, 31_000)).toEqual([]);
    expect(wakeAt).toBeUndefined();
  });

  test("stays contested for as long as the rival answers", () => {
    const answers = [10_001, 20_001, 30_001, 40_001].map((at) => [at, claim()] as const);
    const { state } = play([0, claim()], ...answers);
    expect(contests(state, 60_000)).toHaveLength(1);
  });

  test("keeps its first rival while that one is heard: who forges hardware addresses changes nothing", () => {
    const { state } = play([0, claim()], [400, claim(other)], [5_000, claim(other)]);
    expect(contests(state, 6_000)[0]?.mac).toBe(rival);
    const later = play([0, claim()], [10_001, claim(other)]);
    expect(contests(later.state, 10_001)[0]?.mac).toBe(other);
  });

  test("is one of a bounded number, and the first ones stay", () => {
    const many = Array.from({ length: 2 * contestedMax }, (_, index) => ip(`10.0.0.${index}`));
    const { state } = play(...many.map((one) => [0, claim(rival, one)] as const));
    expect(contests(state, settleMs).map((one) => one.address)).toEqual(
      many.slice(0, contestedMax),
    );
  });
});

test("whatever others send, no address is defended more than once in ten seconds, nor one that is not intruded", () => {
  const addresses = [ip("192.0.2.1"), ip("192.0.2.2"), ip("2001:db8::1")];
  const anyAddress = fc.constantFrom(...addresses);
  const input = fc.oneof(
    fc.record({
      kind: fc.constant("claim" as const),
      address: anyAddress,
      interface: fc.constant("eth0"),
      mac: fc.constantFrom(rival, other),
    }),
    fc.record({ kind: fc.constant("lost" as const), address: anyAddress }),
    fc.record({
      kind: fc.constant("judged" as const),
      intruded: fc.uniqueArray(anyAddress).map((list) => new Set(list)),
    }),
    fc.constant(wake),
  );
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(4_000), input), { maxLength: 60 }), (inputs) => {
      let now = 0;
      let state = uncontested();
      let judged: ReadonlySet<string> = new Set();
      const defendedAt = new Map<string, number>();
      for (const [pause, one] of inputs) {
        now += pause;
        judged = one.kind === "judged" ? one.intruded : judged;
        if (one.kind === "lost") {
          // It may come back to this node as another grant, in its own right.
          defendedAt.delete(one.address);
        }
        const next = step(state, one, now);
        state = next.state;
        for (const effect of next.effects.filter(({ kind }) => kind === "defend")) {
          expect(judged.has(effect.address)).toBe(true);
          expect(now - (defendedAt.get(effect.address) ?? -Infinity)).toBeGreaterThanOrEqual(
            defendIntervalMs,
          );
        }
        for (const effect of next.effects.filter(({ kind }) => kind === "defend")) {
          defendedAt.set(effect.address, now);
        }
        expect(state.known.size).toBeLessThanOrEqual(contestedMax);
      }
    }),
  );
});
