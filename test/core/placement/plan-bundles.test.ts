import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { L2Bundle } from "../../../src/core/model/l2-bundle.ts";
import type { Candidate } from "../../../src/core/placement/eligibility.ts";
import {
  type BundlePlan,
  bundlesPerNode,
  planBundleFor,
  planBundles,
} from "../../../src/core/placement/plan-bundles.ts";
import { bestOf, tiersOf } from "../../../src/core/placement/tiers.ts";

const names = ["n1", "n2", "n3", "n4", "n5", "n6"] as const;

function node(name: string, change: Partial<Candidate> = {}): Candidate {
  return { node: name, interfaces: [], preference: 0, reserve: undefined, ...change };
}

/** The bundles of a group, with plans carried out on the spot. */
class Group {
  bundles: readonly L2Bundle[] = [];
  readonly full = new Set<string>();
  #made = 0;

  plan(eligible: readonly Candidate[]): BundlePlan {
    return planBundles(this.bundles, eligible, (name) => !this.full.has(name));
  }

  carryOut({ create, update, remove }: BundlePlan): void {
    const changed = new Map(update.map((it) => [it.name, it]));
    const kept = this.bundles
      .filter(({ name }) => !remove.includes(name))
      .map((bundle) => {
        const change = changed.get(bundle.name);
        return change === undefined
          ? bundle
          : { ...bundle, owner: change.owner, standbys: change.standbys };
      });
    const made = create.map(({ owner, standbys }) => {
      this.#made += 1;
      const version = { term: 1, sequence: 0 };
      return { name: `b${this.#made}`, advertisements: [], owner, standbys, version };
    });
    this.bundles = [...kept, ...made];
  }
}

type Step =
  | { readonly kind: "eligible"; readonly nodes: readonly Candidate[] }
  | { readonly kind: "fill" | "empty"; readonly index: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  fc
    .tuple(
      fc.subarray([...names]),
      fc.array(fc.constantFrom(0, 0, 0, 50), { minLength: names.length }),
      fc.array(fc.constantFrom(undefined, undefined, "NodeNotReady" as const), {
        minLength: names.length,
      }),
    )
    .map(([subset, preferences, reserves]) => ({
      kind: "eligible" as const,
      nodes: subset.map((name, n) =>
        node(name, { preference: preferences[n] ?? 0, reserve: reserves[n] }),
      ),
    })),
  fc
    .tuple(fc.constantFrom("fill" as const, "empty" as const), fc.nat({ max: 30 }))
    .map(([kind, index]) => ({ kind, index })),
);

const history = fc.array(step, { minLength: 1, maxLength: 40 });

/** Plays a history; `check` sees the group before and after each plan. */
function play(
  steps: readonly Step[],
  check: (
    before: readonly L2Bundle[],
    plan: BundlePlan,
    eligible: readonly Candidate[],
    group: Group,
  ) => void,
): void {
  const group = new Group();
  let eligible: readonly Candidate[] = [];
  for (const it of steps) {
    if (it.kind === "eligible") {
      eligible = it.nodes;
    } else {
      const bundle = group.bundles[it.index % Math.max(1, group.bundles.length)];
      group.full[it.kind === "fill" ? "add" : "delete"](bundle?.name ?? "");
    }
    const before = group.bundles;
    const plan = group.plan(eligible);
    group.carryOut(plan);
    check(before, plan, eligible, group);
  }
}

describe("after any plan, whatever happened before", () => {
  test("every owner is eligible if anybody is, and no node stands by for itself or twice", () => {
    fc.assert(
      fc.property(history, (steps) => {
        play(steps, (_, __, eligible, group) => {
          const fit = new Set(eligible.map((it) => it.node));
          for (const { owner, standbys } of fit.size === 0 ? [] : group.bundles) {
            const all = [owner, ...standbys].map((it) => it.node);
            expect(all.filter((it) => !fit.has(it))).toEqual([]);
            expect(new Set(all).size).toBe(all.length);
            expect(standbys.length).toBe(Math.min(3, fit.size - 1));
          }
        });
      }),
    );
  });

  test("planning again yields nothing", () => {
    fc.assert(
      fc.property(history, (steps) => {
        play(steps, (_, __, eligible, group) => {
          expect(group.plan(eligible)).toEqual({ create: [], update: [], remove: [] });
        });
      }),
    );
  });

  test("a bundle whose owner is eligible has not moved", () => {
    fc.assert(
      fc.property(history, (steps) => {
        play(steps, (before, _, eligible, group) => {
          for (const { name, owner } of before) {
            const after = group.bundles.find((it) => it.name === name);
            if (after !== undefined && eligible.some((it) => it.node === owner.node)) {
              expect(after.owner.node).toBe(owner.node);
            }
          }
        });
      }),
    );
  });

  test("one of the best has taken over, the first standby that is such if there is one", () => {
    fc.assert(
      fc.property(history, (steps) => {
        play(steps, (before, plan, eligible) => {
          const fit = new Set(eligible.map((it) => it.node));
          const best = bestOf(eligible).map((it) => it.node);
          for (const update of plan.update.filter(({ takeover }) => takeover)) {
            const old = before.find(({ name }) => name === update.name);
            const heir = old?.standbys.find((it) => best.includes(it.node));
            expect(fit.has(old?.owner.node ?? "")).toBe(false);
            expect(update.owner.node).toBe(heir?.node ?? update.owner.node);
            expect(best).toContain(update.owner.node);
          }
        });
      }),
    );
  });

  test("no bundle with addresses is gone, and every eligible node owns one", () => {
    fc.assert(
      fc.property(history, (steps) => {
        play(steps, (before, _, eligible, group) => {
          const left = new Set(group.bundles.map(({ name }) => name));
          expect(before.filter(({ name }) => group.full.has(name) && !left.has(name))).toEqual([]);
          const owners = new Set(group.bundles.map(({ owner }) => owner.node));
          expect(eligible.filter((it) => !owners.has(it.node))).toEqual([]);
        });
      }),
    );
  });

  test("a node owns more than planned only with addresses in every bundle", () => {
    fc.assert(
      fc.property(history, (steps) => {
        play(steps, (_, __, eligible, group) => {
          for (const it of eligible) {
            const own = group.bundles.filter(({ owner }) => owner.node === it.node);
            const wanted = Math.max(1, Math.min(bundlesPerNode, eligible.length - 1));
            const empty = own.filter(({ name }) => !group.full.has(name));
            expect(own.length <= wanted || empty.length === 0).toBe(true);
          }
        });
      }),
    );
  });

  test("the bundles of a node would go to as many of the best others as there are", () => {
    fc.assert(
      fc.property(history, (steps) => {
        play(steps, (_, __, eligible, group) => {
          for (const it of eligible.length > 1 ? eligible : []) {
            const own = group.bundles.filter(({ owner }) => owner.node === it.node);
            const heirs = own.map(({ standbys }) => standbys[0]?.node ?? "");
            const best = bestOf(eligible.filter((other) => other.node !== it.node));
            const share = Math.ceil(own.length / best.length);
            for (const heir of heirs) {
              expect(heirs.filter((other) => other === heir).length).toBeLessThanOrEqual(share);
            }
          }
        });
      }),
    );
  });

  test("better nodes stand by before others", () => {
    fc.assert(
      fc.property(history, (steps) => {
        play(steps, (_, __, eligible, group) => {
          const tierOf = new Map(
            tiersOf(eligible).flatMap((tier, rank) =>
              tier.map((it): [string, number] => [it.node, rank]),
            ),
          );
          for (const { owner, standbys } of eligible.length > 0 ? group.bundles : []) {
            const ranks = standbys.map((it) => tierOf.get(it.node) ?? -1);
            expect(ranks).toEqual([...ranks].sort());
            const others = eligible.filter((it) => it.node !== owner.node);
            const better = others.filter((it) => (tierOf.get(it.node) ?? 0) < (ranks.at(-1) ?? 0));
            expect(standbys.map((it) => it.node)).toEqual(
              expect.arrayContaining(better.map((it) => it.node)),
            );
          }
        });
      }),
    );
  });

  test("nothing changes while nobody is eligible", () => {
    fc.assert(
      fc.property(history, (steps) => {
        play(steps, (_, plan, eligible) => {
          if (eligible.length === 0) {
            expect(plan).toEqual({ create: [], update: [], remove: [] });
          }
        });
      }),
    );
  });
});

describe("from the start", () => {
  test.each([
    [1, 1],
    [2, 1],
    [3, 2],
    [4, 3],
    [6, 3],
  ])("each of %i nodes owns %i bundles, each with another first standby", (count, wanted) => {
    const eligible = names.slice(0, count).map((name) => node(name));
    const group = new Group();
    group.carryOut(group.plan(eligible));
    for (const it of eligible) {
      const own = group.bundles.filter(({ owner }) => owner.node === it.node);
      const heirs = own.map(({ standbys }) => standbys[0]?.node);
      expect(own).toHaveLength(wanted);
      expect(new Set(heirs).size).toBe(wanted);
    }
  });

  test("the load of a dead node goes to all others", () => {
    const group = new Group();
    group.carryOut(group.plan(names.slice(0, 4).map((name) => node(name))));
    for (const { name } of group.bundles) {
      group.full.add(name);
    }
    const plan = group.plan(names.slice(1, 4).map((name) => node(name)));
    expect(
      plan.update
        .filter(({ takeover }) => takeover)
        .map(({ owner }) => owner.node)
        .sort(),
    ).toEqual(["n2", "n3", "n4"]);
  });

  test("it still does when another node was away before", () => {
    const group = new Group();
    const three = names.slice(0, 3).map((name) => node(name));
    group.carryOut(group.plan(three));
    for (const { name } of group.bundles.filter(({ owner }) => owner.node === "n1")) {
      group.full.add(name);
    }
    group.carryOut(group.plan([node("n1"), node("n2")]));
    group.carryOut(group.plan(three));
    const plan = group.plan([node("n2"), node("n3")]);
    const heirs = plan.update.filter(({ takeover }) => takeover).map(({ owner }) => owner.node);
    expect(heirs.sort()).toEqual(["n2", "n3"]);
  });

  test("interfaces that advertisements name now replace those of before", () => {
    const group = new Group();
    group.carryOut(group.plan([node("n1")]));
    const plan = group.plan([node("n1", { interfaces: ["eth1"] })]);
    expect(plan.update).toEqual([
      { name: "b1", takeover: false, owner: { node: "n1", interfaces: ["eth1"] }, standbys: [] },
    ]);
  });

  test("a node that came back stands by last", () => {
    const group = new Group();
    const returned = node("n1", { reserve: "NodeReturned" });
    group.carryOut(group.plan([returned, node("n2"), node("n3"), node("n4")]));
    const others = group.bundles.filter(({ owner }) => owner.node !== "n1");
    expect(others).not.toEqual([]);
    expect(others.map(({ standbys }) => standbys.at(-1)?.node)).toEqual(others.map(() => "n1"));
  });
});

describe("bundles that are not made ahead", () => {
  const full = (): boolean => false;
  const empty = (): boolean => true;
  const eligible = [node("n1"), node("n2", { preference: 10 }), node("n3")];

  test("are made one at a time, for the node that is to announce", () => {
    expect(planBundles([], eligible, full, "none").create).toEqual([]);
    expect(planBundleFor(node("n1"), eligible)).toEqual({
      owner: { node: "n1", interfaces: [] },
      standbys: [
        { node: "n2", interfaces: [] },
        { node: "n3", interfaces: [] },
      ],
    });
  });

  test("move and get standbys as others, and go when they are empty", () => {
    const version = { term: 1, sequence: 0 };
    const gone = { node: "gone", interfaces: [] };
    const bundle = { name: "b", advertisements: [], owner: gone, standbys: [], version };
    expect(planBundles([bundle], eligible, full, "none").update).toMatchObject([
      { name: "b", owner: { node: "n2" }, takeover: true },
    ]);
    const owned = { ...bundle, owner: { node: "n1", interfaces: [] } };
    expect(planBundles([owned], eligible, empty, "none")).toMatchObject({ remove: ["b"] });
  });
});
