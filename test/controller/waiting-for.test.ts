import { beforeEach, describe, expect, test } from "vitest";
import { waitingFor } from "../../src/controller/waiting-for.ts";
import type { IpAddressPool } from "../../src/core/model/ip-address-pool.ts";
import { absentService, type Service } from "../../src/core/model/service.ts";
import { parseIpRange } from "../../src/core/net/ip-range.ts";
import { AllocationWorld } from "../core/allocation/allocation-world.ts";
import { ip } from "../core/net/arbitraries.ts";

let world: AllocationWorld;

function pool(name: string, ...ranges: readonly string[]): IpAddressPool {
  return {
    name,
    labels: {},
    ranges: ranges.map((text) => {
      const parsed = parseIpRange(text);
      return parsed.ok ? parsed.range : expect.unreachable(parsed.error);
    }),
    autoAssign: true,
    avoidBuggyIPs: false,
    serviceAllocation: undefined,
  };
}

/** What the Service waits for after it was decided about; pools by their names. */
function waiting(part: Partial<Service>): unknown {
  const service = {
    ...absentService("a/one"),
    wantsAddress: true,
    families: [4 as const],
    ...part,
  };
  world.putService("a/one", service);
  const decision = world.settle("a/one");
  const found = waitingFor(service, decision, world);
  return (
    found && {
      ...found,
      wants: found.wants.map(({ pools, families }) => [pools.map(({ name }) => name), families]),
    }
  );
}

beforeEach(() => {
  world = new AllocationWorld();
  world.putPool(pool("four", "192.0.2.4/32"));
  world.putPool(pool("six", "2001:db8::/128"));
});

describe("what a Service waits for", () => {
  test("is nothing when it has what it asks for, or asks for nothing", () => {
    expect(waiting({})).toBeUndefined();
    expect(waiting({ wantsAddress: false })).toBeUndefined();
  });

  test("is any address of its family in its pools", () => {
    world.putPool(pool("four"));
    expect(waiting({ sharing: { key: "x", backend: "" } })).toEqual({
      addresses: [],
      wants: [[["four", "six"], [4]]],
      sharingKey: "x",
    });
  });

  test("is the address that it asks for by name, wherever", () => {
    const wish = { ...absentService("a/one").wish, addresses: [ip("192.0.2.9")] };
    expect(waiting({ wish })).toEqual({ addresses: ["192.0.2.9"], wants: [] });
  });

  test("is one address of either family, or both at once where both are required", () => {
    world.putPool(pool("four"));
    world.putPool(pool("six"));
    const families = [6, 4] as const;
    expect(waiting({ families, familyPolicy: "PreferDualStack" })).toMatchObject({
      wants: [
        [["four", "six"], [6]],
        [["four", "six"], [4]],
      ],
    });
    expect(waiting({ families, familyPolicy: "RequireDualStack" })).toMatchObject({
      wants: [
        [
          ["four", "six"],
          [6, 4],
        ],
      ],
    });
  });

  test("is an address of the other family from the pool that gave the first one", () => {
    expect(waiting({ families: [4, 6], familyPolicy: "PreferDualStack" })).toMatchObject({
      wants: [[["four"], [6]]],
    });
  });

  test("is nothing in particular where no pool is for it", () => {
    const wish = { ...absentService("a/one").wish, pool: "unknown" };
    expect(waiting({ wish })).toEqual({ addresses: [], wants: [] });
  });
});
