import { beforeEach, describe, expect, test } from "vitest";
import { clusterRanges } from "../../../src/core/allocation/cluster-ranges.ts";
import {
  claimConflict,
  clusterClashes,
  clusterConflicts,
  overlapConflict,
} from "../../../src/core/allocation/conflicts.ts";
import { type DeniedRange, DenyList } from "../../../src/core/allocation/deny-list.ts";
import { Ledger } from "../../../src/core/allocation/ledger.ts";
import type { IpAddressPool } from "../../../src/core/model/ip-address-pool.ts";
import type { IpPrefix } from "../../../src/core/net/ip-prefix.ts";
import { parseIpPrefix } from "../../../src/core/net/ip-prefix.ts";
import { ip, range } from "../net/arbitraries.ts";
import { poolOf } from "./pools.ts";

function prefix(text: string): IpPrefix {
  return parseIpPrefix(text) ?? expect.unreachable(text);
}

function pool(...texts: readonly string[]): IpAddressPool {
  return poolOf("p", texts);
}

let ledger: Ledger;

function hold(address: string, ...keys: readonly string[]): void {
  const holders = keys.map((key) => {
    const [namespace = "", name = ""] = key.split("/");
    return { namespace, name, uid: key, ports: [] };
  });
  ledger.put({ address: ip(address), pool: "p", holders, state: "Allocated", bundle: undefined });
}

beforeEach(() => {
  ledger = new Ledger();
});

describe("a pool with addresses of the cluster itself", () => {
  const node = (name: string, addresses: readonly string[], podCidrs: readonly string[] = []) => ({
    name,
    uid: name,
    labels: {},
    addresses: addresses.map(ip),
    podCidrs: podCidrs.map(prefix),
    ready: true,
    networkUnavailable: false,
    departure: undefined,
  });
  const report = (node: string, own: string, gateway: string) => ({
    node,
    report: {
      interfaces: [
        {
          name: "eth0",
          mac: undefined,
          carrier: true,
          usable: true,
          state: "Usable" as const,
          prefixes: [prefix(own)],
        },
      ],
      defaultGateways: [ip(gateway)],
      highestTerm: 0,
      ignoredBundles: [],
      applied: { allocations: 0n, bundles: 0n },
      failures: [],
    },
  });
  const denied = clusterRanges({
    nodes: [node("n1", ["192.0.2.1"], ["10.244.1.0/24"]), node("n2", ["192.0.2.2", "2001:db8::2"])],
    speakers: [
      report("n1", "192.0.2.1/24", "192.0.2.254"),
      report("n2", "192.0.2.2/24", "192.0.2.254"),
    ],
    serviceCidrs: [prefix("10.96.0.0/16")],
    apiServers: [ip("198.51.100.7")],
  });
  const found = (...texts: readonly string[]): readonly string[] =>
    clusterConflicts(clusterClashes([pool(...texts)], denied).get("p"), ledger).map(
      ({ reason, message }) => `${reason}: ${message}`,
    );
  const remedy = "Nothing of this is given out: take it out of spec.addresses";

  test.each([
    ["192.0.2.0/31", [`PoolHasNodeAddress: 192.0.2.1 is an address of node n1. ${remedy}`]],
    ["2001:db8::/64", [`PoolHasNodeAddress: 2001:db8::2 is an address of node n2. ${remedy}`]],
    [
      "192.0.2.254-192.0.2.255",
      [`PoolHasGateway: 192.0.2.254 is the default gateway of node n2. ${remedy}`],
    ],
    [
      "198.51.100.0/24",
      [`PoolHasApiServer: 198.51.100.7 is an address of the Kubernetes API server. ${remedy}`],
    ],
    [
      "10.96.255.0-10.97.0.7",
      [
        `PoolInServiceCidr: 10.96.255.0-10.96.255.255 is inside the Service CIDR of this cluster. ${remedy}`,
      ],
    ],
    [
      "10.244.1.128-10.244.1.130",
      [`PoolInPodCidr: 10.244.1.128-10.244.1.130 is inside the Pod CIDR of node n1. ${remedy}`],
    ],
    ["192.0.2.128/26", []],
    ["192.0.2.0/32", []],
  ])("%s is told what they are", (text, expected) => {
    expect(found(text)).toEqual(expected);
  });

  test("has each kind of fault told once", () => {
    expect(found("192.0.2.0/24", "192.0.2.0/24").map((text) => text.split(":")[0])).toEqual([
      "PoolHasNodeAddress",
      "PoolHasGateway",
    ]);
  });

  test("is told who keeps one, and that one first", () => {
    hold("192.0.2.2", "a/web", "b/db");
    hold("10.96.0.9", "a/web");
    expect(found("192.0.2.0/24")[0]).toBe(
      "PoolHasNodeAddress: 192.0.2.2 is an address of node n2, and stays with Service a/web, b/db; " +
        `192.0.2.1 is an address of node n1. ${remedy}`,
    );
    expect(found("10.96.0.0/24")[0]).toBe(
      "PoolInServiceCidr: 10.96.0.0-10.96.0.255 is inside the Service CIDR of this cluster, and 1 of them are in use and stay so. " +
        remedy,
    );
  });

  test("is at peace where an AddressPolicy excludes them", () => {
    const excluded: DeniedRange = {
      ...range("192.0.2.0-192.0.2.1"),
      reason: "AddressExcluded",
      why: "excluded by AddressPolicy x",
    };
    const clashes = clusterClashes([pool("192.0.2.0/24")], [...denied, excluded]).get("p");
    expect(clusterConflicts(clashes, ledger)[0]?.message).toBe(
      `192.0.2.2 is an address of node n2. ${remedy}`,
    );
  });

  test("is told of thousands of them in a sentence that fits a condition and an Event", () => {
    const nodes = Array.from({ length: 5_000 }, (_, n) =>
      node(`a-node-with-a-rather-long-name-${n}`, [`203.0.${n >> 8}.${n & 255}`]),
    );
    const many = clusterRanges({ nodes, speakers: [], serviceCidrs: [], apiServers: [] });
    const [conflict] = clusterConflicts(
      clusterClashes([pool("203.0.0.0/16")], many).get("p"),
      ledger,
    );
    expect(conflict?.message).toContain("203.0.0.7 is an address of node");
    expect(conflict?.message).toContain("and 4992 more");
    expect(conflict?.message.length).toBeLessThan(1_024);
  });
});

describe("a pool with addresses that Services use by other means", () => {
  test("is told which ones and who, in order, but not of who holds them", () => {
    const denyList = new DenyList();
    denyList.addClaim(ip("192.0.2.9"), "b/old");
    denyList.addClaim(ip("192.0.2.9"), "a/old");
    denyList.addClaim(ip("192.0.2.3"), "a/web");
    denyList.addClaim(ip("192.0.3.1"), "a/elsewhere");
    hold("192.0.2.3", "a/web");
    expect(claimConflict(pool("192.0.2.0/24"), denyList, ledger)).toEqual({
      reason: "PoolHasClaimedAddress",
      message:
        "192.0.2.9 is used by Service a/old, b/old in spec.externalIPs or by another controller. " +
        "Nothing of this is given out: take it out of spec.addresses",
    });
    denyList.removeClaim(ip("192.0.2.9"), "a/old");
    denyList.removeClaim(ip("192.0.2.9"), "b/old");
    expect(claimConflict(pool("192.0.2.0/24"), denyList, ledger)).toBeUndefined();
    denyList.addClaim(ip("192.0.2.3"), "c/thief");
    expect(claimConflict(pool("192.0.2.0/24"), denyList, ledger)?.message).toContain(
      "192.0.2.3 is used by Service c/thief in spec.externalIPs or by another controller, " +
        "and stays with Service a/web",
    );
  });

  test("is told nothing of addresses that it never gives: nobody looks at it when their claims end", () => {
    const denyList = new DenyList();
    denyList.addClaim(ip("192.0.2.255"), "a/old");
    const all = pool("192.0.2.0/24");
    expect(claimConflict(all, denyList, ledger)).toBeDefined();
    expect(claimConflict({ ...all, avoidBuggyIPs: true }, denyList, ledger)).toBeUndefined();
  });

  test("is told which other load balancer it is, where that is known", () => {
    const denyList = new DenyList();
    denyList.addClaim(ip("192.0.2.9"), "b/theirs", "Cilium LB-IPAM");
    denyList.addClaim(ip("192.0.2.9"), "a/theirs", "k3s ServiceLB");
    denyList.addClaim(ip("192.0.2.9"), "a/old");
    expect(claimConflict(pool("192.0.2.0/24"), denyList, ledger)?.message).toContain(
      "192.0.2.9 is used by Service a/old, a/theirs (k3s ServiceLB), b/theirs (Cilium LB-IPAM) " +
        "in spec.externalIPs or by another controller",
    );
  });
});

describe("a pool that overlaps others", () => {
  test("is told what it leaves to which, and why", () => {
    const yielded = [
      { to: "a", because: "InUse", ranges: [range("192.0.2.0/30"), range("192.0.2.8/32")] },
      { to: "b", because: "Older", ranges: [range("2001:db8::/127")] },
    ] as const;
    expect(overlapConflict(yielded)).toEqual({
      reason: "PoolOverlap",
      message:
        "IPAddressPools overlap: this one leaves 192.0.2.0-192.0.2.3, 192.0.2.8 to a, which has addresses in use where pools overlap, " +
        "2001:db8::-2001:db8::1 to b, which is older. It keeps what it gave. Take the addresses out of one of the pools",
    });
    expect(overlapConflict([])).toBeUndefined();
  });
});
