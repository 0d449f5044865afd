import type { Sandbox } from "../sandbox/sandbox.ts";
import { systemClock } from "../src/runtime/clock.ts";
import { type Contender, costsOf } from "./contender.ts";

/** Longer than a Lease, or than a container waits to be started again, so that nobody only waits. */
const windowMs = 20_000;
/** Of one processor, all processes together. */
const idleShare = 0.1;
const patienceMs = 600_000;

/**
 * Resolves once all of the contender's processes together were idle for 20 s.
 * Throws when they are not after ten minutes.
 */
export async function settle(sandbox: Sandbox, contender: Contender): Promise<void> {
  const deadline = systemClock.now() + patienceMs;
  for (let before = await cpuSeconds(sandbox, contender); ; ) {
    await systemClock.sleep(windowMs);
    const after = await cpuSeconds(sandbox, contender);
    // A process that went takes its time along: less than before says nothing.
    if (after >= before && (after - before) * 1_000 < windowMs * idleShare) {
      return;
    }
    if (systemClock.now() > deadline) {
      throw new Error(`${contender.name} is still busy after ten minutes`);
    }
    before = after;
  }
}

async function cpuSeconds(sandbox: Sandbox, contender: Contender): Promise<number> {
  const costs = await costsOf(sandbox, contender);
  return costs.reduce((sum, cost) => sum + cost.cpuSeconds, 0);
}
