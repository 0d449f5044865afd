import { beforeEach, describe, expect, test } from "vitest";
import { waitingFor } from "../../src/controller/waiting-for.ts";
import { absentService, type Service } from "../../src/core/model/service.ts";
import { AllocationWorld } from "../core/allocation/allocation-world.ts";
import { poolOf } from "../core/allocation/pools.ts";
import { ip } from "../core/net/arbitraries.ts";

let world: AllocationWorld;

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
      wants: found.wants.map(({ pools, families, sharer }) => [
        pools.map(({ name }) => name),
        families,
        sharer?.sharing,
      ]),
    }
  );
}

beforeEach(() => {
  world = new AllocationWorld();
  world.putPool(poolOf("four", ["192.0.2.4/32"]));
  world.putPool(poolOf("six", ["2001:db8::/128"]));
});

describe("what a Service waits for", () => {
  test("is nothing when it has what it asks for, or asks for nothing", () => {
    expect(waiting({})).toBeUndefined();
    expect(waiting({ wantsAddress: false })).toBeUndefined();
  });

  test("is any address of its family in its pools", () => {
    world.putPool(poolOf("four", []));
    expect(waiting({})).toEqual({ addresses: [], wants: [[["four", "six"], [4], undefined]] });
  });

  test("is, with a sharing key, the same or a part of an address", () => {
    world.putPool(poolOf("four", []));
    const sharing = { key: "x", backend: "" };
    expect(waiting({ sharing })).toMatchObject({
      wants: [
        [["four", "six"], [4], undefined],
        [["four", "six"], [4], sharing],
      ],
    });
  });

  test("is the address that it asks for by name, wherever", () => {
    const wish = { ...absentService("a/one").wish, addresses: [ip("192.0.2.9")] };
    expect(waiting({ wish })).toEqual({ addresses: ["192.0.2.9"], wants: [] });
  });

  test("is one address of either family, or both at once where both are required", () => {
    world.putPool(poolOf("four", []));
    world.putPool(poolOf("six", []));
    const families = [6, 4] as const;
    expect(waiting({ families, familyPolicy: "PreferDualStack" })).toMatchObject({
      wants: [
        [["four", "six"], [6], undefined],
        [["four", "six"], [4], undefined],
      ],
    });
    expect(waiting({ families, familyPolicy: "RequireDualStack" })).toMatchObject({
      wants: [[["four", "six"], [6, 4], undefined]],
    });
  });

  test("is an address of the other family from the pool that gave the first one", () => {
    expect(waiting({ families: [4, 6], familyPolicy: "PreferDualStack" })).toMatchObject({
      wants: [[["four"], [6], undefined]],
    });
  });

  test("is the other family also where both are required from a pool that is asked for by name", () => {
    world.putPool(poolOf("both", ["192.0.2.8/32", "2001:db8::8/128"]));
    const wish = { ...absentService("a/one").wish, pool: "both" };
    waiting({ wish });
    world.putService("a/two", {
      ...absentService("a/two"),
      wantsAddress: true,
      families: [6],
      wish,
    });
    world.settle("a/two");
    const families = [4, 6] as const;
    expect(waiting({ wish, families, familyPolicy: "RequireDualStack" })).toMatchObject({
      wants: [
        [["both"], [6], undefined],
        [["both"], [4, 6], undefined],
      ],
    });
  });

  test("is also the other family alone where it may have back what it released itself", () => {
    world.putPool(poolOf("four", ["192.0.2.4/32", "2001:db8::4/128"]));
    waiting({ families: [6] });
    waiting({ wantsAddress: false });
    world.putService("a/two", { ...absentService("a/two"), wantsAddress: true, families: [4] });
    world.settle("a/two");
    expect(waiting({ families: [4, 6], familyPolicy: "RequireDualStack" })).toMatchObject({
      wants: [
        [["four", "six"], [4, 6], undefined],
        [["four", "six"], [4], undefined],
      ],
    });
  });

  test("is all of its families where it keeps what the pool that is asked for does not give", () => {
    waiting({});
    world.putPool(poolOf("other", []));
    const wish = { ...absentService("a/one").wish, pool: "other" };
    expect(waiting({ wish })).toMatchObject({ wants: [[["other"], [4], undefined]] });
  });

  test("is nothing in particular where no pool is for it", () => {
    const wish = { ...absentService("a/one").wish, pool: "unknown" };
    expect(waiting({ wish })).toEqual({ addresses: [], wants: [] });
  });
});
