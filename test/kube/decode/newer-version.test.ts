import { describe, expect, test } from "vitest";
import { Ledger } from "../../../src/core/allocation/ledger.ts";
import { decodeIpAllocation } from "../../../src/kube/decode/ip-allocation.ts";
import { decodeL2Bundle } from "../../../src/kube/decode/l2-bundle.ts";
import { decodeL2Speaker } from "../../../src/kube/decode/l2-speaker.ts";
import { decodeLease } from "../../../src/kube/decode/lease.ts";
import { ip } from "../../core/net/arbitraries.ts";

/** What this version writes. */
const allocation = {
  metadata: { name: "192.0.2.10", uid: "u", resourceVersion: "7" },
  spec: {
    address: "192.0.2.10",
    pool: "production",
    state: "Allocated",
    bundle: "l2-0",
    holders: [{ namespace: "shop", name: "web", uid: "s", ports: [{ protocol: "TCP", port: 80 }] }],
  },
};
const node = { node: "node-1", interfaces: ["eth0"] };
const bundle = {
  metadata: { name: "l2-0", uid: "u", resourceVersion: "8" },
  spec: { advertisements: ["default"], owner: node, standbys: [node], term: 3, sequence: 4 },
};
const speaker = {
  metadata: { name: "node-1", uid: "u", resourceVersion: "9" },
  spec: {},
  status: {
    interfaces: [
      {
        name: "eth0",
        mac: "02:00:00:00:00:01",
        carrier: true,
        usable: true,
        state: "Usable",
        prefixes: ["192.0.2.1/24"],
      },
    ],
    defaultGateways: ["192.0.2.254"],
    dataplane: { state: "Healthy", message: "ok" },
    highestTerm: 3,
    announced: 1,
    applied: { allocations: "7", bundles: "8" },
    failures: [{ address: "192.0.2.11", reason: "LinkFailed", message: "no" }],
  },
};
const lease = {
  metadata: { name: "steelyard-speaker-node-1", uid: "u", resourceVersion: "10" },
  spec: { holderIdentity: "pod", renewTime: "2026-11-23T10:00:00.000000Z" },
};

/** The same with fields of another version in every object of it, and an annotation. */
function fromNewerVersion(value: unknown): unknown {
  if (Array.isArray(value)) {
    return value.map(fromNewerVersion);
  }
  if (typeof value !== "object" || value === null) {
    return value;
  }
  const fields = Object.entries(value).map(([name, inner]) => [name, fromNewerVersion(inner)]);
  return {
    ...Object.fromEntries(fields),
    handover: { from: "node-2", ballot: [1, "x"] },
    annotations: { "steelyard.dev/newer": "true" },
  };
}

test("an IPAllocation of an older version, without what sharing needs, is read as shared with nobody", () => {
  const [holder] = decodeIpAllocation(allocation)?.allocation.holders ?? [];
  expect(holder?.name).toBe("web");
  expect(holder?.sharing).toBeUndefined();
});

describe("what a newer version has added to an object changes nothing of the rest", () => {
  test.each<[string, object, (raw: unknown) => unknown]>([
    ["IPAllocation", allocation, decodeIpAllocation],
    ["L2Bundle", bundle, decodeL2Bundle],
    ["L2Speaker", speaker, decodeL2Speaker],
    ["Lease", lease, decodeLease],
  ])("%s", (_, object, decode) => {
    const before = decode(object);
    expect(before).toBeDefined();
    expect(decode(fromNewerVersion(object))).toEqual(before);
  });
});

describe("an address that a newer version has given a state of its own is taken", () => {
  const inState = (state: unknown, change: object = {}): unknown => ({
    ...allocation,
    spec: { ...allocation.spec, state, ...change },
  });

  test.each<[string, unknown, "Allocated" | "Quarantined"]>([
    ["and stays with its holder", inState("Migrating"), "Allocated"],
    ["and is nobody's without one", inState("Migrating", { holders: [] }), "Quarantined"],
    ["whatever stands for the state", inState({ phase: "Migrating" }), "Allocated"],
    ["whatever stands for the address", inState("Migrating", { address: { v4: 1 } }), "Allocated"],
  ])("%s", (_, raw, state) => {
    const decoded = decodeIpAllocation(raw)?.allocation;
    expect(decoded).toMatchObject({ address: "192.0.2.10", bundle: "l2-0", state });
    const ledger = new Ledger();
    if (decoded !== undefined) {
      ledger.put(decoded);
    }
    expect(ledger.get(ip("192.0.2.10"))?.state).toBe(state);
    expect(ledger.heldBy("shop/web")).toEqual(state === "Allocated" ? ["192.0.2.10"] : []);
  });

  test("also when only its name tells it, in either family", () => {
    const named = (name: string): string | undefined =>
      decodeIpAllocation({ metadata: { name }, spec: {} })?.allocation.address;
    expect(named("192.0.2.10")).toBe("192.0.2.10");
    expect(named("2001-0db8-0000-0000-0000-0000-0000-0001")).toBe("2001:db8::1");
    expect(named("no-address")).toBeUndefined();
  });
});
