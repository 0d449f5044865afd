import { beforeEach, describe, expect, test } from "vitest";
import {
  type AdmissionChange,
  judge,
  verdictOf,
} from "../../../src/controller/admission/admission-judge.ts";
import type { Finding } from "../../../src/core/admission/finding.ts";
import { AdmissionWorld } from "../../core/admission/admission-world.ts";

const settings = { configNamespace: "metallb-system", loadBalancerClass: "" };
let world: AdmissionWorld;

beforeEach(() => {
  world = new AdmissionWorld();
  world.addPool("web", { addresses: ["192.0.2.0/24"] });
});

const asked = (change: Partial<AdmissionChange>): readonly Finding[] =>
  judge(
    {
      group: "metallb.io",
      resource: "ipaddresspools",
      object: undefined,
      oldObject: undefined,
      ...change,
    },
    world,
    settings,
  );

const pool = (spec: object, metadata: object = {}): object => ({
  metadata: { name: "new", namespace: "metallb-system", ...metadata },
  spec,
});

const service = (spec: object): object => ({
  metadata: { name: "s", namespace: "shop" },
  spec: { type: "LoadBalancer", clusterIPs: ["10.96.0.9"], ports: [{ port: 80 }], ...spec },
});

describe("judging", () => {
  test("looks at pools, advertisements, policies and Services", () => {
    expect(asked({ object: pool({ addresses: ["192.0.2.9/32"] }) })).toMatchObject([
      { severity: "refuse", field: "spec.addresses[0]" },
    ]);
    const advertisement = pool({ ipAddressPools: ["wbe"] });
    expect(asked({ resource: "l2advertisements", object: advertisement })).toMatchObject([
      { severity: "warn", field: "spec.ipAddressPools[0]" },
    ]);
    const policy = { metadata: { name: "lan" }, spec: { excludedAddresses: ["nonsense"] } };
    const policies = { group: "steelyard.dev", resource: "addresspolicies" };
    expect(asked({ ...policies, object: policy })).toMatchObject([
      { severity: "refuse", field: "spec.excludedAddresses" },
    ]);
    const wish = service({ loadBalancerIP: "198.51.100.1" });
    expect(asked({ group: "", resource: "services", object: wish })).toMatchObject([
      { severity: "warn", field: "spec.loadBalancerIP" },
    ]);
  });

  test.each<[string, Partial<AdmissionChange>]>([
    ["of another kind", { group: "apps", resource: "deployments", object: pool({}) }],
    ["of the same name in another group", { group: "example.com", object: pool({}) }],
    [
      "on its way out, which only loses its finalizers",
      { object: pool({ addresses: [] }, { deletionTimestamp: "2026-01-01T00:00:00Z" }) },
    ],
    ["that is deleted as a Service", { group: "", resource: "services", oldObject: service({}) }],
    ["without a name", { object: { spec: { addresses: [] } } }],
  ])("has nothing to say of an object %s", (_, change) => {
    expect(asked(change)).toEqual([]);
  });

  test("is not kept busy by very long lists: what is wrong with them alone is told", () => {
    const many = (entry: unknown): readonly unknown[] => Array<unknown>(2_049).fill(entry);
    const wish = { loadBalancerIP: "198.51.100.1" };
    const long = service({ ...wish, ports: many({ port: 80 }) });
    expect(asked({ group: "", resource: "services", object: long })).toEqual([]);
    const status = { loadBalancer: { ingress: many({ ip: "192.0.2.1" }) } };
    const shown = { ...service(wish), status };
    expect(asked({ group: "", resource: "services", object: shown })).toEqual([]);
    const advertisement = pool({ ipAddressPools: many("nowhere") });
    expect(asked({ resource: "l2advertisements", object: advertisement })).toEqual([]);
    const before = pool({ addresses: many("192.0.2.0/24") });
    const after = pool({ addresses: [...many("192.0.2.0/24"), "nonsense"] });
    expect(asked({ object: before })).toMatchObject([{ severity: "refuse" }]);
    expect(asked({ object: after, oldObject: before })).toMatchObject([{ severity: "warn" }]);
    const deep = JSON.parse("[".repeat(100_000) + "]".repeat(100_000));
    expect(asked({ object: pool({ deep }) })).toMatchObject([{ severity: "refuse" }]);
  });

  test("warns of a pool in a namespace that is not read, whatever is in it", () => {
    expect(
      asked({ object: pool({ addresses: ["nonsense"] }, { namespace: "default" }) }),
    ).toMatchObject([{ severity: "warn", field: "metadata.namespace" }]);
    expect(asked({ oldObject: pool({}, { namespace: "default" }) })).toEqual([]);
  });
});

test("a verdict has the words of all that refuses, and warns of the rest", () => {
  const verdict = verdictOf([
    { severity: "refuse", field: "spec.a", message: "is bad" },
    { severity: "warn", field: undefined, message: "look out" },
    { severity: "refuse", field: undefined, message: "worse" },
  ]);
  expect(verdict).toEqual({
    allowed: false,
    message: "spec.a: is bad; worse",
    warnings: ["look out"],
  });
  expect(verdictOf([])).toEqual({ allowed: true, message: undefined, warnings: [] });
});

test("a verdict counts refusals beyond eight", () => {
  const many = Array<Finding>(60_000).fill({ severity: "refuse", field: "spec.a", message: "bad" });
  expect(verdictOf(many).message).toBe(`${"spec.a: bad; ".repeat(8)}and 59992 more`);
});
