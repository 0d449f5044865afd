import { describe, expect, test } from "vitest";
import type { L2Advertisement } from "../../../src/core/model/l2-advertisement.ts";
import type {
  DataplaneState,
  SpeakerInterface,
  SpeakerReport,
} from "../../../src/core/model/l2-speaker.ts";
import type { Node } from "../../../src/core/model/node.ts";
import { type IpPrefix, parseIpPrefix } from "../../../src/core/net/ip-prefix.ts";
import type { InterfaceState } from "../../../src/core/net/network-interface.ts";
import {
  eligibleNodes,
  hinderedNodes,
  missingInterfaces,
  type PlacementNode,
  stillEligible,
} from "../../../src/core/placement/eligibility.ts";

function advertisement(change: Partial<L2Advertisement> = {}): L2Advertisement {
  const selectors = { poolSelectors: [], nodeSelectors: [], serviceSelectors: [] };
  const rest = { pools: [], interfaces: [], preferredNodes: [] };
  return { name: "default", ...rest, ...selectors, ...change };
}

function report(nics: Readonly<Record<string, boolean>>): SpeakerReport {
  return {
    interfaces: Object.entries(nics).map(([name, usable]) => ({
      name,
      usable,
      state: usable ? "Usable" : "NoCarrier",
      carrier: usable,
      mac: undefined,
      prefixes: [],
    })),
    defaultGateways: [],
    highestTerm: 0,
    ignoredBundles: [],
    applied: { allocations: 0n, bundles: 0n },
    failures: [],
  };
}

function node(
  name: string,
  change: Partial<Node> = {},
  more: Partial<Omit<PlacementNode, "node">> = {},
): PlacementNode {
  return {
    node: {
      name,
      uid: name,
      labels: { rack: "1" },
      addresses: [],
      podCidrs: [],
      ready: true,
      networkUnavailable: false,
      departure: undefined,
      ...change,
    },
    report: report({ eth0: true, eth1: false }),
    alive: true,
    excluded: false,
    returned: false,
    ...more,
  };
}

describe("a node", () => {
  test.each<[string, boolean, PlacementNode, Partial<L2Advertisement>]>([
    ["is alive, has reported and can", true, node("a"), {}],
    ["is not judged dead", false, node("a", {}, { alive: false }), {}],
    ["has reported", false, node("a", {}, { report: undefined }), {}],
    [
      "has an interface that can announce",
      false,
      node("a", {}, { report: report({ eth0: false }) }),
      {},
    ],
    ["has a network", false, node("a", { networkUnavailable: true }), {}],
    ["is not excluded", false, node("a", {}, { excluded: true }), {}],
    [
      "is selected",
      false,
      node("a"),
      { nodeSelectors: [{ requirements: [{ key: "rack", operator: "In", values: ["2"] }] }] },
    ],
    ["has the interface that is named", true, node("a"), { interfaces: ["eth0"] }],
    ["can announce on the interface that is named", false, node("a"), { interfaces: ["eth1"] }],
  ])("may announce only if nothing speaks against it: %s: %s", (_, eligible, candidate, change) => {
    expect(eligibleNodes([advertisement(change)], [candidate])).toHaveLength(eligible ? 1 : 0);
  });
});

describe("nodes that are about to leave", () => {
  const draining = node("a", { departure: "NodeDraining" });
  const shuttingDown = node("b", { departure: "NodeShuttingDown" });
  const off = node("c", { departure: "NodeOutOfService" });
  const mute = node("d", {}, { alive: false });

  test.each<[string, readonly string[], readonly PlacementNode[]]>([
    ["make room for those that stay", ["e"], [draining, shuttingDown, off, node("e")]],
    ["are better than nobody, unless they are off", ["a", "b"], [draining, shuttingDown, off]],
    ["are better than those that cannot", ["a"], [draining, mute]],
    ["are nothing when they are off, whatever their speaker says", [], [off]],
  ])("%s: %j", (_, expected, nodes) => {
    expect(eligibleNodes([advertisement()], nodes).map((it) => it.node)).toEqual(expected);
    const named = nodes.map(({ node: { name } }) => ({ node: name, interfaces: [] }));
    expect(stillEligible(named, nodes).map((it) => it.node)).toEqual(expected);
  });
});

describe("a node that is selected and does not announce has its reason", () => {
  test.each<[string, PlacementNode, Partial<L2Advertisement>]>([
    ["SpeakerSilent", node("a", {}, { alive: false }), {}],
    ["SpeakerSilent", node("a", {}, { report: undefined }), {}],
    ["NodeNetworkUnavailable", node("a", { networkUnavailable: true }), {}],
    ["NodeExcluded", node("a", {}, { excluded: true }), {}],
    ["NodeDraining", node("a", { departure: "NodeDraining" }), {}],
    ["NodeShuttingDown", node("a", { departure: "NodeShuttingDown" }), {}],
    ["NodeOutOfService", node("a", { departure: "NodeOutOfService" }, { alive: false }), {}],
    ["NoUsableInterface", node("a", {}, { report: report({ eth0: false }) }), {}],
  ])("%s", (reason, candidate, change) => {
    const nodes = [node("z"), candidate];
    expect(hinderedNodes([advertisement(change)], nodes)).toEqual([{ node: "a", reason }]);
  });

  test("and one that lacks the interface that is named, too", () => {
    const nodes = [node("a"), node("b", {}, { report: report({ eth1: true }) })];
    const named = [advertisement({ interfaces: ["eth1"] })];
    expect(hinderedNodes(named, nodes)).toEqual([{ node: "a", reason: "InterfaceMissing" }]);
  });

  test("but not one that announces, nor one that is not selected", () => {
    const rack2 = { requirements: [{ key: "rack", operator: "In" as const, values: ["2"] }] };
    expect(hinderedNodes([advertisement()], [node("a", { departure: "NodeDraining" })])).toEqual(
      [],
    );
    expect(hinderedNodes([advertisement({ nodeSelectors: [rack2] })], [node("a")])).toEqual([]);
  });
});

describe("interfaces", () => {
  test("are the union of what the advertisements that select the node name", () => {
    const onlyRack2 = { requirements: [{ key: "rack", operator: "In" as const, values: ["2"] }] };
    const advertisements = [
      advertisement({ interfaces: ["eth1", "eth0"] }),
      advertisement({ interfaces: ["eth0"] }),
      advertisement({ interfaces: ["eth2"], nodeSelectors: [onlyRack2] }),
    ];
    expect(eligibleNodes(advertisements, [node("a")])).toMatchObject([
      { node: "a", interfaces: ["eth0", "eth1"] },
    ]);
  });

  test("are left to the speaker as soon as one advertisement names none", () => {
    const advertisements = [advertisement({ interfaces: ["eth1"] }), advertisement()];
    const [candidate] = eligibleNodes(advertisements, [node("a")]);
    expect(candidate?.interfaces).toEqual([]);
  });
});

test("nodes come out by name; without an advertisement none does", () => {
  const nodes = [node("b"), node("c"), node("a")];
  expect(eligibleNodes([advertisement()], nodes).map((it) => it.node)).toEqual(["a", "b", "c"]);
  expect(eligibleNodes([], nodes)).toEqual([]);
});

test("nodes named before are still eligible while they can announce on those interfaces", () => {
  const nodes = [node("a"), node("b", {}, { alive: false }), node("c")];
  const named = (name: string, ...interfaces: readonly string[]) => ({ node: name, interfaces });
  const candidates = [
    named("a"),
    named("b"),
    named("c", "eth1"),
    named("c", "eth0"),
    named("gone"),
  ];
  expect(stillEligible(candidates, nodes)).toMatchObject([named("a"), named("c", "eth0")]);
});

describe("the interfaces for want of which nobody can announce", () => {
  const wants = (...interfaces: string[]): L2Advertisement[] => [advertisement({ interfaces })];

  test.each<[string, readonly string[], L2Advertisement[], PlacementNode[]]>([
    ["are those that no node has up", ["eth1", "wan9"], wants("wan9", "eth1"), [node("a")]],
    ["are none when one of them will do", [], wants("wan9", "eth0"), [node("a")]],
    ["are none when no interface is named", [], wants(), [node("a")]],
    ["are none when the nodes are dead", [], wants("wan9"), [node("a", {}, { alive: false })]],
    ["are none when no node is selected", [], wants("wan9"), []],
  ])("%s", (_, expected, advertisements, nodes) => {
    expect(missingInterfaces(advertisements, nodes)).toEqual(expected);
  });
});

describe("addresses that are for Pods on the announcing node alone", () => {
  const nodes = [node("a"), node("b"), node("c", { departure: "NodeDraining" })];

  test("are for nodes with such Pods", () => {
    const names = (...hosts: readonly string[]): readonly string[] =>
      eligibleNodes([advertisement()], nodes, new Set(hosts)).map((it) => it.node);
    expect(names("b", "c")).toEqual(["b"]);
    expect(names("c")).toEqual(["c"]);
    expect(names("elsewhere")).toEqual([]);
  });

  test("tell of the others that they have none, after what is wrong with them besides", () => {
    const dead = node("d", {}, { alive: false });
    expect(hinderedNodes([advertisement()], [...nodes, dead], new Set(["b"]))).toEqual([
      { node: "a", reason: "NodeWithoutEndpoint" },
      { node: "c", reason: "NodeWithoutEndpoint" },
      { node: "d", reason: "SpeakerSilent" },
    ]);
  });
});

describe("a node that can announce is", () => {
  const zone = (...values: string[]) => ({
    requirements: [{ key: "zone", operator: "In" as const, values }],
  });
  const prefers = (weight: number, ...zones: string[]): L2Advertisement =>
    advertisement({ preferredNodes: [{ weight, selector: zone(...zones) }] });
  const inZone = (name: string, zoneName: string): PlacementNode =>
    node(name, { labels: { zone: zoneName } });

  test("preferred as much as all advertisements that select it say together", () => {
    const onlyX = advertisement({ nodeSelectors: [zone("x")], preferredNodes: [] });
    const alsoX = { ...onlyX, preferredNodes: [{ weight: 7, selector: zone("x", "y") }] };
    const both = [prefers(60, "x"), prefers(50, "x", "y"), alsoX];
    const eligible = eligibleNodes(both, [inZone("a", "x"), inZone("b", "y"), inZone("c", "z")]);
    expect(eligible.map(({ preference }) => preference)).toEqual([117, 50, 0]);
  });

  test.each<[string | undefined, PlacementNode]>([
    [undefined, node("a")],
    ["NodeNotReady", node("a", { ready: false })],
    ["NodeReturned", node("a", {}, { returned: true })],
    ["NodeNotReady", node("a", { ready: false }, { returned: true })],
  ])("held back because of %s", (reserve, candidate) => {
    expect(eligibleNodes([advertisement()], [candidate])).toMatchObject([{ reserve }]);
  });
});

describe("a node whose kube-proxy", () => {
  const says = (name: string, state?: DataplaneState): PlacementNode => {
    const dataplane = state === undefined ? {} : { dataplane: { state, message: "" } };
    return node(name, {}, { report: { ...report({ eth0: true }), ...dataplane } });
  };
  const healthy = says("z", "Healthy");

  test.each<[string, string | undefined, DataplaneState | undefined, PlacementNode]>([
    ["answers is as good as any", undefined, "Healthy", healthy],
    ["is not asked is as good as any", undefined, "Unasked", healthy],
    ["is not asked yet by its old speaker is as good as any", undefined, undefined, healthy],
    ["does not answer gets nothing new", "NodeWithoutDataplane", "Absent", healthy],
    ["does not answer as none does is as good as any", undefined, "Absent", says("z", "Absent")],
  ])("%s: %s", (_, reserve, state, other) => {
    const [candidate] = eligibleNodes([advertisement()], [says("a", state), other]);
    expect(candidate).toMatchObject({ node: "a", reserve });
  });

  test.each<[DataplaneState, string]>([
    ["Unhealthy", "DataplaneUnhealthy"],
    ["NodeLeaving", "NodeLeaving"],
  ])("is %s announces only what nobody else can", (state, reason) => {
    const nodes = [says("a", state), healthy];
    expect(eligibleNodes([advertisement()], nodes).map((it) => it.node)).toEqual(["z"]);
    expect(hinderedNodes([advertisement()], nodes)).toEqual([{ node: "a", reason }]);
    expect(eligibleNodes([advertisement()], [says("a", state)])).toHaveLength(1);
  });

  test("is late keeps what it has while all others have no kube-proxy at all", () => {
    const nodes = [says("a", "Unhealthy"), says("b", "Absent")];
    expect(eligibleNodes([advertisement()], nodes)).toMatchObject([
      { node: "a", reserve: undefined },
      { node: "b", reserve: "NodeWithoutDataplane" },
    ]);
  });
});

describe("a node that lost the link to a subnet", () => {
  const ranges = [parseIpPrefix("192.0.2.0/26") as IpPrefix];
  const withLinks = (
    name: string,
    lan: InterfaceState,
    second = "198.51.100.1/24",
  ): PlacementNode => {
    const nic = (it: string, state: InterfaceState, prefix: string): SpeakerInterface => ({
      ...{ name: it, state, usable: state === "Usable", carrier: state === "Usable" },
      ...{ mac: undefined, prefixes: [parseIpPrefix(prefix) as IpPrefix] },
    });
    const interfaces = [nic("eth0", lan, "192.0.2.241/24"), nic("eth1", "Usable", second)];
    return node(name, {}, { report: { ...report({}), interfaces } });
  };
  const eligible = (nodes: readonly PlacementNode[], change = {}): readonly string[] =>
    eligibleNodes([advertisement(change)], nodes, undefined, ranges).map((it) => it.node);

  test.each<InterfaceState>(["Down", "NoCarrier", "Refused"])(
    "of the addresses (%s) leaves them to others, and says why",
    (state) => {
      const nodes = [withLinks("a", state), withLinks("b", "Usable")];
      expect(eligible(nodes)).toEqual(["b"]);
      expect(hinderedNodes([advertisement()], nodes, undefined, ranges)).toEqual([
        { node: "a", reason: "NoUsableInterface" },
      ]);
    },
  );

  test.each<[string, PlacementNode]>([
    ["of other addresses", withLinks("a", "Usable")],
    ["that it has twice", withLinks("a", "NoCarrier", "192.0.2.242/24")],
    ["on an interface that never announces", withLinks("a", "Port")],
  ])("%s keeps them", (_, candidate) => {
    expect(eligible([candidate, withLinks("b", "Usable")])).toEqual(["a", "b"]);
  });

  test("keeps the addresses of its other subnets while there is nobody else", () => {
    expect(eligible([withLinks("a", "Down")])).toEqual(["a"]);
  });

  test("keeps what is announced on interfaces that are named", () => {
    const nodes = [withLinks("a", "Down"), withLinks("b", "Usable")];
    expect(eligible(nodes, { interfaces: ["eth1"] })).toEqual(["a", "b"]);
  });
});
