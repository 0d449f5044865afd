import type { AllocationCase } from "./cases.ts";
import { Desk } from "./desk.ts";

/** How long one case is timed, after half as long of warming up. */
const timedMs = 400;

/** Returns how many decisions a second Steelyard makes in this situation. */
export function decisionsPerSecond(situation: AllocationCase): number {
  const { work } = situation;
  if (typeof work === "object") {
    return perSecond(fillOnce(situation, work.fill));
  }
  const desk = new Desk(situation);
  const once = work === "refusal" ? refuse : turnOver;
  repeat(desk, once, timedMs / 2);
  return perSecond(repeat(desk, once, timedMs));
}

interface Timing {
  readonly decisions: number;
  readonly ms: number;
}

function fillOnce(situation: AllocationCase, count: number): Timing {
  const desk = new Desk(situation);
  const start = performance.now();
  for (let at = 0; at < count; at += 1) {
    if (desk.grant() === undefined) {
      throw new Error(`${situation.name}: Service ${at} got no address`);
    }
  }
  return { decisions: count, ms: performance.now() - start };
}

function turnOver(desk: Desk): void {
  if (desk.turnOver() === undefined) {
    throw new Error("there should be a free address");
  }
}

function refuse(desk: Desk): void {
  if (desk.grant() !== undefined) {
    throw new Error("there should be no free address");
  }
}

function repeat(desk: Desk, once: (desk: Desk) => void, forMs: number): Timing {
  const start = performance.now();
  let [decisions, ms, batch] = [0, 0, 1];
  while (ms < forMs) {
    for (let at = 0; at < batch; at += 1) {
      once(desk);
    }
    decisions += batch;
    ms = performance.now() - start;
    batch = Math.min(1_000, batch * 2);
  }
  return { decisions, ms };
}

function perSecond({ decisions, ms }: Timing): number {
  return (decisions * 1_000) / ms;
}
