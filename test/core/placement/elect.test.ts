import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { electNode, rankNodes } from "../../../src/core/placement/elect.ts";
import { ip, ipAddress } from "../net/arbitraries.ts";

describe("the rank of nodes is MetalLB's", () => {
  test.each([
    ["10.0.0.1", ["node-b", "node-a", "node-c"]],
    ["10.0.0.2", ["node-b", "node-c", "node-a"]],
    ["10.20.30.1", ["edge-b", "worker-a", "iris2", "edge-a", "worker-b", "iris1"]],
    ["10.20.30.2", ["iris1", "iris2"]],
  ])("for %s it is %j", (address, nodes) => {
    expect(rankNodes([...nodes].sort(), ip(address))).toEqual(nodes);
  });

  test.each([
    ["node-b#10.0.0.1", "2acae885"],
    ["node-a#10.0.0.1", "dd41591f"],
    ["node-c#10.0.0.1", "f949561f"],
  ])("the hash of %s begins with %s", (text, start) => {
    expect(createHash("sha256").update(text).digest("hex").slice(0, 8)).toBe(start);
  });

  test("hashes the canonical text of IPv6", () => {
    expect(rankNodes(["a", "b", "c"], ip("2001:DB8:0::1"))).toEqual(
      rankNodes(["a", "b", "c"], ip("2001:db8::1")),
    );
  });
});

describe("electing", () => {
  const nodes = fc.uniqueArray(fc.string({ minLength: 1 }), { minLength: 1, maxLength: 8 });

  test("takes the first in rank while load is even, whatever the order of the list", () => {
    fc.assert(
      fc.property(nodes, ipAddress, (names, address) => {
        const [first] = rankNodes(names, address);
        expect(electNode(names, address, () => 0)).toBe(first);
        expect(electNode([...names].reverse(), address, () => 7)).toBe(first);
      }),
    );
  });

  test.each([
    [{ "node-b": 7, "node-a": 8, "node-c": 1 }, "node-b"],
    [{ "node-b": 8, "node-a": 4, "node-c": 4 }, "node-a"],
    [{ "node-b": 8, "node-a": 8, "node-c": 0 }, "node-c"],
  ])("passes over who has more than 1.25 times the mean and one: %j", (loads, elected) => {
    const load = new Map(Object.entries(loads));
    const node = electNode([...load.keys()], ip("10.0.0.1"), (name) => load.get(name) ?? 0);
    expect(node).toBe(elected);
  });

  test("keeps every node near the mean, however many addresses there are", () => {
    fc.assert(
      fc.property(nodes, fc.nat({ max: 300 }), (names, count) => {
        const load = new Map<string, number>();
        for (let n = 0; n < count; n += 1) {
          const address = ip(`10.0.${n >> 8}.${n & 255}`);
          const node = electNode(names, address, (name) => load.get(name) ?? 0) ?? "";
          load.set(node, (load.get(node) ?? 0) + 1);
        }
        const limit = (1.25 * count) / names.length + 2;
        expect(Math.max(0, ...load.values())).toBeLessThanOrEqual(limit);
      }),
    );
  });

  test("elects nobody among no nodes", () => {
    expect(electNode([], ip("10.0.0.1"), () => 0)).toBeUndefined();
  });
});
