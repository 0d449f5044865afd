import { describe, expect, test } from "vitest";
import {
  holdDownMs,
  type NodePresence,
  type NodeReturns,
  nextRelease,
  noReturns,
  noteReturns,
} from "../../../src/core/placement/hold-down.ts";

const here: NodePresence = { node: "a", able: true, known: true };
const gone: NodePresence = { node: "a", able: false, known: true };
const booting: NodePresence = { node: "a", able: false, known: false };

/** What is remembered after these looks, a second apart. */
function remembered(...looks: readonly (NodePresence | undefined)[]): NodeReturns {
  return looks.reduce<NodeReturns>(
    (state, look, second) => noteReturns(state, look === undefined ? [] : [look], second * 1_000),
    noReturns,
  );
}

const isHeldDown = (state: NodeReturns): boolean => state.returnedAt.has("a");

describe("a node is held down", () => {
  test.each<[string, boolean, readonly (NodePresence | undefined)[]]>([
    ["when it comes back", true, [here, gone, here]],
    ["also if it was gone already at the first look", true, [gone, here]],
    ["still a second later", true, [gone, here, here]],
    ["not while it is gone again", false, [gone, here, gone]],
    ["not because it has been there all the time", false, [here, here]],
    ["not when it comes for the first time", false, [booting, here]],
    ["not when its Node was made anew", false, [gone, undefined, here]],
  ])("%s: %s", (_, expected, looks) => {
    expect(isHeldDown(remembered(...looks))).toBe(expected);
  });

  test("until it has stayed for a minute, each time that it comes back", () => {
    const state = remembered(gone, here);
    expect(nextRelease(state)).toBe(1_000 + holdDownMs);
    expect(isHeldDown(noteReturns(state, [here], holdDownMs))).toBe(true);
    const released = noteReturns(state, [here], 1_000 + holdDownMs);
    expect(isHeldDown(released)).toBe(false);
    expect(nextRelease(released)).toBeUndefined();
    const again = noteReturns(noteReturns(state, [gone], 30_000), [here], 31_000);
    expect(nextRelease(again)).toBe(31_000 + holdDownMs);
  });
});
