import { expect, test } from "vitest";
import { clusterRanges } from "../../../src/core/allocation/cluster-ranges.ts";
import type { L2Speaker } from "../../../src/core/model/l2-speaker.ts";
import { type IpPrefix, parseIpPrefix } from "../../../src/core/net/ip-prefix.ts";
import { formatIpRange } from "../../../src/core/net/ip-range.ts";
import { ip } from "../net/arbitraries.ts";

function prefix(text: string): IpPrefix {
  return parseIpPrefix(text) ?? expect.unreachable(text);
}

test("every address that the cluster uses is denied, in words that say for what", () => {
  const silent: L2Speaker = { node: "node-2", report: undefined };
  const nic = {
    name: "eth0",
    mac: undefined,
    carrier: true,
    usable: true,
    state: "Usable" as const,
  };
  const speaker: L2Speaker = {
    node: "node-1",
    report: {
      interfaces: [{ ...nic, prefixes: [prefix("192.0.2.241/24"), prefix("2001:db8::f1/64")] }],
      defaultGateways: [ip("192.0.2.254")],
      highestTerm: 0,
      ignoredBundles: [],
      applied: { allocations: 0n, bundles: 0n },
      failures: [],
    },
  };
  const node = {
    name: "node-1",
    uid: "",
    labels: {},
    addresses: [ip("192.0.2.241")],
    podCidrs: [prefix("10.244.1.0/24")],
    ready: true,
    networkUnavailable: false,
    departure: undefined,
  };
  const ranges = clusterRanges({
    nodes: [node],
    speakers: [silent, speaker],
    serviceCidrs: [prefix("10.96.0.0/16")],
    apiServers: [ip("192.0.2.240")],
  });
  expect(ranges.map((range) => `${formatIpRange(range)} is ${range.why}`)).toEqual([
    "192.0.2.240 is an address of the Kubernetes API server",
    "10.96.0.0-10.96.255.255 is inside the Service CIDR of this cluster",
    "192.0.2.241 is an address of node node-1",
    "10.244.1.0-10.244.1.255 is inside the Pod CIDR of node node-1",
    "192.0.2.254 is the default gateway of node node-1",
    "192.0.2.241 is an address of node node-1",
    "192.0.2.0 is the network or broadcast address of 192.0.2.241/24 on node node-1",
    "192.0.2.255 is the network or broadcast address of 192.0.2.241/24 on node node-1",
    "2001:db8::f1 is an address of node node-1",
    "2001:db8:: is the subnet-router anycast address of 2001:db8::f1/64 on node node-1",
  ]);
});
