import { describe, expect, test } from "vitest";
import {
  concernedHolders,
  openedSharingKeys,
} from "../../../src/core/allocation/holder-changes.ts";
import type { Holder, IpAllocation } from "../../../src/core/model/ip-allocation.ts";
import { ip } from "../net/arbitraries.ts";

function holder(name: string, port = 80, key?: string): Holder {
  const ports = [{ protocol: "TCP", port }];
  const sharing = key === undefined ? {} : { sharing: { key, backend: "" } };
  return { namespace: "a", name, uid: name, ports, ...sharing };
}

function held(holders: readonly Holder[], change: Partial<IpAllocation> = {}): IpAllocation {
  const base = { address: ip("192.0.2.1"), pool: "p", bundle: "l2-0" };
  return { ...base, state: "Allocated", holders, ...change };
}

const [one, two, three] = [
  holder("one", 80, "x"),
  holder("two", 81, "x"),
  holder("three", 82, "x"),
];

describe("a change of an allocation concerns", () => {
  test.each<[string, IpAllocation | undefined, IpAllocation | undefined, readonly string[]]>([
    ["who gets it", undefined, held([one]), ["a/one"]],
    ["who had it", held([one]), undefined, ["a/one"]],
    ["who had it, when it cools down", held([one]), held([one], { state: "Cooling" }), ["a/one"]],
    ["nobody, when nothing changed", held([one, two]), held([one, two]), []],
    ["who joins, not those who were there", held([one]), held([one, two]), ["a/two"]],
    ["who changes", held([one, two]), held([one, holder("two", 90, "x")]), ["a/two"]],
    [
      "all, when one leaves",
      held([one, two, three]),
      held([one, three]),
      ["a/one", "a/three", "a/two"],
    ],
    [
      "all, when its bundle changes",
      held([one, two]),
      held([one, two], { bundle: "l2-1" }),
      ["a/one", "a/two"],
    ],
    ["the old and the new holder", held([one]), held([two]), ["a/two", "a/one"]],
  ])("%s", (_, before, after, keys) => {
    expect(concernedHolders(before, after)).toEqual(keys);
  });
});

describe("an address opens to those with a key", () => {
  test.each<[string, IpAllocation | undefined, IpAllocation | undefined, readonly string[]]>([
    ["when its first holder has it", undefined, held([one]), ["x"]],
    ["when its holder takes it", held([holder("one")]), held([one]), ["x"]],
    ["when a holder of several leaves", held([one, two]), held([one]), ["x"]],
    ["when a holder has other ports", held([one]), held([holder("one", 81, "x")]), ["x"]],
    [
      "not when its last holder leaves: then it is free for all",
      held([one]),
      held([one], { state: "Cooling" }),
      [],
    ],
    ["not when only its bundle changes", held([one]), held([one], { bundle: "l2-1" }), []],
    ["not when nobody has one", undefined, held([holder("one")]), []],
  ])("%s", (_, before, after, keys) => {
    expect(openedSharingKeys(before, after)).toEqual(keys);
  });
});
