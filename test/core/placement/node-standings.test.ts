import fc from "fast-check";
import { expect, test } from "vitest";
import type { L2Advertisement } from "../../../src/core/model/l2-advertisement.ts";
import type { SpeakerReport } from "../../../src/core/model/l2-speaker.ts";
import { eligibleNodes, type PlacementNode } from "../../../src/core/placement/eligibility.ts";
import { type NodeStanding, nodeStandings } from "../../../src/core/placement/node-standings.ts";

const names = ["n1", "n2", "n3", "n4", "n5"] as const;

function advertisement(change: Partial<L2Advertisement> = {}): L2Advertisement {
  const selectors = { poolSelectors: [], nodeSelectors: [], serviceSelectors: [] };
  const rest = { pools: [], interfaces: [], preferredNodes: [] };
  return { name: "default", ...rest, ...selectors, ...change };
}

const rack = (value: string): L2Advertisement["nodeSelectors"][number] => ({
  requirements: [{ key: "rack", operator: "In", values: [value] }],
});

const report: SpeakerReport = {
  interfaces: [
    { name: "eth0", usable: true, state: "Usable", carrier: true, mac: undefined, prefixes: [] },
  ],
  defaultGateways: [],
  highestTerm: 0,
  ignoredBundles: [],
  applied: { allocations: 0n, bundles: 0n },
  failures: [],
};

function node(
  name: string,
  change: Partial<PlacementNode["node"]> = {},
  more: Partial<Omit<PlacementNode, "node">> = {},
): PlacementNode {
  const rest = { uid: name, labels: { rack: "1" }, addresses: [], podCidrs: [], ready: true };
  return {
    node: { name, ...rest, networkUnavailable: false, departure: undefined, ...change },
    ...{ report, alive: true, excluded: false, returned: false, ...more },
  };
}

const anyNode = (name: string): fc.Arbitrary<PlacementNode> =>
  fc
    .record({
      labels: fc.constantFrom({ rack: "1" }, { rack: "2" }),
      ready: fc.boolean(),
      networkUnavailable: fc.constantFrom(false, false, true),
      departure: fc.constantFrom(undefined, undefined, "NodeDraining", "NodeOutOfService"),
      alive: fc.constantFrom(true, true, false),
      excluded: fc.constantFrom(false, false, true),
      returned: fc.boolean(),
      known: fc.constantFrom(true, true, false),
    })
    .map(({ alive, excluded, returned, known, ...change }) =>
      node(name, change, { alive, excluded, returned, report: known ? report : undefined }),
    );

test("every node has one standing, and it can announce exactly where placement lets it", () => {
  const facts = fc.record({
    nodes: fc.tuple(...names.map(anyNode)),
    advertisements: fc.subarray([
      advertisement({ nodeSelectors: [rack("1")] }),
      advertisement({ interfaces: ["eth1"] }),
      advertisement({ preferredNodes: [{ weight: 5, selector: rack("2") }] }),
    ]),
    hosts: fc.option(
      fc.subarray([...names]).map((list) => new Set(list)),
      { nil: undefined },
    ),
    owner: fc.constantFrom(undefined, ...names, "gone"),
    standbys: fc.shuffledSubarray(["gone", ...names]),
  });
  fc.assert(
    fc.property(facts, (it) => {
      const standings = nodeStandings(it);
      expect(standings.map((one) => one.node).sort()).toEqual([...names]);
      const able = eligibleNodes(it.advertisements, it.nodes, it.hosts).map((one) => one.node);
      for (const { node: name, role, reason } of standings) {
        const can = able.includes(name);
        expect(role === "owner").toBe(name === it.owner);
        expect(["standby", "able"].includes(role)).toBe(can && name !== it.owner);
        expect(reason === undefined).toBe(role === "owner" && can);
        expect(role === "standby").toBe(can && name !== it.owner && it.standbys.includes(name));
      }
    }),
  );
});

/** `node role reason` of each standing. */
function told(standings: readonly NodeStanding[]): readonly string[] {
  return standings.map((one) => `${one.node} ${one.role} ${one.reason ?? ""}`.trim());
}

test("who would be next stands in the order of the bundle, without those that cannot", () => {
  const standings = nodeStandings({
    advertisements: [advertisement()],
    nodes: [
      node("n1"),
      node("n2"),
      node("n3", { networkUnavailable: true }),
      node("n4"),
      node("n5"),
    ],
    owner: "n2",
    standbys: ["n4", "n3", "n1"],
  });
  expect(told(standings)).toEqual([
    "n2 owner",
    "n4 standby NodeNotChosen",
    "n1 standby NodeNotChosen",
    "n5 able NodeNotChosen",
    "n3 unable NodeNetworkUnavailable",
  ]);
});

test("each says what keeps it, or why another one has the address", () => {
  const preferred = { weight: 10, selector: rack("2") };
  const standings = nodeStandings({
    advertisements: [
      advertisement({ preferredNodes: [preferred], nodeSelectors: [rack("1"), rack("2")] }),
    ],
    nodes: [
      node("owner", { labels: { rack: "2" } }),
      node("a-less"),
      node("b-unready", { ready: false }),
      node("c-back", {}, { returned: true }),
      node("d-silent", {}, { alive: false }),
      node("e-excluded", {}, { excluded: true }),
      node("f-elsewhere", { labels: { rack: "3" } }),
      node("g-draining", { departure: "NodeDraining" }),
      node("h-empty"),
    ],
    hosts: new Set(["owner", "a-less", "b-unready", "c-back", "d-silent", "g-draining"]),
    owner: "owner",
    standbys: [],
  });
  expect(told(standings)).toEqual([
    "owner owner",
    "a-less able NodePreferred",
    "b-unready able NodeNotReady",
    "c-back able NodeReturned",
    "d-silent unable SpeakerSilent",
    "e-excluded unable NodeExcluded",
    "f-elsewhere unable NodeNotSelected",
    "g-draining unable NodeDraining",
    "h-empty unable NodeWithoutEndpoint",
  ]);
});

test("an owner that cannot announce any more says why, until the address has moved", () => {
  const standings = nodeStandings({
    advertisements: [advertisement()],
    nodes: [node("n1", {}, { alive: false })],
    owner: "n1",
    standbys: [],
  });
  expect(told(standings)).toEqual(["n1 owner SpeakerSilent"]);
});
