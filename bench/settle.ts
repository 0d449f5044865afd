import type { Sandbox } from "../sandbox/sandbox.ts";
import { systemClock } from "../src/runtime/clock.ts";
import { writesOf } from "./api-writes.ts";
import { type Contender, costsOf } from "./contender.ts";

/** Longer than a Lease, or than a container waits to be started again, so that nobody only waits. */
const windowMs = 20_000;
/** Of one processor, all processes together. */
const idleShare = 0.1;
const patienceMs = 1_200_000;

/**
 * Resolves once the contender wrote nothing for 20 s and all of its processes
 * together were idle; Events, say, may trickle for long. Throws when that is not
 * so after twenty minutes.
 */
export async function settle(sandbox: Sandbox, contender: Contender): Promise<void> {
  const deadline = systemClock.now() + patienceMs;
  for (let before = await look(sandbox, contender); ; ) {
    await systemClock.sleep(windowMs);
    const after = await look(sandbox, contender);
    // A process that went takes its time along: less than before says nothing.
    const idle =
      after.cpuSeconds >= before.cpuSeconds &&
      (after.cpuSeconds - before.cpuSeconds) * 1_000 < windowMs * idleShare;
    if (idle && after.writes === before.writes) {
      return;
    }
    if (systemClock.now() > deadline) {
      throw new Error(`${contender.name} is still busy after twenty minutes`);
    }
    before = after;
  }
}

async function look(
  sandbox: Sandbox,
  contender: Contender,
): Promise<{ readonly cpuSeconds: number; readonly writes: number }> {
  const costs = await costsOf(sandbox, contender);
  const writes = await writesOf(sandbox, contender);
  return {
    cpuSeconds: costs.reduce((sum, cost) => sum + cost.cpuSeconds, 0),
    writes: writes.length,
  };
}
