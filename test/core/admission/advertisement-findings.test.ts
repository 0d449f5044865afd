import { beforeEach, describe, expect, test } from "vitest";
import {
  advertisementFindings,
  unannouncedPools,
} from "../../../src/core/admission/advertisement-findings.ts";
import type { Finding } from "../../../src/core/admission/finding.ts";
import { AdmissionWorld, writtenAdvertisement } from "./admission-world.ts";

let world: AdmissionWorld;

beforeEach(() => {
  world = new AdmissionWorld();
  world.addPool("web", { addresses: ["192.0.2.0/24"] });
});

function create(spec: object): readonly Finding[] {
  const after = writtenAdvertisement("new", spec);
  return advertisementFindings({ before: undefined, after }, world);
}

describe("a new L2Advertisement", () => {
  test.each([
    {},
    { ipAddressPools: ["web"] },
    { nodeSelectors: [{ matchLabels: { rack: "a" } }], interfaces: ["eth0"] },
  ])("%j passes", (spec) => {
    expect(create(spec)).toEqual([]);
  });

  test.each([
    [{ interfaces: ["no interface"] }, "refuse", "spec.interfaces[0]"],
    [
      { nodeSelectors: [{ matchExpressions: [{ key: "rack", operator: "In" }] }] },
      "refuse",
      "spec.nodeSelectors[0].matchExpressions",
    ],
    [{ ipAddressPools: ["web", "wbe"] }, "warn", "spec.ipAddressPools[1]"],
    [
      { ipAddressPoolSelectors: [{ matchLabels: { zone: "a" } }] },
      "warn",
      "spec.ipAddressPoolSelectors",
    ],
    [{ nodeSelectors: [{ matchLabels: { rack: "z" } }] }, "warn", "spec.nodeSelectors"],
  ])("%j: %s for %s", (spec, severity, field) => {
    expect(create(spec)).toMatchObject([{ severity, field }]);
  });

  test("is not asked about nodes where none is known", () => {
    world.nodes = undefined;
    expect(create({ nodeSelectors: [{ matchLabels: { rack: "z" } }] })).toEqual([]);
  });
});

describe("an L2Advertisement that is changed or deleted", () => {
  test("warns of held addresses that nobody would announce", () => {
    world.addPool("idle", { addresses: ["198.51.100.0/24"] });
    const before = world.addAdvertisement("all", {});
    world.addHolder("shop/web", "192.0.2.20");
    const lost = [
      { severity: "warn", message: expect.stringContaining("of web would not be announced") },
    ];
    expect(advertisementFindings({ before, after: undefined }, world)).toMatchObject(lost);
    const after = writtenAdvertisement("all", { ipAddressPools: ["idle"] });
    expect(advertisementFindings({ before, after }, world)).toMatchObject(lost);
    world.addAdvertisement("second", { ipAddressPools: ["web"] });
    expect(advertisementFindings({ before, after: undefined }, world)).toEqual([]);
  });

  test("is not blamed for what nobody announced before", () => {
    const before = world.addAdvertisement("idle", { ipAddressPools: ["idle"] });
    world.addHolder("shop/web", "192.0.2.20");
    expect(advertisementFindings({ before, after: undefined }, world)).toEqual([]);
  });

  test("may go while nobody holds an address", () => {
    const before = world.addAdvertisement("all", {});
    expect(advertisementFindings({ before, after: undefined }, world)).toEqual([]);
  });

  test("may keep an old fault", () => {
    const before = writtenAdvertisement("bad", { interfaces: ["no interface"] });
    expect(advertisementFindings({ before, after: before }, world)).toMatchObject([
      { severity: "warn", field: "spec.interfaces[0]" },
    ]);
  });
});

test("a pool is announced if an advertisement names or selects it, for whatever Services", () => {
  world.addPool("other", { addresses: ["198.51.100.0/24"] });
  world.addAdvertisement("web", {
    ipAddressPools: ["web"],
    serviceSelectors: [{ matchLabels: { tier: "front" } }],
  });
  const names = unannouncedPools(world.pools, world.advertisements).map((pool) => pool.name);
  expect(names).toEqual(["other"]);
});
