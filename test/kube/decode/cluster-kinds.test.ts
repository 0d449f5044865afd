import { describe, expect, test } from "vitest";
import {
  decodeEndpointAddresses,
  decodeServiceCidr,
} from "../../../src/kube/decode/cluster-addresses.ts";
import { decodeDefinition } from "../../../src/kube/decode/definition.ts";
import { decodeLease } from "../../../src/kube/decode/lease.ts";
import { decodeNamespace } from "../../../src/kube/decode/namespace.ts";
import { decodeNode } from "../../../src/kube/decode/node.ts";

test("a Node tells its addresses, Pod CIDRs and whether it has a network", () => {
  const raw = (status: string): object => ({
    metadata: { name: "n", uid: "u", labels: { rack: "1" } },
    spec: { podCIDRs: ["10.244.1.0/24", "nonsense"] },
    status: {
      addresses: [
        { type: "InternalIP", address: "192.0.2.241" },
        { type: "Hostname", address: "n.example" },
      ],
      conditions: [
        { type: "Ready", status: "True" },
        { type: "NetworkUnavailable", status },
      ],
    },
  });
  const { node } = decodeNode(raw("False"));
  expect(node).toMatchObject({
    name: "n",
    uid: "u",
    labels: { rack: "1" },
    addresses: ["192.0.2.241"],
  });
  expect(node.podCidrs.map(({ address, length }) => `${address}/${length}`)).toEqual([
    "10.244.1.0/24",
  ]);
  expect(node.networkUnavailable).toBe(false);
  expect(decodeNode(raw("True")).node.networkUnavailable).toBe(true);
});

describe("a Node is to be relieved of its addresses", () => {
  const kubelet = { type: "Ready", status: "False", reason: "KubeletNotReady" };
  const ready = (condition: object): object => ({ status: { conditions: [condition] } });
  const drain = (value: unknown): object => ({
    metadata: { name: "n", annotations: { "steelyard.dev/drain": value } },
  });
  const taint = (key: string): object => ({ spec: { taints: [{ key, effect: "NoExecute" }] } });
  const off = taint("node.kubernetes.io/out-of-service");
  const message = "node is shutting down";

  test.each<[string, string | undefined, object]>([
    ["by its annotation", "NodeDraining", drain("true")],
    ["not by another value of it", undefined, drain("false")],
    ["not by a value of another type", undefined, drain(true)],
    ["when it shuts down", "NodeShuttingDown", ready({ ...kubelet, message })],
    [
      "when it shuts down and has other troubles",
      "NodeShuttingDown",
      ready({ ...kubelet, message: `[container runtime is down, ${message}]` }),
    ],
    ["not when it is not ready otherwise", undefined, ready({ ...kubelet, message: "no CNI" })],
    ["not when nobody knows", undefined, ready({ ...kubelet, status: "Unknown", message })],
    ["when an admin says that it is off", "NodeOutOfService", off],
    ["not by another taint", undefined, taint("node.kubernetes.io/unreachable")],
    [
      "not by the taint of a control plane",
      undefined,
      taint("node-role.kubernetes.io/control-plane"),
    ],
    ["not when it is cordoned", undefined, { spec: { unschedulable: true } }],
    ["for the gravest reason of all", "NodeOutOfService", { ...drain("true"), ...off }],
    [
      "for its shutdown rather than its annotation",
      "NodeShuttingDown",
      { ...drain("true"), ...ready({ ...kubelet, message }) },
    ],
    ["not by itself", undefined, {}],
  ])("%s: %s", (_, departure, raw) => {
    expect(decodeNode({ metadata: { name: "n" }, ...raw }).node.departure).toBe(departure);
  });
});

test("a Lease reads differently after each renewal, and for another holder", () => {
  const lease = (holderIdentity: string, renewTime: string): string =>
    decodeLease({ metadata: { name: "x" }, spec: { holderIdentity, renewTime } }).renewal;
  const texts = [lease("a", "t1"), lease("a", "t2"), lease("b", "t2")];
  expect(new Set(texts).size).toBe(3);
  expect(lease("a", "t1")).toBe(texts[0]);
});

test("a Namespace tells its labels, and whether it is being deleted", () => {
  const metadata = { name: "shop", labels: { team: "blue", broken: 7 } };
  expect(decodeNamespace({ metadata })).toMatchObject({
    labels: { team: "blue" },
    terminating: false,
  });
  const deleted = { ...metadata, deletionTimestamp: "2026-11-23T10:00:00Z" };
  expect(decodeNamespace({ metadata: deleted }).terminating).toBe(true);
});

test("a ServiceCIDR tells its prefixes, an EndpointSlice its addresses", () => {
  const metadata = { name: "kubernetes" };
  const { prefixes } = decodeServiceCidr({ metadata, spec: { cidrs: ["10.96.0.0/16", "x"] } });
  expect(prefixes.map(({ address }) => address)).toEqual(["10.96.0.0"]);
  const endpoints = [{ addresses: ["192.0.2.240"] }, { addresses: ["x", "192.0.2.239"] }, {}];
  expect(decodeEndpointAddresses({ metadata, endpoints }).addresses).toEqual([
    "192.0.2.240",
    "192.0.2.239",
  ]);
});

test("a CustomResourceDefinition tells whether it is going", () => {
  const raw = (metadata: object): object => ({
    metadata: { name: "pools.example.com", ...metadata },
  });
  const going = { deletionTimestamp: "2026-01-01T00:00:00Z" };
  expect(decodeDefinition(raw({}))).toMatchObject({ key: "pools.example.com", terminating: false });
  expect(decodeDefinition(raw(going)).terminating).toBe(true);
});
