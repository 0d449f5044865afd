import { describe, expect, test } from "vitest";
import { type IpAddress, parseIpAddress } from "../../src/core/net/ip-address.ts";
import { type IpPrefix, parseIpPrefix } from "../../src/core/net/ip-prefix.ts";
import type { MacAddress } from "../../src/core/net/mac-address.ts";
import type { NetworkInterface } from "../../src/core/net/network-interface.ts";
import { formatFinding } from "../../src/speaker/check.ts";
import {
  type Finding,
  type InterfaceSettings,
  judgeNode,
  type NodeFacts,
} from "../../src/speaker/node-needs.ts";

function nic(name: string, more: Partial<NetworkInterface> = {}): NetworkInterface {
  return {
    name,
    index: 2,
    mac: "02:00:00:00:00:01" as MacAddress,
    up: true,
    carrier: true,
    loopback: false,
    noArp: false,
    master: undefined,
    lower: undefined,
    kind: undefined,
    renewals: 1,
    excludedBy: undefined,
    prefixes: [parseIpPrefix("192.0.2.241/24") as IpPrefix],
    ...more,
  };
}

const defaults: InterfaceSettings = { arpIgnore: 0, arpAnnounce: 0, rpFilter: 0 };

function settings(
  ...folders: readonly (readonly [string, Partial<InterfaceSettings>])[]
): NodeFacts["settings"] {
  const all: NodeFacts["settings"] = new Map([
    ["all", defaults],
    ["eth0", defaults],
  ]);
  return new Map([
    ...all,
    ...folders.map(([name, some]) => [name, { ...defaults, ...some }] as const),
  ]);
}

const gateway = parseIpAddress("192.0.2.254") as IpAddress;

/** A node that has everything. */
const good: NodeFacts = {
  capabilities: { effective: 1n << 13n, bounding: 1n << 13n },
  packetSocketError: undefined,
  interfaces: [nic("eth0")],
  settings: settings(),
  forwarding: true,
  kernel: "6.12.0-1-amd64",
  defaultGateways: [gateway],
  echo: { kind: "answered", ms: 0.25 },
  apiServer: { kind: "reached", version: "v1.37.2" },
};

function finding(need: string, facts: Partial<NodeFacts>): Finding {
  const found = judgeNode({ ...good, ...facts }).filter((one) => one.need === need);
  expect(found).toHaveLength(1);
  return found[0] as Finding;
}

const ipvs = ["kube-ipvs0", {}] as const;
const down = { carrier: false };
const wide = [nic("eth0"), nic("eth1", { index: 3 })];

describe("judging a node", () => {
  test("that has everything finds one need after the other met, with nothing to do", () => {
    const findings = judgeNode(good);
    expect(findings.map(({ state }) => state)).toEqual(findings.map(() => "ok"));
    expect(findings.filter(({ remedy }) => remedy !== undefined)).toEqual([]);
    expect(new Set(findings.map(({ need }) => need)).size).toBe(findings.length);
  });

  test.for<[string, Finding["state"], RegExp, Partial<NodeFacts>]>([
    ["NET_RAW", "fail", /user 0/, { capabilities: { effective: 0n, bounding: 1n << 13n } }],
    ["NET_RAW", "fail", /add: \[NET_RAW/, { capabilities: { effective: 0n, bounding: 1n << 12n } }],
    ["packet socket", "fail", /EPERM/, { packetSocketError: "EPERM" }],
    ["interfaces", "warn", /not known/, { packetSocketError: "EPERM", interfaces: [] }],
    ["interfaces", "fail", /none that is up/, { interfaces: [nic("lo", { loopback: true })] }],
    ["interfaces", "fail", /none/, { interfaces: [nic("eth0", { master: 9 })] }],
    ["interfaces", "fail", /none/, { interfaces: [nic("veth1", { excludedBy: "^veth" })] }],
    ["interfaces", "warn", /without an IPv4/, { interfaces: [nic("eth0", { prefixes: [] })] }],
    ["interfaces", "ok", /eth0 192\.0\.2\.241\/24/, {}],
    ["interface eth1", "warn", /no carrier/, { interfaces: [nic("eth0"), nic("eth1", down)] }],
    ["arp_ignore", "ok", /answers/, { settings: settings(["eth0", { arpIgnore: 2 }]) }],
    ["arp_ignore", "fail", /^.*eth0: 3/, { settings: settings(["eth0", { arpIgnore: 8 }]) }],
    ["arp_ignore", "fail", /eth0/, { settings: settings(["all", { arpIgnore: 3 }]) }],
    ["arp_ignore", "ok", /answers/, { settings: settings(["eth7", { arpIgnore: 8 }]) }],
    ["strictARP", "fail", /strictARP: true/, { settings: settings(ipvs) }],
    [
      "strictARP",
      "fail",
      /every node answers/,
      { settings: settings(ipvs, ["all", { arpIgnore: 1, arpAnnounce: 1 }]) },
    ],
    [
      "strictARP",
      "ok",
      /with strictARP/,
      { settings: settings(ipvs, ["all", { arpIgnore: 1 }], ["eth0", { arpAnnounce: 2 }]) },
    ],
    ["rp_filter", "ok", /no client/, { settings: settings(["all", { rpFilter: 1 }]) }],
    [
      "rp_filter",
      "warn",
      /eth1: strict/,
      { interfaces: wide, settings: settings(["eth1", { rpFilter: 1 }]) },
    ],
    [
      "rp_filter",
      "ok",
      /no client/,
      { interfaces: wide, settings: settings(["all", { rpFilter: 2 }], ["eth1", { rpFilter: 1 }]) },
    ],
    ["forwarding", "fail", /ip_forward/, { forwarding: false }],
    ["kernel", "warn", /4\.19/, { kernel: "4.18.0-553.el8" }],
    ["kernel", "ok", /4\.19\.0/, { kernel: "4.19.0" }],
    ["kernel", "ok", /5\.4\.0/, { kernel: "5.4.0" }],
    ["default gateway", "warn", /default route/, { defaultGateways: [] }],
    ["raw-socket", "ok", /not tried/, { echo: undefined }],
    ["raw-socket", "ok", /did not answer/, { echo: { kind: "silent" } }],
    ["raw-socket", "warn", /is off: not built/, { echo: { kind: "off", reason: "not built" } }],
    ["API server", "fail", /401/, { apiServer: { kind: "failed", error: "401" } }],
    ["API server", "warn", /--kubeconfig/, { apiServer: { kind: "unknown" } }],
  ])("%s: %s, %s", ([need, state, words, facts]) => {
    const found = finding(need, facts);
    expect(found.state).toBe(state);
    expect(formatFinding(found)).toMatch(words);
  });

  test("says what to do wherever something is wrong", () => {
    const bad: NodeFacts = {
      capabilities: { effective: 0n, bounding: 0n },
      packetSocketError: undefined,
      interfaces: [nic("eth0"), nic("eth1"), nic("eth2", down)],
      settings: settings(ipvs, ["all", { arpIgnore: 8, rpFilter: 1 }]),
      forwarding: false,
      kernel: "3.10.0",
      defaultGateways: [],
      echo: { kind: "off", reason: "missing" },
      apiServer: { kind: "failed", error: "refused" },
    };
    const wrong = judgeNode(bad).filter(({ state }) => state !== "ok");
    expect(wrong).toHaveLength(10);
    expect(wrong.filter(({ remedy }) => remedy === undefined)).toEqual([]);
  });
});
