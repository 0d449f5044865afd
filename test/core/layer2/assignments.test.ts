import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type AssignmentChange, Assignments } from "../../../src/core/layer2/assignments.ts";
import type { IpAllocation } from "../../../src/core/model/ip-allocation.ts";
import { compareBundleVersions, type L2Bundle } from "../../../src/core/model/l2-bundle.ts";
import type { Reason } from "../../../src/core/model/reason.ts";
import { ip } from "../net/arbitraries.ts";

function bundle(name: string, owner: string, term = 1, sequence = 0): L2Bundle {
  return {
    name,
    advertisements: ["default"],
    owner: { node: owner, interfaces: [] },
    standbys: [],
    version: { term, sequence },
  };
}

function allocation(
  address: string,
  bundleName: string | undefined,
  state: IpAllocation["state"] = "Allocated",
): IpAllocation {
  return { address: ip(address), pool: "web", holders: [], state, bundle: bundleName };
}

function words(changes: readonly AssignmentChange[]): readonly string[] {
  return changes.map(({ kind, address }) => `${kind} ${address}`);
}

describe("an address is this node's", () => {
  test.each([
    ["bundle first", true],
    ["allocation first", false],
  ])("when its bundle names it, %s", (_, bundleFirst) => {
    const mine = new Assignments("me");
    const steps = [
      () => mine.putBundle(bundle("b", "me")),
      () => mine.putAllocation(allocation("192.0.2.4", "b")),
    ];
    const [first, second] = bundleFirst ? steps : steps.reverse();
    expect(words(first?.() ?? [])).toEqual([]);
    expect(words(second?.() ?? [])).toEqual(["assign 192.0.2.4"]);
  });

  test("with the interfaces that the bundle names here, also when they change", () => {
    const mine = new Assignments("me");
    mine.putAllocation(allocation("192.0.2.4", "b"));
    const named = (interfaces: readonly string[], sequence: number): L2Bundle => ({
      ...bundle("b", "me", 1, sequence),
      owner: { node: "me", interfaces },
    });
    expect(mine.putBundle(named(["eth1"], 0))).toMatchObject([{ interfaces: ["eth1"] }]);
    expect(mine.putBundle(named(["eth2"], 1))).toMatchObject([{ interfaces: ["eth2"] }]);
  });

  test("no longer when the bundle moves away; all of its addresses go at once", () => {
    const mine = new Assignments("me");
    mine.putBundle(bundle("b", "me"));
    mine.putAllocation(allocation("192.0.2.4", "b"));
    mine.putAllocation(allocation("192.0.2.5", "b"));
    expect(words(mine.putBundle(bundle("b", "other", 1, 1)))).toEqual([
      "unassign 192.0.2.4",
      "unassign 192.0.2.5",
    ]);
    expect(mine.owns("b")).toBe(false);
  });

  test("no longer when its bundle is deleted, and again when it comes back", () => {
    const mine = new Assignments("me");
    mine.putBundle(bundle("b", "me", 5));
    mine.putAllocation(allocation("192.0.2.4", "b"));
    expect(words(mine.removeBundle("b"))).toEqual(["unassign 192.0.2.4"]);
    expect(words(mine.putBundle(bundle("b", "me", 1)))).toEqual(["assign 192.0.2.4"]);
  });

  test.each<[string, IpAllocation | undefined]>([
    ["it cools down", allocation("192.0.2.4", undefined, "Cooling")],
    ["it cools down, with a bundle still named", allocation("192.0.2.4", "b", "Cooling")],
    ["it is quarantined", allocation("192.0.2.4", "b", "Quarantined")],
    ["it is in no bundle", allocation("192.0.2.4", undefined)],
    ["it is deleted", undefined],
  ])("no longer when %s", (_, after) => {
    const mine = new Assignments("me");
    mine.putBundle(bundle("b", "me"));
    mine.putBundle(bundle("theirs", "other"));
    mine.putAllocation(allocation("192.0.2.4", "b"));
    const changes =
      after === undefined ? mine.removeAllocation(ip("192.0.2.4")) : mine.putAllocation(after);
    expect(words(changes)).toEqual(["unassign 192.0.2.4"]);
  });
});

describe("an address that this node may be the next to announce", () => {
  const standingBy = (owner: string, sequence = 0): L2Bundle => ({
    ...bundle("b", owner, 1, sequence),
    standbys: ["third", "me"]
      .filter((node) => node !== owner)
      .map((node) => ({ node, interfaces: [`${node}0`] })),
  });

  test("is told with the interfaces named here, becomes its own, and a standby's again", () => {
    const mine = new Assignments("me");
    mine.putAllocation(allocation("192.0.2.4", "b"));
    expect(mine.putBundle(standingBy("other"))).toEqual([
      { kind: "standby", address: "192.0.2.4", interfaces: ["me0"] },
    ]);
    expect(words(mine.putBundle(standingBy("me", 1)))).toEqual(["assign 192.0.2.4"]);
    expect(words(mine.putBundle(standingBy("other", 2)))).toEqual(["standby 192.0.2.4"]);
    expect(mine.owns("b")).toBe(false);
    expect(words(mine.putAllocation(allocation("192.0.2.5", "b")))).toEqual(["standby 192.0.2.5"]);
    expect(words(mine.removeAllocation(ip("192.0.2.4")))).toEqual(["unassign 192.0.2.4"]);
    expect(words(mine.removeBundle("b"))).toEqual(["unassign 192.0.2.5"]);
  });
});

test.each([
  [1, 9],
  [2, 3],
])("a bundle as decided by an older leader (term %i, sequence %i) is ignored", (term, sequence) => {
  const mine = new Assignments("me");
  mine.putAllocation(allocation("192.0.2.4", "b"));
  mine.putBundle(bundle("b", "me", 2, 4));
  expect(mine.putBundle(bundle("b", "other", term, sequence))).toEqual([]);
  expect(mine.owns("b")).toBe(true);
});

test("the highest term is the highest that any bundle carried", () => {
  const mine = new Assignments("me");
  expect(mine.highestTerm).toBe(0);
  mine.putBundle(bundle("b", "me", 2, 4));
  mine.putBundle(bundle("theirs", "other", 7, 1));
  mine.removeBundle("theirs");
  expect(mine.highestTerm).toBe(7);
});

test("a bundle counts as ignored until there is a version of it that is not", () => {
  const mine = new Assignments("me");
  mine.putBundle(bundle("b", "me", 7, 4));
  mine.putBundle(bundle("gone", "me", 7, 4));
  expect([...mine.ignored]).toEqual([]);
  mine.putBundle(bundle("b", "other", 7, 3));
  mine.putBundle(bundle("gone", "other", 6, 9));
  expect([...mine.ignored]).toEqual(["b", "gone"]);
  mine.putBundle(bundle("b", "other", 8, 0));
  mine.removeBundle("gone");
  expect([...mine.ignored]).toEqual([]);
  expect(mine.owns("b")).toBe(false);
});

test("changes that do not concern this node say nothing", () => {
  const mine = new Assignments("me");
  expect(mine.putBundle(bundle("b", "other"))).toEqual([]);
  expect(mine.putAllocation(allocation("192.0.2.4", "b"))).toEqual([]);
  expect(mine.putBundle(bundle("b", "third", 1, 1))).toEqual([]);
  expect(mine.removeAllocation(ip("192.0.2.4"))).toEqual([]);
  expect(mine.removeBundle("b")).toEqual([]);
});

describe("after any sequence of objects", () => {
  type Step =
    | { readonly kind: "bundle"; readonly bundle: L2Bundle }
    | { readonly kind: "removeBundle"; readonly name: string }
    | { readonly kind: "allocation"; readonly allocation: IpAllocation }
    | { readonly kind: "removeAllocation"; readonly address: string };
  const name = fc.constantFrom("b1", "b2", "b3");
  const address = fc.constantFrom("192.0.2.4", "192.0.2.5", "192.0.2.6");
  const step: fc.Arbitrary<Step> = fc.oneof(
    fc
      .tuple(name, fc.constantFrom("me", "other"), fc.nat({ max: 3 }), fc.nat({ max: 3 }))
      .map((it) => ({ kind: "bundle" as const, bundle: bundle(...it) })),
    name.map((it) => ({ kind: "removeBundle" as const, name: it })),
    fc
      .tuple(
        address,
        fc.option(name, { nil: undefined }),
        fc.constantFrom<IpAllocation["state"]>("Allocated", "Allocated", "Cooling"),
      )
      .map((it) => ({ kind: "allocation" as const, allocation: allocation(...it) })),
    address.map((it) => ({ kind: "removeAllocation" as const, address: it })),
  );

  function take(mine: Assignments, it: Step): readonly AssignmentChange[] {
    switch (it.kind) {
      case "bundle":
        return mine.putBundle(it.bundle);
      case "removeBundle":
        return mine.removeBundle(it.name);
      case "allocation":
        return mine.putAllocation(it.allocation);
      case "removeAllocation":
        return mine.removeAllocation(ip(it.address));
    }
  }

  /** Which addresses are mine, worked out from the objects as they stand. */
  function expected(steps: readonly Step[]): readonly string[] {
    const bundles = new Map<string, L2Bundle>();
    const allocations = new Map<string, IpAllocation>();
    const put = (it: L2Bundle): void => {
      const known = bundles.get(it.name);
      if (known === undefined || compareBundleVersions(it.version, known.version) >= 0) {
        bundles.set(it.name, it);
      }
    };
    for (const it of steps) {
      switch (it.kind) {
        case "bundle":
          put(it.bundle);
          break;
        case "removeBundle":
          bundles.delete(it.name);
          break;
        case "allocation":
          allocations.set(it.allocation.address, it.allocation);
          break;
        case "removeAllocation":
          allocations.delete(it.address);
          break;
      }
    }
    return [...allocations.values()]
      .filter((it) => it.state === "Allocated" && bundles.get(it.bundle ?? "")?.owner.node === "me")
      .map((it) => it.address);
  }

  test("what was assigned and not unassigned is what the newest bundles give to this node", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const mine = new Assignments("me");
        const assigned = new Set<string>();
        for (const it of steps) {
          for (const change of take(mine, it)) {
            assigned[change.kind === "assign" ? "add" : "delete"](change.address);
          }
        }
        expect([...assigned].sort()).toEqual([...expected(steps)].sort());
      }),
    );
  });
});

test("a bundle carries addresses until the last one has left it", () => {
  const any = new Assignments("me");
  any.putBundle(bundle("b", "other"));
  expect(any.carries("b")).toBe(false);
  any.putAllocation(allocation("192.0.2.4", "b"));
  expect(any.carries("b")).toBe(true);
  any.removeAllocation(ip("192.0.2.4"));
  expect(any.carries("b")).toBe(false);
});

describe("an address that another node takes over is yielded", () => {
  const moved = (reason: Reason, from = "me"): L2Bundle => ({
    ...bundle("b", "other", 1, 1),
    moved: { from, reason, at: "2026-01-01T00:00:00Z" },
  });

  function announcing(): Assignments {
    const mine = new Assignments("me");
    mine.putBundle(bundle("b", "me"));
    mine.putAllocation(allocation("192.0.2.4", "b"));
    return mine;
  }

  test.each<[Reason, string]>([
    ["NodeDraining", "yield 192.0.2.4"],
    ["NodeShuttingDown", "yield 192.0.2.4"],
    ["NodeNotSelected", "yield 192.0.2.4"],
    ["SpeakerSilent", "unassign 192.0.2.4"],
    ["NodeOutOfService", "unassign 192.0.2.4"],
  ])("with its bundle, unless this node counts as dead: %s, %s", (reason, words_) => {
    expect(words(announcing().putBundle(moved(reason)))).toEqual([words_]);
  });

  test("not where the bundle came from another node than this one", () => {
    expect(words(announcing().putBundle(moved("NodeDraining", "third")))).toEqual([
      "unassign 192.0.2.4",
    ]);
  });

  test("alone, whether or not its new bundle is known already", () => {
    const mine = announcing();
    mine.putBundle(bundle("c", "other"));
    expect(words(mine.putAllocation(allocation("192.0.2.4", "c")))).toEqual(["yield 192.0.2.4"]);
    expect(words(announcing().putAllocation(allocation("192.0.2.4", "new")))).toEqual([
      "yield 192.0.2.4",
    ]);
  });

  test("not when it goes to another bundle of this node", () => {
    const mine = announcing();
    mine.putBundle(bundle("c", "me"));
    expect(words(mine.putAllocation(allocation("192.0.2.4", "c")))).toEqual(["assign 192.0.2.4"]);
  });
});
