import type { AuditEntry } from "../sandbox/audit.ts";
import { describeWrites, writesOf } from "./api-writes.ts";
import { type ComponentCost, type Contender, costsOf, kubectl, processesOf } from "./contender.ts";
import { type Scene, withFleet } from "./fresh-cluster.ts";
import { type Filling, type ServiceTimes, serviceNames } from "./service-fleet.ts";
import { settle } from "./settle.ts";

export interface ScaleOptions {
  readonly nodes: number;
  /** Services that are created at once. */
  readonly services: number;
  /** Services that are created after them, one after the other. */
  readonly more: number;
  /** How long all may take until they are announced. */
  readonly limitMs: number;
  /** How long kube-proxy gathers changes before it writes rules. */
  readonly proxyMinSyncSeconds: number;
}

/** What was measured of one contender in one fresh cluster. */
export interface ScaleRound {
  readonly contender: string;
  readonly kubernetes: string;
  readonly filling: Filling;
  /** Writes to the API until all were announced and all was quiet. */
  readonly writes: readonly AuditEntry[];
  /** What the processes cost by then. */
  readonly costs: readonly ComponentCost[];
  /** Each of the Services that came later. Undefined: the first ones were not announced in time. */
  readonly more: readonly ServiceTimes[] | undefined;
  /** Writes after a restart of the controller and a change of every pool that changes nothing. */
  readonly secondPass: readonly AuditEntry[] | undefined;
}

/** Measures one contender in a cluster of its own. */
export async function measureScale(
  contender: Contender,
  options: ScaleOptions,
  print: (line: string) => void,
): Promise<ScaleRound> {
  return await withFleet(contender, options, print, (scene) =>
    measure(scene, options, (line) => print(`  ${contender.name}: ${line}`)),
  );
}

async function measure(
  scene: Scene,
  options: ScaleOptions,
  print: (line: string) => void,
): Promise<ScaleRound> {
  const { sandbox, contender, fleet } = scene;
  const names = serviceNames("scale", options.services);
  const later = serviceNames("more", options.more);
  await fleet.prepare([...names, ...later], sandbox.nodes[0]?.ip ?? "");
  const filling = await fleet.fill(names, options.limitMs);
  print(describeFilling(filling));
  const complete = filling.allAnnouncedMs !== undefined;
  if (complete) {
    await settle(sandbox, contender);
  }
  const writes = await writesOf(sandbox, contender);
  print(`writes: ${describeWrites(writes)}`);
  const costs = await costsOf(sandbox, contender);
  const round = { contender: contender.name, kubernetes: sandbox.version, filling, writes, costs };
  if (!complete) {
    return { ...round, more: undefined, secondPass: undefined };
  }
  const more: ServiceTimes[] = [];
  for (const name of later) {
    more.push(await fleet.createAndWait(name));
  }
  const secondPass = await passAgain(scene);
  print(`writes of the second pass: ${describeWrites(secondPass)}`);
  return { ...round, more, secondPass };
}

/**
 * Makes the controllers look at everything again, by a restart and then by a
 * change of every pool that changes nothing, and returns what was written.
 */
async function passAgain({ sandbox, contender }: Scene): Promise<readonly AuditEntry[]> {
  await settle(sandbox, contender);
  const before = await writesOf(sandbox, contender);
  // Processes, not Pods: a new Pod is a change of its node's network, which may be written down.
  for (const { component, pid } of await processesOf(sandbox, contender)) {
    if (component === "controller") {
      process.kill(pid);
    }
  }
  await settle(sandbox, contender);
  await kubectl(sandbox, [
    ...["-n", "metallb-system", "annotate", "ipaddresspools.metallb.io", "--all", "bench=touched"],
  ]);
  await settle(sandbox, contender);
  const after = await writesOf(sandbox, contender);
  return after.slice(before.length);
}

function describeFilling({ of, created, assigned, announced }: Filling): string {
  return `${created} of ${of} created, ${assigned} in status, ${announced} announced`;
}
