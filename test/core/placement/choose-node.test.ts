import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { chooseNode, type NodeClaims } from "../../../src/core/placement/choose-node.ts";
import { electNode, loadLimit } from "../../../src/core/placement/elect.ts";
import { bestOf } from "../../../src/core/placement/tiers.ts";
import { ip, ipAddress } from "../net/arbitraries.ts";
import { candidate, candidates } from "./candidates.ts";

const address = ip("10.0.0.1");
const even = (): number => 0;

describe("of the nodes that may announce, the one that does", () => {
  // MetalLB's order for this address: node-b, node-a, node-c.
  const abc = ["node-a", "node-b", "node-c"].map((name) => candidate(name));

  test.each<[string, string, NodeClaims]>([
    ["is MetalLB's where nothing else speaks", "node-b", {}],
    ["is the one that has it", "node-c", { present: "node-c", last: ["node-a"] }],
    ["is the one that had it last", "node-c", { last: ["gone", "node-c"] }],
    ["is the one that it is to move to", "node-a", { wanted: "node-a", present: "node-c" }],
    ["is none that may not", "node-b", { wanted: "gone", present: "gone", last: ["gone"] }],
  ])("%s: %s", (_, expected, claims) => {
    expect(chooseNode(abc, address, claims, even)).toBe(expected);
  });

  test("is one that the advertisements prefer, however laden", () => {
    const nodes = [...abc, candidate("edge", { preference: 1 })];
    expect(chooseNode(nodes, address, {}, (name) => (name === "edge" ? 1_000 : 0))).toBe("edge");
  });

  test("is no node with a reserve while there is another, but stays with one", () => {
    const nodes = [candidate("node-b", { reserve: "NodeNotReady", preference: 9 }), candidate("z")];
    expect(chooseNode(nodes, address, {}, even)).toBe("z");
    expect(chooseNode(nodes, address, { present: "node-b" }, even)).toBe("node-b");
    expect(chooseNode(nodes.slice(0, 1), address, {}, even)).toBe("node-b");
  });

  test("is nobody where nobody may", () => {
    expect(chooseNode([], address, { present: "node-a" }, even)).toBeUndefined();
  });

  test("is one of the best, and none with clearly more than they have, whatever nobody claims", () => {
    const loads = fc.dictionary(fc.constantFrom("n1", "n2", "n3", "n4", "n5"), fc.nat(50));
    fc.assert(
      fc.property(candidates, ipAddress, loads, (nodes, anAddress, known) => {
        const load = (name: string): number => known[name] ?? 0;
        const chosen = chooseNode(nodes, anAddress, { present: "gone" }, load) ?? "";
        const best = bestOf(nodes).map(({ node }) => node);
        expect(best).toContain(chosen);
        expect(load(chosen)).toBeLessThanOrEqual(loadLimit(best, load));
        expect(chosen).toBe(electNode(best, anAddress, load));
      }),
    );
  });
});
