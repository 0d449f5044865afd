import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  deadAfterMs,
  type LivenessInput,
  noSpeakers,
  step,
} from "../../src/core/liveness/speaker-liveness.ts";

/** What goes wrong in one run, all times in ms from its start. */
interface Troubles {
  readonly nodes: number;
  /** When each speaker's first renewal is due, below the period; no two at the same moment. */
  readonly phases: readonly number[];
  /** A node that stops renewing for a while, or for good. */
  readonly pauses: readonly { readonly node: number; readonly from: number; readonly ms: number }[];
  /** Times at which the watch breaks; renewals of `blindMs` before are not seen. */
  readonly gaps: readonly number[];
  readonly blindMs: number;
}

interface Verdict {
  readonly at: number;
  readonly node: string;
  readonly kind: "died" | "revived";
}

interface Run {
  readonly verdicts: readonly Verdict[];
  readonly steps: number;
  /** When each renewal of each node was seen. */
  readonly seen: ReadonlyMap<string, readonly number[]>;
}

const periodMs = 2_000;
const endMs = 60_000;
/** A verdict may come this late: the poll while verdicts are suspended, and two inputs at once. */
const slackMs = 501;

const troubles: fc.Arbitrary<Troubles> = fc.integer({ min: 2, max: 9 }).chain((nodes) =>
  fc.record({
    nodes: fc.constant(nodes),
    phases: fc.uniqueArray(fc.nat({ max: periodMs - 1 }), {
      minLength: nodes,
      maxLength: nodes,
    }),
    pauses: fc.array(
      fc.record({
        node: fc.nat({ max: nodes - 1 }),
        from: fc.integer({ min: 2_000, max: 40_000 }),
        ms: fc.oneof(fc.nat({ max: 12_000 }), fc.constant(endMs)),
      }),
      { maxLength: 4 },
    ),
    gaps: fc.array(fc.integer({ min: 1_000, max: endMs }), { maxLength: 2 }),
    blindMs: fc.nat({ max: 5_000 }),
  }),
);

function name(node: number): string {
  return `n${node}`;
}

/** Every renewal and gap that the judge sees, in order of time. */
function observations({ nodes, phases, pauses, gaps, blindMs }: Troubles) {
  const inputs: { at: number; input: LivenessInput }[] = gaps.map((at) => ({
    at,
    input: { kind: "gap", graceMs: 0 },
  }));
  for (let node = 0; node < nodes; node += 1) {
    for (let at = phases[node] ?? 0; at < endMs; at += periodMs) {
      const paused = pauses.some((it) => it.node === node && it.from <= at && at < it.from + it.ms);
      const unseen = gaps.some((gap) => gap - blindMs < at && at < gap);
      if (!paused && !unseen) {
        inputs.push({ at, input: { kind: "renewal", node: name(node), renewal: String(at) } });
      }
    }
  }
  return inputs.sort((a, b) => a.at - b.at);
}

function simulate(trouble: Troubles): Run {
  const verdicts: Verdict[] = [];
  const seen = new Map<string, number[]>();
  let [state, wakeAt, steps] = [noSpeakers, Number.POSITIVE_INFINITY, 0];
  const take = (input: LivenessInput, now: number): void => {
    const result = step(state, input, now);
    state = result.state;
    wakeAt = result.wakeAt ?? Number.POSITIVE_INFINITY;
    steps += 1;
    verdicts.push(...result.died.map((node) => ({ at: now, node, kind: "died" as const })));
    verdicts.push(...result.revived.map((node) => ({ at: now, node, kind: "revived" as const })));
  };
  const wakeBefore = (end: number): void => {
    while (wakeAt < end) {
      take({ kind: "wake" }, wakeAt);
    }
  };
  for (const { at, input } of observations(trouble)) {
    wakeBefore(at);
    if (input.kind === "renewal") {
      seen.set(input.node, [...(seen.get(input.node) ?? []), at]);
    }
    take(input, at);
  }
  wakeBefore(endMs);
  return { verdicts, steps, seen };
}

/** How long nothing was known of a node before `at`: since its last renewal or the last gap. */
function silence({ seen }: Run, { gaps }: Troubles, node: string, at: number): number {
  const marks = [...(seen.get(node) ?? []), ...gaps].filter((mark) => mark <= at);
  return at - Math.max(...marks);
}

describe("speakers that renew, pause and die, under a watch that breaks", () => {
  test("nobody is judged dead who was seen within 6 s", () => {
    fc.assert(
      fc.property(troubles, (trouble) => {
        const run = simulate(trouble);
        for (const { at, node } of run.verdicts.filter(({ kind }) => kind === "died")) {
          expect(silence(run, trouble, node, at)).toBeGreaterThanOrEqual(deadAfterMs);
        }
      }),
    );
  });

  test("a dead one is alive again with its next renewal, and only then", () => {
    fc.assert(
      fc.property(troubles, (trouble) => {
        const run = simulate(trouble);
        for (const { at, node } of run.verdicts.filter(({ kind }) => kind === "revived")) {
          expect(run.seen.get(node)).toContain(at);
        }
        for (const { at, node } of run.verdicts.filter(({ kind }) => kind === "died")) {
          const next = run.seen.get(node)?.find((it) => it > at);
          const revived = run.verdicts.find(
            (it) => it.kind === "revived" && it.node === node && it.at > at,
          );
          expect(revived?.at).toBe(next);
        }
      }),
    );
  });

  test("a single node that stops is found dead within 6 s, whatever the phases", () => {
    const single = troubles
      .filter(({ nodes }) => nodes >= 3)
      .map((it) => ({ ...it, gaps: [], pauses: [{ node: 0, from: 10_000, ms: endMs }] }));
    fc.assert(
      fc.property(single, (trouble) => {
        const run = simulate(trouble);
        const last = run.seen.get("n0")?.at(-1) ?? 0;
        expect(run.verdicts).toEqual([{ at: last + deadAfterMs, node: "n0", kind: "died" }]);
      }),
    );
  });

  test("when all stop at once, nobody is judged dead", () => {
    const all = troubles.map((it) => ({
      ...it,
      gaps: [],
      pauses: it.phases.map((_, node) => ({ node, from: 20_000, ms: endMs })),
    }));
    fc.assert(
      fc.property(all, (trouble) => {
        expect(simulate(trouble).verdicts).toEqual([]);
      }),
    );
  });

  test("less than half that stop together are all found dead", () => {
    const some = troubles
      .filter(({ nodes }) => nodes >= 3)
      .map((it) => ({
        ...it,
        gaps: [],
        pauses: it.phases
          .slice(0, Math.floor((it.nodes - 1) / 2))
          .map((_, node) => ({ node, from: 20_000, ms: endMs })),
      }));
    fc.assert(
      fc.property(some, (trouble) => {
        const run = simulate(trouble);
        expect(run.verdicts).toHaveLength(trouble.pauses.length);
        for (const { at, node } of run.verdicts) {
          expect(silence(run, trouble, node, at)).toBeLessThanOrEqual(deadAfterMs + slackMs);
        }
      }),
    );
  });

  test("the judge is woken no more often than something can have changed", () => {
    fc.assert(
      fc.property(troubles, (trouble) => {
        const inputs = observations(trouble).length;
        expect(simulate(trouble).steps).toBeLessThanOrEqual(inputs * 2 + endMs / 500 + 1);
      }),
    );
  });
});
