import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  deadAfterMs,
  graceMaxMs,
  type LivenessInput,
  type LivenessState,
  type LivenessStep,
  noSpeakers,
  step,
} from "../../../src/core/liveness/speaker-liveness.ts";

/** One judge with its clock. */
class Judge {
  now = 1_000;
  state: LivenessState = noSpeakers;
  #renewals = 0;

  take(input: LivenessInput): LivenessStep {
    const result = step(this.state, input, this.now);
    this.state = result.state;
    return result;
  }

  renew(...nodes: readonly string[]): LivenessStep {
    this.#renewals += 1;
    const results = nodes.map((node) =>
      this.take({ kind: "renewal", node, renewal: String(this.#renewals) }),
    );
    return results.at(-1) ?? this.wake();
  }

  wake(): LivenessStep {
    return this.take({ kind: "wake" });
  }

  /** Lets time pass; `nodes` renew every two seconds, and the judge wakes when it asked to. */
  pass(ms: number, ...nodes: readonly string[]): readonly string[] {
    const died: string[] = [];
    for (const end = this.now + ms; this.now < end; ) {
      this.now += 500;
      const results = this.now % 2_000 === 0 ? [this.renew(...nodes)] : [];
      died.push(...[...results, this.wake()].flatMap((it) => it.died));
    }
    return died;
  }
}

describe("a speaker whose node an admin calls off", () => {
  const off = { kind: "outOfService", node: "a" } as const;

  test("is dead at once, until a renewal is seen", () => {
    const judge = new Judge();
    judge.renew("a", "b", "c");
    expect(judge.take(off).died).toEqual(["a"]);
    expect(judge.take(off).died).toEqual([]);
    expect([...judge.state.dead]).toEqual(["a"]);
    expect(judge.renew("a").revived).toEqual(["a"]);
  });

  test("does not count among those that look dead at once", () => {
    const judge = new Judge();
    judge.renew("a", "b", "c", "d");
    expect(judge.pass(8_000, "d")).toEqual([]);
    expect(judge.take(off).died).toEqual(["a"]);
    expect(judge.take({ ...off, node: "b" }).died).toEqual(["b"]);
    expect(judge.pass(10_000, "d")).toEqual(["c"]);
  });

  test("is none that was never seen", () => {
    expect(new Judge().take(off)).toMatchObject({ died: [], state: { dead: new Set() } });
  });
});

describe("a speaker", () => {
  test("is dead after 6 s without an observed renewal, and not before", () => {
    const judge = new Judge();
    judge.renew("a", "b", "c");
    judge.now += 3_000;
    judge.renew("b", "c");
    judge.now += 2_999;
    expect(judge.wake()).toMatchObject({ died: [], wakeAt: 1_000 + deadAfterMs });
    judge.now += 1;
    expect(judge.wake()).toMatchObject({ died: ["a"], suspended: false });
    expect([...judge.state.dead]).toEqual(["a"]);
  });

  test("that shows the same renewal again has not renewed", () => {
    const judge = new Judge();
    judge.renew("b", "c");
    judge.take({ kind: "renewal", node: "a", renewal: "same" });
    judge.now += 4_000;
    judge.renew("b", "c");
    judge.now += 2_000;
    expect(judge.take({ kind: "renewal", node: "a", renewal: "same" }).died).toEqual(["a"]);
  });

  test("stays dead until it renews, whatever else happens", () => {
    const judge = new Judge();
    judge.renew("a", "b", "c");
    expect(judge.pass(7_000, "b", "c")).toEqual(["a"]);
    expect(judge.take({ kind: "gap", graceMs: 0 }).revived).toEqual([]);
    expect(judge.take({ kind: "renewal", node: "a", renewal: "1" }).revived).toEqual([]);
    judge.pass(20_000, "b", "c");
    expect([...judge.state.dead]).toEqual(["a"]);
    expect(judge.renew("a")).toMatchObject({ died: [], revived: ["a"] });
    expect([...judge.state.dead]).toEqual([]);
  });

  test("whose Lease or node is gone is not dead, it is forgotten", () => {
    const judge = new Judge();
    judge.renew("a", "b", "c");
    expect(judge.pass(7_000, "b", "c")).toEqual(["a"]);
    expect(judge.take({ kind: "gone", node: "a" })).toMatchObject({ died: [], revived: [] });
    expect([...judge.state.dead]).toEqual([]);
    expect([...judge.state.speakers.keys()].sort()).toEqual(["b", "c"]);
  });
});

describe("a gap in the watch", () => {
  test("gives speakers as long again after an outage before silence counts", () => {
    const judge = new Judge();
    judge.renew("a", "b", "c");
    judge.take({ kind: "gap", graceMs: 10_000 });
    expect(judge.pass(15_000, "b", "c")).toEqual([]);
    expect(judge.pass(2_000, "b", "c")).toEqual(["a"]);
  });

  test("starts every count afresh", () => {
    const judge = new Judge();
    judge.renew("a", "b", "c");
    judge.now += 5_000;
    judge.take({ kind: "gap", graceMs: 0 });
    judge.now += 3_500;
    judge.renew("b", "c");
    judge.now += 2_499;
    expect(judge.wake().died).toEqual([]);
    judge.now += 1;
    expect(judge.wake().died).toEqual(["a"]);
  });
});

describe("more than half silent at once", () => {
  test("kills nobody, and the question is asked again soon", () => {
    const judge = new Judge();
    judge.renew("a", "b", "c");
    judge.now += deadAfterMs;
    const result = judge.wake();
    expect(result).toMatchObject({ died: [], suspended: true });
    expect((result.wakeAt ?? 0) - judge.now).toBe(500);
  });

  test("counts those too whose last renewal lies a little later", () => {
    const judge = new Judge();
    judge.renew("a");
    judge.now += 1_900;
    judge.renew("b", "c");
    judge.now = 1_000 + deadAfterMs;
    expect(judge.wake()).toMatchObject({ died: [], suspended: true });
  });

  test("ends when most are back; the others may come as much later as it lasted", () => {
    const judge = new Judge();
    judge.renew("a", "b", "c");
    judge.now += deadAfterMs;
    expect(judge.wake().suspended).toBe(true);
    judge.now += 4_000;
    expect(judge.renew("b")).toMatchObject({ died: [], suspended: true });
    expect(judge.renew("c")).toMatchObject({ died: [], suspended: false });
    expect(judge.pass(4_000 + deadAfterMs - 500, "b", "c")).toEqual([]);
    expect(judge.pass(500, "b", "c")).toEqual(["a"]);
  });

  test("lets a dead node be noticed in the end, however long it was", () => {
    const judge = new Judge();
    judge.renew("a", "b", "c");
    judge.pass(600_000);
    judge.renew("b", "c");
    expect(judge.pass(graceMaxMs + deadAfterMs, "b", "c")).toEqual(["a"]);
  });

  test("of two nodes, one may die; the last one never does", () => {
    const judge = new Judge();
    judge.renew("a", "b");
    expect(judge.pass(8_000, "b")).toEqual(["a"]);
    expect(judge.pass(60_000)).toEqual([]);
    expect(judge.wake().suspended).toBe(true);
  });
});

test("three nodes may die one after the other, but for the last", () => {
  const judge = new Judge();
  judge.renew("a", "b", "c");
  expect(judge.pass(10_000, "b", "c")).toEqual(["a"]);
  expect(judge.pass(10_000, "c")).toEqual(["b"]);
  expect(judge.pass(60_000)).toEqual([]);
  expect([...judge.state.dead]).toEqual(["a", "b"]);
});

const nodes = ["a", "b", "c", "d"];
const input: fc.Arbitrary<LivenessInput> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc
      .tuple(fc.constantFrom(...nodes), fc.nat({ max: 5 }))
      .map(([node, n]) => ({ kind: "renewal" as const, node, renewal: String(n) })),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom(...nodes).map((node) => ({ kind: "gone" as const, node })),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom(0, 5_000).map((graceMs) => ({ kind: "gap" as const, graceMs })),
  },
  { weight: 4, arbitrary: fc.constant({ kind: "wake" as const }) },
);

describe("whatever is observed", () => {
  const history = fc.array(fc.tuple(input, fc.nat({ max: 4_000 })), { maxLength: 60 });

  test("the next wake lies in the future, so nothing spins", () => {
    fc.assert(
      fc.property(history, (inputs) => {
        const judge = new Judge();
        for (const [it, ms] of inputs) {
          judge.now += ms;
          const { wakeAt, state } = judge.take(it);
          expect(wakeAt === undefined || wakeAt > judge.now).toBe(true);
          const living = state.speakers.size - state.dead.size;
          expect(wakeAt !== undefined || living === 0).toBe(true);
        }
      }),
    );
  });

  test("verdicts are told once, about speakers that are known", () => {
    fc.assert(
      fc.property(history, (inputs) => {
        const judge = new Judge();
        for (const [it, ms] of inputs) {
          judge.now += ms;
          const before = judge.state.dead;
          const { died, revived, state } = judge.take(it);
          expect(died.filter((node) => before.has(node) || !state.dead.has(node))).toEqual([]);
          expect(revived.filter((node) => !before.has(node) || state.dead.has(node))).toEqual([]);
          expect([...state.dead].filter((node) => !state.speakers.has(node))).toEqual([]);
        }
      }),
    );
  });

  test("a repeated wake at the same moment decides nothing new", () => {
    fc.assert(
      fc.property(history, (inputs) => {
        const judge = new Judge();
        for (const [it, ms] of inputs) {
          judge.now += ms;
          judge.take(it);
          const { died, revived, state } = judge.wake();
          const last = judge.state;
          expect([died, revived]).toEqual([died, []]);
          expect(judge.wake().died).toEqual([]);
          expect([state.dead, state.speakers]).toEqual([last.dead, last.speakers]);
        }
      }),
    );
  });
});
