import { beforeEach, describe, expect, test } from "vitest";
import type { Finding } from "../../../src/core/admission/finding.ts";
import { serviceFindings } from "../../../src/core/admission/service-findings.ts";
import type { Service } from "../../../src/core/model/service.ts";
import { AdmissionWorld, writtenService } from "./admission-world.ts";

let world: AdmissionWorld;

beforeEach(() => {
  world = new AdmissionWorld();
  world.addPool("web", { addresses: ["192.0.2.20-192.0.2.21"] });
});

function judge(spec: object, annotations: object = {}): readonly Finding[] {
  return serviceFindings(
    { before: undefined, after: writtenService("shop/new", spec, annotations) },
    world,
  );
}

describe("a Service of type LoadBalancer", () => {
  test.each([{}, { loadBalancerIP: "192.0.2.21" }])(
    "that can have what it asks for passes: %j",
    (spec) => {
      expect(judge(spec)).toEqual([]);
    },
  );

  test("that asks for an address of another is warned, and learns not whose it is", () => {
    world.addHolder("bank/vault", "192.0.2.20");
    expect(judge({ loadBalancerIP: "192.0.2.20" })).toEqual([
      {
        severity: "warn",
        field: "spec.loadBalancerIP",
        message:
          "the Service gets no address for now (AddressInUse): 192.0.2.20 is in use by another Service",
      },
    ]);
  });

  test("that cannot be read is warned at the annotation", () => {
    expect(judge({}, { "metallb.io/loadBalancerIPs": "192.0.2.300" })).toMatchObject([
      { field: 'metadata.annotations["metallb.io/loadBalancerIPs"]' },
    ]);
  });

  test("that finds the pools full is warned", () => {
    world.addHolder("shop/a", "192.0.2.20");
    world.addHolder("shop/b", "192.0.2.21");
    expect(judge({})).toMatchObject([{ message: expect.stringContaining("(PoolExhausted)") }]);
  });

  test("that keeps its address for a wish that cannot be met is told so", () => {
    world.addHolder("shop/new", "192.0.2.20");
    expect(judge({ loadBalancerIP: "198.51.100.1" })).toMatchObject([
      { message: expect.stringContaining("keeps 192.0.2.20 (AddressNotInPool)") },
    ]);
  });

  test("is told what it has, and nobody is who only knows its name", () => {
    const { uid, ...rest } = world.addHolder("shop/new", "192.0.2.20");
    const wish = writtenService("shop/new", { loadBalancerIP: "198.51.100.1" });
    expect(uid).toBe(wish.uid);
    const [found] = serviceFindings({ before: undefined, after: { ...wish, uid: "" } }, world);
    expect(found?.message).toContain("does not get what it asks for (AddressNotInPool)");
    expect(found?.message).not.toContain("192.0.2.20");
    expect(rest.key).toBe(wish.key);
  });

  test("may be edited while its wish is unmet, where a policy refuses a new one", () => {
    world.addPolicy("strict", { refusedAtAdmission: ["UnmetWish"] });
    const old = writtenService("shop/new", { loadBalancerIP: "198.51.100.1" });
    const edit = (after: Service, before = old): readonly Finding[] =>
      serviceFindings({ before, after }, world);
    expect(edit({ ...old, labels: { team: "blue" } })).toMatchObject([{ severity: "warn" }]);
    const other = writtenService("shop/new", { loadBalancerIP: "198.51.100.2" });
    expect(edit(other)).toMatchObject([{ severity: "refuse" }]);
    const without = writtenService("shop/new", {});
    expect(edit(old, without)).toMatchObject([{ severity: "refuse" }]);
    expect(edit(old, { ...old, wantsAddress: false })).toMatchObject([{ severity: "refuse" }]);
  });

  test("is refused an edit for which a wish that was met would not be any longer", () => {
    world.addPolicy("strict", { refusedAtAdmission: ["UnmetWish"] });
    const share = { "metallb.io/allow-shared-ip": "key" };
    const at = (key: string, port: number): Service =>
      writtenService(key, { loadBalancerIP: "192.0.2.20", ports: [{ port }] }, share);
    for (const [key, port] of [
      ["bank/vault", 80],
      ["shop/new", 81],
    ] as const) {
      world.allocation.putService(key, at(key, port));
      world.allocation.settle(key);
    }
    const change = { before: at("shop/new", 81), after: at("shop/new", 80) };
    expect(serviceFindings(change, world)).toMatchObject([{ severity: "refuse" }]);
  });

  test("is refused for it where a policy wants that", () => {
    world.addPolicy("strict", { refusedAtAdmission: ["UnmetWish"] });
    expect(judge({ loadBalancerIP: "198.51.100.1" })).toMatchObject([{ severity: "refuse" }]);
  });

  test("is not bothered with what is over in a moment", () => {
    world.allocation.networksKnown = false;
    expect(judge({})).toEqual([]);
  });
});

test("a Service of another type or class is not judged", () => {
  expect(judge({ type: "ClusterIP", loadBalancerIP: "198.51.100.1" })).toEqual([]);
  expect(judge({ loadBalancerClass: "other", loadBalancerIP: "198.51.100.1" })).toEqual([]);
});
