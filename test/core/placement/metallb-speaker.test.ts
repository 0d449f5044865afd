import { describe, expect, test } from "vitest";
import {
  advertises,
  includesNode,
  type L2Advertisement,
} from "../../../src/core/model/l2-advertisement.ts";
import type { SpeakerReport } from "../../../src/core/model/l2-speaker.ts";
import type { LabelSelector } from "../../../src/core/model/label-selector.ts";
import { chooseNode } from "../../../src/core/placement/choose-node.ts";
import { eligibleNodes, type PlacementNode } from "../../../src/core/placement/eligibility.ts";
import { hostsOf, isWithoutEndpoints } from "../../../src/core/placement/hosts.ts";
import { tiersOf } from "../../../src/core/placement/tiers.ts";
import { decodeEndpointNodes } from "../../../src/kube/decode/endpoint-nodes.ts";
import { ip } from "../net/arbitraries.ts";
import { candidate } from "./candidates.ts";

/**
 * What MetalLB's speaker decides in its own tests, case by case, and what ours does
 * with `--withdraw-without-endpoints`. The nodes and addresses are MetalLB's.
 */

const iris = ["iris1", "iris2"];

function onNodes(...names: readonly string[]): readonly LabelSelector[] {
  return [{ requirements: [{ key: "host", operator: "In", values: names }] }];
}

function ad(change: Partial<L2Advertisement> = {}): L2Advertisement {
  const selectors = { poolSelectors: [], nodeSelectors: [], serviceSelectors: [] };
  return {
    ...{ name: "ad", pools: [], interfaces: [], preferredNodes: [] },
    ...selectors,
    ...change,
  };
}

function node(name: string, excluded = false): PlacementNode {
  const nic = {
    name: "eth0",
    mac: undefined,
    carrier: true,
    usable: true,
    state: "Usable" as const,
  };
  const report = { interfaces: [{ ...nic, prefixes: [] }], failures: [] };
  return {
    node: {
      ...{ name, uid: name, labels: { host: name }, addresses: [], podCidrs: [], ready: true },
      ...{ networkUnavailable: false, departure: undefined },
    },
    report: report as unknown as SpeakerReport,
    ...{ alive: true, excluded, returned: false },
  };
}

/** Endpoints as `iris1`, `!iris1` (not ready) or `~iris1` (not ready, but serving), one list a slice. */
function endpointsOf(slices: readonly (readonly string[])[]) {
  const ready = new Set<string>();
  const serving = new Set<string>();
  for (const [index, slice] of slices.entries()) {
    const metadata = { namespace: "a", name: `s-${index}`, labels };
    const endpoints = slice.map((text) => ({
      nodeName: text.replace(/^[!~]/, ""),
      conditions: {
        ready: !/^[!~]/.test(text),
        ...(text.startsWith("~") ? { serving: true } : {}),
      },
    }));
    const decoded = decodeEndpointNodes({ metadata, endpoints });
    for (const name of decoded?.ready.split(",") ?? []) {
      ready.add(name);
    }
    for (const name of decoded?.serving.split(",") ?? []) {
      serving.add(name);
    }
  }
  ready.delete("");
  serving.delete("");
  return { ready, serving };
}

const labels = { "kubernetes.io/service-name": "s" };

interface Case {
  readonly policy?: "Local" | "Cluster";
  readonly endpoints?: readonly (readonly string[])[];
  readonly ads?: readonly L2Advertisement[];
  readonly nodes?: readonly PlacementNode[];
}

function announcer(address: string, given: Case = {}): string | undefined {
  const endpoints = endpointsOf(given.endpoints ?? [iris]);
  if (isWithoutEndpoints([endpoints])) {
    return undefined;
  }
  const hosts = given.policy === "Cluster" ? undefined : hostsOf([endpoints]);
  const nodes = given.nodes ?? iris.map((name) => node(name));
  const eligible = eligibleNodes(given.ads ?? [ad()], nodes, hosts);
  return chooseNode(eligible, ip(address), {}, () => 0);
}

test("MetalLB's case without a list of speakers: who has the endpoints announces", () => {
  expect(announcer("10.20.30.1", { endpoints: [["iris1", "iris1"]] })).toBe("iris1");
});

describe("MetalLB's cases of nodes with endpoints", () => {
  test.each<[string, string, readonly (readonly string[])[]]>([
    ["ready on both, in two slices", "iris1 iris2", [["iris1"], ["iris2"]]],
    ["ready on both, in one slice", "iris1 iris2", [["iris1", "iris2"]]],
    ["two on one", "iris1", [["iris1", "iris1"]]],
    ["a ready and another on one", "iris1", [["iris1", "!iris1"]]],
    ["both not ready and serving", "iris1 iris2", [["~iris1", "~iris2"]]],
  ])("nodes with endpoints are those with one that can serve: %s", (_, expected, slices) => {
    expect([...(hostsOf([endpointsOf(slices)]) ?? [])].sort().join(" ")).toBe(expected);
  });
});

describe("MetalLB's cases of Local traffic by endpoints", () => {
  test.each<[string, string, string | undefined, readonly (readonly string[])[]]>([
    ["two ready on iris1", "10.20.30.1", "iris1", [["iris1", "iris1"]]],
    ["two not ready on iris1", "10.20.30.1", undefined, [["!iris1", "!iris1"]]],
    ["one on each, not ready", "10.20.30.1", undefined, [["!iris1", "!iris2"]]],
    ["iris1 ready, iris2 not", "10.20.30.1", "iris1", [["iris1", "!iris2"]]],
    ["ready on both, .1", "10.20.30.1", "iris2", [["iris1", "iris2"]]],
    ["ready on both, .2", "10.20.30.2", "iris1", [["iris1", "iris2"]]],
    [".2 of two, not ready on iris2", "10.20.30.2", "iris1", [["iris1", "!iris2"]]],
    [".1 of two, ready on iris2 only", "10.20.30.1", "iris2", [["!iris1", "iris2"]]],
    [".2 of two, ready on iris1 only", "10.20.30.2", "iris1", [["iris1", "!iris2"]]],
    [
      "three, two on iris2 in another slice",
      "10.20.30.1",
      "iris2",
      [["iris1"], ["iris2", "iris2"]],
    ],
    [
      "three, two on iris1: their number does not count",
      "10.20.30.1",
      "iris2",
      [["iris1", "iris1", "iris2"]],
    ],
    ["three ready, two on iris2", "10.20.30.1", "iris2", [["iris1", "iris2", "iris2"]]],
    [
      "iris1 with a ready and another, iris2 ready",
      "10.20.30.1",
      "iris2",
      [["iris1", "!iris1", "iris2"]],
    ],
    ["iris1 ready, both of iris2 not", "10.20.30.1", "iris1", [["iris1", "!iris2", "!iris2"]]],
  ])("Local traffic goes where it goes there: %s", (_, address, expected, endpoints) => {
    expect(announcer(address, { endpoints })).toBe(expected);
  });

  test("but for one: ready endpoints come before those that are about to end, as for kube-proxy", () => {
    expect(announcer("10.20.30.1", { endpoints: [["iris1", "~iris2"]] })).toBe("iris1");
  });
});

describe("MetalLB's cases of nodes that advertisements select", () => {
  const on = (...names: readonly string[]): L2Advertisement =>
    ad({ nodeSelectors: onNodes(...names) });
  const excluding = (...names: readonly string[]): readonly PlacementNode[] =>
    iris.map((name) => node(name, names.includes(name)));

  test.each<[string, string | undefined, Case]>([
    [
      "Cluster, endpoint on iris1, for iris1",
      "iris1",
      { policy: "Cluster", endpoints: [["iris1"]], ads: [on("iris1")] },
    ],
    [
      "Local, endpoint on iris1, one for each",
      "iris1",
      { endpoints: [["iris1"]], ads: [on("iris1"), on("iris2")] },
    ],
    [
      "Cluster, endpoint on iris1, for both",
      "iris2",
      { policy: "Cluster", endpoints: [["iris1"]], ads: [on(...iris)] },
    ],
    ["Cluster, endpoints on both, for iris1", "iris1", { policy: "Cluster", ads: [on("iris1")] }],
    [
      "Local, endpoint on iris1, for iris2",
      undefined,
      { endpoints: [["iris1"]], ads: [on("iris2")] },
    ],
    ["Cluster, iris2 excluded", "iris1", { policy: "Cluster", nodes: excluding("iris2") }],
    ["Cluster, iris1 excluded", "iris2", { policy: "Cluster", nodes: excluding("iris1") }],
    ["Cluster, both excluded", undefined, { policy: "Cluster", nodes: excluding(...iris) }],
    [
      "Local, both excluded, the label ignored",
      "iris1",
      { endpoints: [["iris1"]], nodes: excluding() },
    ],
  ])("of the selected nodes the same one announces: %s", (_, expected, given) => {
    expect(announcer("10.20.30.1", given)).toBe(expected);
  });

  test("and where none selects a node for the Service, nobody announces", () => {
    const ghost = ad({ nodeSelectors: onNodes("ghost") });
    const other = ad({ serviceSelectors: onNodes("other") });
    expect(advertises(other, { name: "web", labels: {} }, { host: "ours" })).toBe(false);
    expect(announcer("10.20.30.1", { ads: [ghost] })).toBeUndefined();
  });
});

test("MetalLB's sweep over addresses: one node each, whatever Service asks, and none goes without", () => {
  const winners = Array.from({ length: 255 }, (_, n) => {
    const address = `10.20.30.${n + 1}`;
    const [first, second] = [[["iris1"]], [["iris2"]]].map((endpoints) =>
      announcer(address, { policy: "Cluster", endpoints }),
    );
    expect(first).toBe(second);
    return first;
  });
  expect(new Set(winners)).toEqual(new Set(iris));
});

describe("MetalLB's cases of Services that advertisements select", () => {
  const pool = { name: "web", labels: {} };
  const of = (...teams: readonly string[]): L2Advertisement =>
    ad({
      serviceSelectors: teams.map((team) => ({
        requirements: [{ key: "team", operator: "In", values: [team] }],
      })),
    });

  test.each<[string, boolean, L2Advertisement]>([
    ["no selector", true, of()],
    ["one that matches", true, of("edge")],
    ["one that does not", false, of("core")],
    ["two, of which one matches", true, of("core", "edge")],
  ])("the same Services are covered: %s", (_, expected, one) => {
    expect(advertises(one, pool, { team: "edge" })).toBe(expected);
  });

  test("keep those for other nodes: nodes are looked at separately", () => {
    const elsewhere = { ...of("edge"), nodeSelectors: onNodes("iris2") };
    const all = [of("core"), elsewhere, of()];
    expect(all.filter((one) => advertises(one, pool, { team: "edge" }))).toEqual([elsewhere, of()]);
    expect(includesNode(elsewhere, { host: "iris1" })).toBe(false);
  });

  test("leave only the nodes of those that match", () => {
    const foo = { ...of("foo"), nodeSelectors: onNodes("iris1") };
    const bar = { ...of("bar"), nodeSelectors: onNodes("iris2") };
    const announcerFor = (team: string): string | undefined => {
      const ads = [foo, bar].filter((one) => advertises(one, pool, { team }));
      return announcer("10.20.30.1", { policy: "Cluster", ads });
    };
    expect([announcerFor("foo"), announcerFor("bar")]).toEqual(["iris1", "iris2"]);
  });
});

test("MetalLB's case of two advertisements with an interface each: one node, with its own interface", () => {
  const ads = [
    ad({ nodeSelectors: onNodes("iris1"), interfaces: ["eth0"] }),
    ad({ nodeSelectors: onNodes("iris2"), interfaces: ["eth0", "eth1"] }),
  ];
  const eligible = eligibleNodes(
    ads,
    iris.map((name) => node(name)),
  );
  expect(eligible.map(({ interfaces }) => interfaces)).toEqual([["eth0"], ["eth0", "eth1"]]);
  expect(announcer("10.20.30.1", { policy: "Cluster", ads })).toBe("iris2");
});

describe("MetalLB's cases of the order of nodes", () => {
  /** All nodes in the order in which they would announce, one after the other leaving. */
  function order(address: string, scores: Readonly<Record<string, number>>): readonly string[] {
    const all = Object.entries(scores).map(([name, preference]) => candidate(name, { preference }));
    const left = [...all];
    return all.map(() => {
      const next = chooseNode(left, ip(address), {}, () => 0) ?? "";
      left.splice(
        left.findIndex(({ node: name }) => name === next),
        1,
      );
      return next;
    });
  }
  const workers = { "edge-a": 0, "edge-b": 0, "worker-a": 0, "worker-b": 0 };

  test.each<[string, Readonly<Record<string, number>>, string]>([
    ["10.0.0.1", {}, ""],
    ["10.0.0.1", { a: 0 }, "a"],
    ["10.0.0.1", { "node-a": 0, "node-b": 0, "node-c": 0 }, "node-b node-a node-c"],
    ["10.0.0.2", { "node-a": 0, "node-b": 0, "node-c": 0 }, "node-b node-c node-a"],
    ["10.20.30.1", { ...workers, "edge-a": 100 }, "edge-a edge-b worker-a worker-b"],
    ["10.0.0.1", { "node-a": 100, "node-b": 100 }, "node-b node-a"],
    ["10.20.30.1", { "edge-a": 100, "edge-b": 100, "worker-a": 0 }, "edge-b edge-a worker-a"],
  ])("the order is the same: %s of %j", (address, scores, expected) => {
    expect(order(address, scores).join(" ")).toBe(expected);
  });
});

describe("MetalLB's cases of preferred nodes", () => {
  const prefer = (weights: Readonly<Record<string, number>>): L2Advertisement["preferredNodes"] =>
    Object.entries(weights).map(([name, weight]) => ({
      weight,
      selector: onNodes(name)[0] as LabelSelector,
    }));
  const four = ["edge-a", "edge-b", "worker-a", "worker-b"].map((name) => node(name));
  const scoresOf = (
    ads: readonly L2Advertisement[],
    nodes = four,
  ): Readonly<Record<string, number>> =>
    Object.fromEntries(eligibleNodes(ads, nodes).map((it) => [it.node, it.preference]));
  const ofCluster = (ads: readonly L2Advertisement[], nodes = four): string | undefined =>
    announcer("10.20.30.1", { policy: "Cluster", ads, nodes });

  test("give their weights added up to nodes that are selected", () => {
    expect(scoresOf([], four)).toEqual({});
    expect(scoresOf([ad()])).toEqual({ "edge-a": 0, "edge-b": 0, "worker-a": 0, "worker-b": 0 });
    const ads = [
      ad({ preferredNodes: prefer({ "edge-a": 70 }) }),
      ad({ preferredNodes: prefer({ "edge-a": 30, "edge-b": 50 }) }),
    ];
    expect(scoresOf(ads)).toMatchObject({ "edge-a": 100, "edge-b": 50, "worker-a": 0 });
    const two = [ad({ preferredNodes: [...prefer({ "edge-a": 1 }), ...prefer({ "edge-a": 2 })] })];
    expect(scoresOf(two)).toMatchObject({ "edge-a": 3 });
  });

  test("count only where the same advertisement selects the node, and whatever Services it is for", () => {
    const onlyB = ad({ nodeSelectors: onNodes("edge-b"), preferredNodes: prefer({ "edge-a": 9 }) });
    expect(scoresOf([onlyB, ad()])).toMatchObject({ "edge-a": 0, "edge-b": 0 });
    const everyNode = ad({
      serviceSelectors: onNodes("svc"),
      preferredNodes: [{ weight: 4, selector: { requirements: [] } }],
    });
    expect(new Set(Object.values(scoresOf([everyNode])))).toEqual(new Set([4]));
  });

  test("are chosen, of those with endpoints where it must be so", () => {
    const ads = [ad({ preferredNodes: prefer({ "edge-a": 100 }) })];
    expect(ofCluster(ads)).toBe("edge-a");
    const endpoints = [["worker-a"]];
    expect(announcer("10.20.30.1", { ads, nodes: four, endpoints })).toBe("worker-a");
  });

  test("make no two announcers where advertisements differ", () => {
    const edges = ad({
      nodeSelectors: onNodes("edge-a", "edge-b"),
      preferredNodes: prefer({ "edge-a": 100 }),
    });
    expect(ofCluster([edges, ad()])).toBe("edge-a");
  });

  test("are followed by others when they go", () => {
    const ads = [ad({ preferredNodes: prefer({ "edge-a": 100, "edge-b": 100 }) })];
    expect(ofCluster(ads, four.slice(1))).toBe("edge-b");
    expect(ofCluster(ads)).toBe("edge-b");
    expect(ofCluster(ads, four.slice(2))).toBe("worker-a");
    const ranked = tiersOf(eligibleNodes(ads, four)).map((tier) => tier.length);
    expect(ranked).toEqual([2, 2]);
  });
});
