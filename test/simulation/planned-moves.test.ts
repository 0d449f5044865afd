import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { lingerMs } from "../../src/core/layer2/handover.ts";
import type { L2Bundle } from "../../src/core/model/l2-bundle.ts";
import { ip } from "../core/net/arbitraries.ts";
import { HandClock } from "../kube/hand-clock.ts";
import { type AnswerChange, MovingNode } from "./moving-node.ts";

const address = ip("192.0.2.4");
const names = ["n0", "n1", "n2"];
/** When gratuitous frames go out after an announcement. */
const rounds = [0, 100, 1_100, 2_200, 4_400];
const frameMs = 1;
/** After the first frame has gone everywhere. */
const settledMs = 10_000;

/** One write that names another owner. */
interface Move {
  /** Since the write before. */
  readonly afterMs: number;
  /** How many places further round the new owner is: 1 or 2. */
  readonly step: number;
  /** How long after the write each node reads it; no node reads an older one after a newer one. */
  readonly readMs: readonly number[];
}

interface Life {
  readonly changes: readonly AnswerChange[];
  readonly owner: string;
  /** When each write was read by each node, in order. */
  readonly reads: readonly (readonly number[])[];
  /** Who had it before each write, and after. */
  readonly hops: readonly (readonly [number, number])[];
  readonly end: number;
}

const moveWithin = (readMs: number, afterMs: fc.Arbitrary<number>): fc.Arbitrary<Move> =>
  fc.record({
    afterMs,
    step: fc.constantFrom(1, 2),
    readMs: fc.tuple(...names.map(() => fc.integer({ min: 0, max: readMs }))),
  });

/** Plays planned moves among three nodes. `isLost` tells of each frame whether nobody hears it. */
async function live(moves: readonly Move[], isLost: () => boolean): Promise<Life> {
  const clock = new HandClock();
  const pending: { readonly at: number; readonly act: () => void }[] = [];
  const later = (at: number, act: () => void): void => void pending.push({ at, act });
  const changes: AnswerChange[] = [];
  const nodes = names.map(
    (name, index): MovingNode =>
      new MovingNode({
        ...{ name, address, clock },
        onChange: (change) => changes.push(change),
        onAnnounce: () => announce(index),
      }),
  );
  const announce = (index: number): void => {
    for (const round of rounds) {
      later(clock.now() + round, () => {
        for (const other of nodes[index]?.answers === true && !isLost() ? nodes : []) {
          later(clock.now() + frameMs, () => other !== nodes[index] && other.hear());
        }
      });
    }
  };
  const { reads, hops, writes, last } = written(moves);
  nodes.forEach((node, index) => {
    for (const [number, bundle] of writes.entries()) {
      later(reads[number]?.[index] ?? 0, () => node.read(bundle));
    }
  });
  const end = last + settledMs;
  for (;;) {
    const next = pending.reduce((soonest, one) => (one.at < soonest.at ? one : soonest), {
      at: end,
      act: () => {},
    });
    await clock.advance(next.at - clock.now());
    if (next.at >= end) {
      break;
    }
    pending.splice(pending.indexOf(next), 1);
    next.act();
  }
  for (const node of nodes) {
    node.stop();
  }
  return { changes, owner: writes.at(-1)?.owner.node ?? "", reads, hops, end };
}

/** The states of the bundle, and when each node reads them; the first one is read at once by all. */
function written(moves: readonly Move[]) {
  let [owner, at] = [0, 0];
  const first: L2Bundle = {
    name: "b",
    advertisements: ["all"],
    owner: { node: "n0", interfaces: [] },
    standbys: [],
    version: { term: 1, sequence: 0 },
  };
  const writes = [first];
  const reads: (readonly number[])[] = [names.map(() => 0)];
  const hops: (readonly [number, number])[] = [];
  for (const { afterMs, step, readMs } of moves) {
    const from = owner;
    owner = (owner + step) % names.length;
    at += afterMs;
    hops.push([from, owner]);
    const before = reads.at(-1) ?? [];
    reads.push(readMs.map((ms, index) => Math.max(at + ms, before[index] ?? 0)));
    const moved = { from: names[from] ?? "", reason: "NodeDraining", at: "" } as const;
    const version = { term: 1, sequence: writes.length };
    writes.push({ ...first, owner: { node: names[owner] ?? "", interfaces: [] }, version, moved });
  }
  return { writes, reads, hops, last: Math.max(...reads.flat()) };
}

/** The times at which the number of nodes that answer becomes `count`, until it changes. */
function times({ changes, end }: Life, count: (answering: number) => boolean): readonly number[] {
  const answering = new Set<string>();
  return changes.map(({ at, node, answers }, index) => {
    answers ? answering.add(node) : answering.delete(node);
    const until = changes[index + 1]?.at ?? end;
    return count(answering.size) ? until - at : 0;
  });
}

const sum = (all: readonly number[]): number => all.reduce((total, one) => total + one, 0);
const nobodyMs = (life: Life): number => sum(times(life, (count) => count === 0));
const severalMs = (life: Life): number => sum(times(life, (count) => count > 1));
const losses = fc.infiniteStream(fc.integer({ min: 0, max: 9 }));
const someLost = (stream: Iterator<number>) => () => stream.next().value === 0;

describe("planned moves, whenever each node reads of them", () => {
  test("lose nothing if the new owner reads of it before the old one gives up, and two answer no longer than they must", async () => {
    const move = moveWithin(3_000, fc.constant(1_000));
    await fc.assert(
      fc.asyncProperty(move, fc.boolean(), async (one, deaf) => {
        const life = await live([one], () => deaf);
        const [[from = 0, to = 0] = []] = life.hops;
        const [old = 0, fresh = 0] = [life.reads[1]?.[from], life.reads[1]?.[to]];
        expect(nobodyMs(life)).toBe(Math.max(0, fresh - (old + lingerMs)));
        // It has heard the other one when it reads of it, or does right afterwards; deaf, or much
        // too late, it waits in vain.
        const needed = (deaf || old - fresh > lingerMs ? old + lingerMs : old) - fresh;
        expect(severalMs(life)).toBeLessThanOrEqual(Math.max(0, needed) + frameMs);
      }),
    );
  });

  test("end with the owner alone, however many, however late and however much is lost", async () => {
    const moves = fc.array(moveWithin(5_000, fc.integer({ min: 0, max: 3_000 })), { maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(moves, losses, async (all, lost) => {
        const life = await live(all, someLost(lost));
        const answering = new Set<string>();
        for (const { node, answers } of life.changes) {
          answers ? answering.add(node) : answering.delete(node);
        }
        expect([...answering]).toEqual([life.owner]);
      }),
    );
  });

  test("one after the other lose nothing where no watch is late", async () => {
    const move = moveWithin(lingerMs - 50, fc.integer({ min: 1_000, max: 3_000 }));
    await fc.assert(
      fc.asyncProperty(
        fc.array(move, { minLength: 1, maxLength: 6 }),
        losses,
        async (all, lost) => {
          const life = await live(all, someLost(lost));
          expect(nobodyMs(life)).toBe(0);
          expect(severalMs(life)).toBeLessThanOrEqual(all.length * 2 * lingerMs);
        },
      ),
    );
  });
});
