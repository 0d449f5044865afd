import { describe, expect, test } from "vitest";
import {
  type HandoverInput,
  type HandoverStep,
  lingerMs,
  noHandovers,
  step,
} from "../../../src/core/layer2/handover.ts";
import { ip } from "../net/arbitraries.ts";

const address = ip("192.0.2.4");
const other = ip("192.0.2.5");

/** What comes out in the end of these inputs, each at its time. */
function told(
  ...inputs: readonly (readonly [number, HandoverInput["kind"], string?])[]
): HandoverStep {
  let last: HandoverStep = { state: noHandovers(), stop: [], wakeAt: undefined };
  for (const [now, kind, named] of inputs) {
    last = step(last.state, { kind, address: ip(named ?? address) }, now);
  }
  return last;
}

describe("an address that another node takes over is answered here", () => {
  test("until that one is heard", () => {
    expect(told([0, "yield"]).stop).toEqual([]);
    expect(told([0, "yield"], [5, "claim"]).stop).toEqual([address]);
    expect(told([0, "yield"], [5, "claim", other]).stop).toEqual([]);
  });

  test("for a moment at most", () => {
    expect(told([7, "yield"]).wakeAt).toBe(7 + lingerMs);
    expect(told([0, "yield"], [lingerMs - 1, "wake"]).stop).toEqual([]);
    expect(told([0, "yield"], [lingerMs, "wake"])).toMatchObject({
      stop: [address],
      wakeAt: undefined,
    });
  });

  test("no longer if that one was heard a moment before", () => {
    expect(told([0, "claim"], [100, "yield"])).toMatchObject({
      stop: [address],
      wakeAt: undefined,
    });
    expect(told([0, "claim"], [10_000, "yield"]).stop).toEqual([]);
  });

  test("as any other, once it is this node's again or nobody's", () => {
    expect(told([0, "yield"], [1, "settled"]).wakeAt).toBeUndefined();
    expect(told([0, "yield"], [1, "settled"], [5, "claim"]).stop).toEqual([]);
  });

  test("no longer because it is told again", () => {
    expect(told([0, "yield"], [100, "yield"]).wakeAt).toBe(lingerMs);
  });
});

test("each stops in its turn", () => {
  const both = told([0, "yield"], [100, "yield", other]);
  expect(both.wakeAt).toBe(lingerMs);
  const first = step(both.state, { kind: "wake" }, lingerMs);
  expect([first.stop, first.wakeAt]).toEqual([[address], 100 + lingerMs]);
  expect(step(first.state, { kind: "wake" }, 100 + lingerMs).stop).toEqual([other]);
});

test("forged claims are forgotten, however many and however fast", () => {
  const state = noHandovers();
  for (let n = 0; n < 5_000; n += 1) {
    step(state, { kind: "claim", address: ip(`10.0.${n >> 8}.${n & 255}`) }, 0);
  }
  expect(state.claimedAt.size).toBeLessThanOrEqual(1_000);
  step(state, { kind: "claim", address }, 60_000);
  expect([...state.claimedAt.keys()]).toEqual([address]);
});
