import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { IpAddress } from "../../../src/core/net/ip-address.ts";
import { loadLimit } from "../../../src/core/placement/elect.ts";
import type { Candidate } from "../../../src/core/placement/eligibility.ts";
import { balanced, type Move, rebalance } from "../../../src/core/placement/rebalance.ts";
import { bestOf } from "../../../src/core/placement/tiers.ts";
import { ip } from "../net/arbitraries.ts";
import { candidate, candidates } from "./candidates.ts";

const afterMs = 600_000;
const minute = 60_000;

/** A group of addresses that are moved when they are to be. */
class Balanced {
  readonly owners = new Map<IpAddress, string>();
  nodes: readonly Candidate[];
  now = 0;
  #state = balanced;

  constructor(nodes: readonly Candidate[], counts: Readonly<Record<string, number>>) {
    this.nodes = nodes;
    let next = 0;
    for (const [node, count] of Object.entries(counts)) {
      for (let n = 0; n < count; n += 1) {
        this.owners.set(ip(`10.0.${next >> 8}.${next & 255}`), node);
        next += 1;
      }
    }
  }

  load = (node: string): number => this.#addressesOf(node).length;

  /** Looks once, a minute after the last time, and moves what is to move. */
  look(): readonly Move[] {
    const loads = new Map(this.nodes.map(({ node }) => [node, this.load(node)]));
    const addressesOf = (node: string): readonly IpAddress[] => this.#addressesOf(node);
    const group = { key: "g", candidates: this.nodes, addressesOf };
    const { state, moves } = rebalance(this.#state, [group], loads, { now: this.now, afterMs });
    this.#state = state;
    this.now += minute;
    for (const { address, to } of moves) {
      this.owners.set(address, to);
    }
    return moves;
  }

  looks(count: number): readonly (readonly Move[])[] {
    return Array.from({ length: count }, () => this.look());
  }

  #addressesOf(node: string): readonly IpAddress[] {
    return [...this.owners].filter(([, owner]) => owner === node).map(([address]) => address);
  }
}

const three = ["n1", "n2", "n3"].map((name) => candidate(name));

describe("addresses move by themselves", () => {
  test("from a node with clearly more than others, after ten minutes, one or a hundredth a minute", () => {
    const group = new Balanced(three, { n1: 10, n2: 1, n3: 1 });
    const before = group.looks(10).flat();
    expect(before).toEqual([]);
    const moves = group.looks(10);
    expect(moves.map((look) => look.length)).toEqual([1, 1, 1, 1, 0, 0, 0, 0, 0, 0]);
    expect(moves.flat()).toMatchObject(
      Array.from({ length: 4 }, () => ({ from: "n1", reason: "NodeLoad" })),
    );
    const large = new Balanced(three, { n1: 600, n2: 0, n3: 0 });
    expect(large.looks(12).map((look) => look.length)).toEqual([...Array(10).fill(0), 6, 6]);
  });

  test("not because of a little more", () => {
    const group = new Balanced(three, { n1: 6, n2: 4, n3: 2 });
    expect(group.looks(30).flat()).toEqual([]);
  });

  test("not if it was so for a while only", () => {
    const group = new Balanced(three, { n1: 10, n2: 1, n3: 1 });
    group.looks(8);
    group.nodes = three.slice(0, 1);
    group.looks(1);
    group.nodes = three;
    expect(group.looks(10).flat()).toEqual([]);
  });

  test("to the nodes that the advertisements prefer now", () => {
    const group = new Balanced(three, { n1: 1, n2: 1, n3: 1 });
    group.nodes = [candidate("n1", { preference: 5 }), ...three.slice(1)];
    const moves = group.looks(20).flat();
    expect(moves.map(({ from, to, reason }) => [from, to, reason]).sort()).toEqual([
      ["n2", "n1", "NodePreferred"],
      ["n3", "n1", "NodePreferred"],
    ]);
  });

  test("to no node with a reserve", () => {
    const group = new Balanced(three, { n1: 10, n2: 1 });
    group.nodes = [
      candidate("n1"),
      ...three.slice(1).map((it) => ({ ...it, reserve: "NodeReturned" as const })),
    ];
    expect(group.looks(30).flat()).toEqual([]);
    group.nodes = [
      candidate("n1", { reserve: "NodeReturned" }),
      candidate("n2", { reserve: "NodeNotReady", preference: 5 }),
    ];
    expect(group.looks(30).flat()).toEqual([]);
  });
});

test("moves end, with nobody among the best much above the mean, each for the better and none in a hurry", () => {
  const counts = fc.dictionary(fc.constantFrom("n1", "n2", "n3", "n4"), fc.nat(12));
  fc.assert(
    fc.property(candidates, counts, (nodes, load) => {
      const fit = nodes.map(({ node }) => node);
      const group = new Balanced(
        nodes,
        Object.fromEntries(Object.entries(load).filter(([node]) => fit.includes(node))),
      );
      const best = bestOf(nodes).map(({ node }) => node);
      const movedAt = new Map<IpAddress, number>();
      for (let looks = 0; looks < 80; looks += 1) {
        for (const { address, to } of group.look()) {
          expect(
            group.now - (movedAt.get(address) ?? Number.NEGATIVE_INFINITY),
          ).toBeGreaterThanOrEqual(afterMs);
          movedAt.set(address, group.now);
          expect(best).toContain(to);
        }
      }
      expect(group.looks(12).flat()).toEqual([]);
      if (bestOf(nodes)[0]?.reserve === undefined) {
        const preference = bestOf(nodes)[0]?.preference ?? 0;
        const limit = loadLimit(best, group.load);
        expect(Math.max(...best.map(group.load))).toBeLessThanOrEqual(limit);
        const lesser = nodes.filter((node) => node.preference < preference);
        expect(lesser.map(({ node }) => group.load(node))).toEqual(lesser.map(() => 0));
      }
    }),
    { numRuns: 60 },
  );
});
