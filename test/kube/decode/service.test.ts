import { describe, expect, test } from "vitest";
import { decodeService, type ServiceObject } from "../../../src/kube/decode/service.ts";

interface Parts {
  readonly annotations?: object;
  readonly spec?: object;
  readonly status?: object;
}

function decode({ annotations = {}, spec = {}, status = {} }: Parts, ourClass = ""): ServiceObject {
  const metadata = { namespace: "a", name: "one", uid: "u", resourceVersion: "1", annotations };
  return decodeService({ metadata, spec: { type: "LoadBalancer", ...spec }, status }, ourClass);
}

const ips = "metallb.io/loadBalancerIPs";
const formerIps = "metallb.universe.tf/loadBalancerIPs";

describe("what a Service asks for", () => {
  test.each<[string, Parts, object]>([
    ["nothing", {}, { addresses: [], pool: undefined, error: undefined }],
    [
      "empty texts",
      { spec: { loadBalancerIP: "" }, annotations: { [ips]: "" } },
      { addresses: [], error: undefined },
    ],
    [
      "one address in spec",
      { spec: { loadBalancerIP: "192.0.2.4" } },
      { addresses: ["192.0.2.4"], source: "spec.loadBalancerIP" },
    ],
    [
      "a list",
      { annotations: { [ips]: "192.0.2.4, ::1" } },
      { addresses: ["192.0.2.4", "::1"], source: ips },
    ],
    ["the former annotation", { annotations: { [formerIps]: "192.0.2.4" } }, { source: formerIps }],
    ["any spelling", { annotations: { [ips]: "2001:DB8:0::1" } }, { addresses: ["2001:db8::1"] }],
    [
      "a pool",
      { annotations: { "metallb.io/address-pool": "web" } },
      { pool: "web", addresses: [] },
    ],
    [
      "a pool and an address",
      { annotations: { "metallb.io/address-pool": "web", [ips]: "192.0.2.4" } },
      { pool: "web", addresses: ["192.0.2.4"] },
    ],
  ])("%s", (_, parts, wish) => {
    expect(decode(parts).service.wish).toMatchObject(wish);
  });

  test.each<[string, Parts, string]>([
    [
      "no address",
      { spec: { loadBalancerIP: "nonsense" } },
      'invalid spec.loadBalancerIP: "nonsense"',
    ],
    [
      "a list in spec",
      { spec: { loadBalancerIP: "192.0.2.4,192.0.2.5" } },
      "invalid spec.loadBalancerIP",
    ],
    ["a bad one in a list", { annotations: { [ips]: "192.0.2.4,x" } }, `invalid ${ips}`],
    [
      "an empty one in a list",
      { annotations: { [formerIps]: "192.0.2.4," } },
      `invalid ${formerIps}`,
    ],
    [
      "one twice, spelled differently",
      { annotations: { [ips]: "::1,0::1" } },
      "names an address twice",
    ],
    [
      "both places",
      { spec: { loadBalancerIP: "192.0.2.4" }, annotations: { [ips]: "192.0.2.4" } },
      `service can not have both ${ips} and spec.loadBalancerIP`,
    ],
  ])("is refused: %s", (_, parts, error) => {
    const { wish } = decode(parts).service;
    expect(wish.error).toContain(error);
    expect(wish.addresses).toEqual([]);
  });
});

describe("whose a Service is", () => {
  test.each<[string, object, string, boolean]>([
    ["no class, and we serve those", {}, "", true],
    ["an empty class, and we serve those without", { loadBalancerClass: "" }, "", true],
    ["a class, and we serve those without", { loadBalancerClass: "x/y" }, "", false],
    ["our class", { loadBalancerClass: "x/y" }, "x/y", true],
    ["another class", { loadBalancerClass: "x/z" }, "x/y", false],
    ["no class, and we serve one", {}, "x/y", false],
    ["another type", { type: "NodePort" }, "", false],
  ])("is told by type and class: %s", (_, spec, ourClass, ours) => {
    expect(decode({ spec }, ourClass).service.wantsAddress).toBe(ours);
  });
});

test.each<[string, object, readonly number[]]>([
  ["two cluster IPs, the primary first", { clusterIPs: ["fd00::9", "10.96.0.9"] }, [6, 4]],
  ["the old field", { clusterIP: "10.96.0.9" }, [4]],
  ["the new field wins", { clusterIP: "10.96.0.9", clusterIPs: ["fd00::9"] }, [6]],
  ["a family twice counts once", { clusterIPs: ["10.96.0.9", "10.96.0.8", "fd00::9"] }, [4, 6]],
  ["a headless Service", { clusterIP: "None", clusterIPs: ["None"] }, []],
  ["none yet", {}, []],
  ["two of one family", { clusterIPs: ["10.96.0.9", "10.96.0.10"] }, [4]],
  ["three", { clusterIPs: ["fd00::9", "10.96.0.9", "fd00::10"] }, [6, 4]],
])("families come from the cluster IPs: %s", (_, spec, families) => {
  expect(decode({ spec }).service.families).toEqual(families);
});

test("a Service that is being deleted wants its address until it is gone", () => {
  const { service } = decodeService(
    {
      metadata: {
        namespace: "a",
        name: "one",
        deletionTimestamp: "2026-01-01T00:00:00Z",
        finalizers: ["example.com/wait"],
      },
      spec: { type: "LoadBalancer", clusterIPs: ["10.96.0.9"] },
    },
    "",
  );
  expect(service.wantsAddress).toBe(true);
});

test("what was written before is known as it stands", () => {
  const condition = {
    type: "x",
    status: "True",
    reason: "R",
    message: "m",
    lastTransitionTime: "t",
  };
  const { written, service } = decode({
    annotations: { "metallb.io/ip-allocated-from-pool": "web" },
    status: {
      loadBalancer: {
        ingress: [{ ip: "192.0.2.4" }, { hostname: "x.example" }, { ip: "nonsense" }],
      },
      conditions: [condition],
    },
  });
  expect(written).toEqual({
    ingress: ["192.0.2.4", "x.example", "nonsense"],
    conditions: [condition],
    poolAnnotation: "web",
  });
  expect(service.statusAddresses).toEqual(["192.0.2.4"]);
});

test("ports, labels and externalIPs are read, with Kubernetes' defaults", () => {
  const { service } = decode({
    spec: { ports: [{ port: 80 }, { port: 53, protocol: "UDP" }], externalIPs: ["192.0.2.9", "x"] },
  });
  expect(service.ports).toEqual([
    { protocol: "TCP", port: 80 },
    { protocol: "UDP", port: 53 },
  ]);
  expect(service.externalIPs).toEqual(["192.0.2.9"]);
  expect(service.familyPolicy).toBe("SingleStack");
});

describe("with whom a Service may share its address", () => {
  const key = "metallb.io/allow-shared-ip";
  const former = "metallb.universe.tf/allow-shared-ip";
  const local = { externalTrafficPolicy: "Local" };
  const long = "x".repeat(129);

  test.each<[string, Parts, object | undefined]>([
    ["nobody, without a key", {}, undefined],
    ["nobody, with an empty key", { annotations: { [key]: "", [former]: "dns" } }, undefined],
    ["those with its key", { annotations: { [key]: "dns" } }, { key: "dns", backend: "" }],
    ["the former annotation", { annotations: { [former]: "dns" } }, { key: "dns", backend: "" }],
    [
      "the current annotation wins",
      { annotations: { [key]: "dns", [former]: "web" } },
      { key: "dns", backend: "" },
    ],
    [
      "a selector counts only with Local",
      { annotations: { [key]: "dns" }, spec: { selector: { app: "dns" } } },
      { key: "dns", backend: "" },
    ],
    [
      "in any order",
      { annotations: { [key]: "dns" }, spec: { ...local, selector: { tier: "a", app: "dns" } } },
      { key: "dns", backend: "app=dns,tier=a" },
    ],
    [
      "Local without a selector is as Cluster",
      { annotations: { [key]: "dns" }, spec: { ...local, selector: {} } },
      { key: "dns", backend: "" },
    ],
  ])("%s", (_, parts, sharing) => {
    expect(decode(parts).service.sharing).toEqual(sharing);
  });

  test("a long key and a long selector are kept short, and stay distinct", () => {
    const sharing = (text: string): object | undefined =>
      decode({
        annotations: { [key]: text },
        spec: { ...local, selector: { [text]: "a", b: "c" } },
      }).service.sharing;
    expect(sharing(long)).toEqual(sharing(long));
    expect(sharing(long)).not.toEqual(sharing(`${long}y`));
    for (const text of Object.values(sharing(long) ?? {})) {
      expect(String(text).length).toBeLessThanOrEqual(128);
    }
  });
});
