import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { IpAllocation } from "../../../src/core/model/ip-allocation.ts";
import type { L2Bundle } from "../../../src/core/model/l2-bundle.ts";
import type { MacAddress } from "../../../src/core/net/mac-address.ts";
import { decodeIpAllocation } from "../../../src/kube/decode/ip-allocation.ts";
import { decodeL2Bundle } from "../../../src/kube/decode/l2-bundle.ts";
import { decodeL2Speaker } from "../../../src/kube/decode/l2-speaker.ts";
import { encodeIpAllocation, encodeL2Bundle } from "../../../src/kube/encode.ts";
import { ipAddress } from "../../core/net/arbitraries.ts";

/** As it arrives: through JSON. */
function received(object: unknown): unknown {
  return JSON.parse(JSON.stringify(object));
}

const text = fc.string({ minLength: 1 });

describe("what the controller writes reads back the same", () => {
  test("an IPAllocation", () => {
    const allocation: fc.Arbitrary<IpAllocation> = fc.record(
      {
        address: ipAddress,
        claimant: fc.record({ mac: fc.constant("02:00:00:00:00:66" as MacAddress), node: text }),
        pool: text,
        state: fc.constantFrom("Allocated", "Cooling", "Quarantined"),
        bundle: fc.option(text, { nil: undefined }),
        holders: fc.array(
          fc.record(
            {
              namespace: text,
              name: text,
              uid: text,
              ports: fc.array(fc.record({ protocol: text, port: fc.nat() })),
              sharing: fc.record({ key: text, backend: fc.string() }),
            },
            { requiredKeys: ["namespace", "name", "uid", "ports"] },
          ),
        ),
      },
      { requiredKeys: ["address", "pool", "state", "bundle", "holders"] },
    );
    fc.assert(
      fc.property(allocation, (it) => {
        const object = decodeIpAllocation(received(encodeIpAllocation(it, new Date(0))));
        expect(object?.allocation).toEqual(it);
      }),
    );
  });

  test("an L2Bundle", () => {
    const node = fc.record({ node: text, interfaces: fc.array(text) });
    const reason = fc.constantFrom("SpeakerSilent" as const, "NodeDraining" as const);
    const bundle: fc.Arbitrary<L2Bundle> = fc.record(
      {
        name: text,
        advertisements: fc.array(text),
        owner: node,
        standbys: fc.array(node),
        version: fc.record({ term: fc.nat(), sequence: fc.nat() }),
        moved: fc.record({ from: text, reason, at: text }),
      },
      { requiredKeys: ["name", "advertisements", "owner", "standbys", "version"] },
    );
    fc.assert(
      fc.property(bundle, (it) => {
        expect(decodeL2Bundle(received(encodeL2Bundle(it))).bundle).toEqual(it);
      }),
    );
  });
});

test("a bundle that moved for a reason of a later version is read all the same", () => {
  const moved = { from: "n1", reason: "FullMoon", at: "2026-01-01T00:00:00Z" };
  const raw = { metadata: { name: "b" }, spec: { owner: { node: "n2" }, moved } };
  expect(decodeL2Bundle(raw).bundle).toMatchObject({ owner: { node: "n2" } });
  expect(decodeL2Bundle(raw).bundle.moved).toBeUndefined();
});

describe("an L2Speaker", () => {
  test("that has not reported has no report", () => {
    expect(decodeL2Speaker({ metadata: { name: "n" }, spec: {} }).speaker).toEqual({ node: "n" });
  });

  test("tells the uid of its Node, if it belongs to one", () => {
    const nodeUidOf = (ownerReferences: readonly object[]): string | undefined =>
      decodeL2Speaker({ metadata: { name: "n", ownerReferences } }).nodeUid;
    expect(
      nodeUidOf([
        { kind: "Other", uid: "a" },
        { kind: "Node", uid: "b" },
      ]),
    ).toBe("b");
    expect(nodeUidOf([])).toBeUndefined();
  });

  test.each([
    [{ usable: true, carrier: true }, "Usable"],
    [{ usable: false, carrier: false }, "NoCarrier"],
    [{ usable: false, carrier: true }, "NoArp"],
    [{ usable: false, carrier: true, state: "Port" }, "Port"],
    [{ usable: false, carrier: true, state: "NewerState" }, "NoArp"],
    [{ usable: true, carrier: true, state: "NewerState" }, "Usable"],
    [{ usable: true, carrier: true, state: "Down" }, "Usable"],
  ])("an interface %j, as other versions write it, is %s", (written, state) => {
    const status = { interfaces: [{ name: "eth0", prefixes: [], ...written }] };
    const { speaker } = decodeL2Speaker({ metadata: { name: "n" }, status });
    expect(speaker.report?.interfaces[0]?.state).toBe(state);
  });

  test.each([
    [undefined, undefined],
    [
      { state: "Healthy", message: "ok" },
      { state: "Healthy", message: "ok" },
    ],
    [{ state: "Absent" }, { state: "Absent", message: "" }],
    [{ state: "NewerState", message: "ok" }, undefined],
  ])("a dataplane %j is read as %j", (dataplane, read) => {
    const { speaker } = decodeL2Speaker({ metadata: { name: "n" }, status: { dataplane } });
    expect(speaker.report?.dataplane).toEqual(read);
  });

  test("tells which other hosts its speaker saw, and what it is asked for, without what cannot be read", () => {
    const mac = "02:00:00:00:00:66";
    const { speaker, orders } = decodeL2Speaker({
      metadata: { name: "n" },
      spec: {
        probes: ["192.0.2.4", "nonsense"],
        intruders: [{ address: "2001:db8::4", mac }, { mac }],
      },
      status: {
        conflicts: [
          { address: "192.0.2.4", mac: mac.toUpperCase(), interface: "eth0", held: true },
          { address: "192.0.2.5", mac },
          { address: "192.0.2.6", mac: "nonsense", interface: "eth0", held: true },
        ],
        clear: ["192.0.2.7", "nonsense"],
      },
    });
    expect(orders).toEqual({ probes: ["192.0.2.4"], intruders: [{ address: "2001:db8::4", mac }] });
    expect(speaker.report?.conflicts).toEqual([
      { address: "192.0.2.4", mac, interface: "eth0", held: true },
      { address: "192.0.2.5", mac, interface: "", held: false },
    ]);
    expect(speaker.report?.clear).toEqual(["192.0.2.7"]);
  });

  test("tells what its speaker said, in values", () => {
    const { speaker } = decodeL2Speaker({
      metadata: { name: "n" },
      status: {
        interfaces: [
          {
            name: "eth0",
            mac: "02:00:00:00:00:0A",
            carrier: true,
            usable: true,
            prefixes: ["192.0.2.241/24", "nonsense"],
          },
        ],
        defaultGateways: ["192.0.2.254", "nonsense"],
        highestTerm: 4,
        ignoredBundles: ["b"],
        applied: { allocations: "12345678901234567890", bundles: "x" },
        failures: [
          { address: "192.0.2.4", reason: "InterfaceMissing", message: "no eth9" },
          { address: "192.0.2.5", reason: "NewerReason" },
          { address: "nonsense", reason: "LinkFailed" },
        ],
      },
    });
    expect(speaker.report).toMatchObject({
      interfaces: [{ name: "eth0", mac: "02:00:00:00:00:0a", carrier: true, usable: true }],
      defaultGateways: ["192.0.2.254"],
      highestTerm: 4,
      ignoredBundles: ["b"],
      applied: { allocations: 12345678901234567890n, bundles: 0n },
      failures: [
        { address: "192.0.2.4", reason: "InterfaceMissing", message: "no eth9" },
        { address: "192.0.2.5", reason: "LinkFailed", message: "NewerReason" },
      ],
    });
    expect(speaker.report?.interfaces[0]?.prefixes.map(({ address }) => address)).toEqual([
      "192.0.2.241",
    ]);
  });
});

test("an IPAllocation without an address is passed over", () => {
  expect(
    decodeIpAllocation({ metadata: { name: "x" }, spec: { address: "10.0.0" } }),
  ).toBeUndefined();
});
