import { beforeEach, describe, expect, test } from "vitest";
import { policyRefuses } from "../../../src/core/admission/policy-refuses.ts";
import { AdmissionWorld, writtenService } from "./admission-world.ts";

let world: AdmissionWorld;

beforeEach(() => {
  world = new AdmissionWorld();
  world.addPool("web", { addresses: ["192.0.2.0/28"] });
  world.addPool("mail", { addresses: ["192.0.3.0/28"] });
});

function refusesService(spec: object, annotations: object = {}): boolean {
  const service = writtenService("shop/web", spec, annotations);
  return policyRefuses({ kind: "UnmetWish", service }, world.allocation);
}

describe("policies have refused", () => {
  test("nothing where nobody asks for it", () => {
    world.addPolicy("open", {});
    expect(policyRefuses({ kind: "PoolInUse", pool: "web" }, world.allocation)).toBe(false);
    expect(refusesService({ loadBalancerIP: "192.0.2.1" })).toBe(false);
  });

  test("that a pool in use goes, for the pools that they select, by name or by their profile", () => {
    world.addPolicy("web", { ipAddressPools: ["web"], refusedAtAdmission: ["PoolInUse"] });
    const refuses = (pool: string) => policyRefuses({ kind: "PoolInUse", pool }, world.allocation);
    expect([refuses("web"), refuses("mail")]).toEqual([true, false]);
    world.addPolicy("strict", { profile: "Strict" });
    expect(refuses("mail")).toBe(true);
    world.addPolicy("strict", { profile: "Strict", refusedAtAdmission: [] });
    expect([refuses("web"), refuses("mail")]).toEqual([true, false]);
  });

  test("wishes that cannot be met, by the pools that are asked for", () => {
    world.addPolicy("web", { ipAddressPools: ["web"], refusedAtAdmission: ["UnmetWish"] });
    expect(refusesService({ loadBalancerIP: "192.0.2.1" })).toBe(true);
    expect(refusesService({ loadBalancerIP: "192.0.3.1" })).toBe(false);
    expect(refusesService({}, { "metallb.io/address-pool": "web" })).toBe(true);
    expect(refusesService({}, { "metallb.io/address-pool": "mail" })).toBe(false);
  });

  test("wishes for what is in no pool, or cannot be read, where a policy is for every pool", () => {
    const foreign = { loadBalancerIP: "203.0.113.1" };
    const unreadable = { "metallb.io/loadBalancerIPs": "nonsense" };
    world.addPolicy("web", { ipAddressPools: ["web"], refusedAtAdmission: ["UnmetWish"] });
    expect([refusesService(foreign), refusesService({}, unreadable)]).toEqual([false, false]);
    world.addPolicy("all", { refusedAtAdmission: ["UnmetWish"] });
    expect([refusesService(foreign), refusesService({}, unreadable)]).toEqual([true, true]);
  });

  test("no Service that asks for nothing in particular, and none while the configuration is lost", () => {
    world.addPolicy("all", { profile: "Strict" });
    expect(refusesService({})).toBe(false);
    world.allocation.removePool("web");
    world.allocation.removePool("mail");
    expect(refusesService({ loadBalancerIP: "192.0.2.1" })).toBe(false);
  });

  test("no end of a pool while the configuration is lost: its namespace may be on the way out", () => {
    world.addPolicy("all", { profile: "Strict" });
    const ends = (configurationLost: boolean): boolean => {
      const { pools } = world.allocation;
      const policyFor = (name: string) => world.allocation.policyFor(name);
      const policies = { pools, policyFor, configurationLost };
      return policyRefuses({ kind: "PoolInUse", pool: "web" }, policies);
    };
    expect([ends(false), ends(true)]).toEqual([true, false]);
  });
});
