import { systemClock } from "../src/runtime/clock.ts";
import { type ComponentCost, costsOf, kubectl, processesOf } from "./contender.ts";
import type { Scene } from "./fresh-cluster.ts";
import type { Filling } from "./service-fleet.ts";
import { settle } from "./settle.ts";

/** What a restart of all controllers took, with all Services there, from the signal on. */
export interface Restart {
  /** Until `/readyz` of every new one said so. Undefined: not within the limit. */
  readonly readyMs: number | undefined;
  /** Until a Service that was created at the signal had an address; undefined as above. */
  readonly assignedMs: number | undefined;
  /** What the processes cost once all is quiet again. */
  readonly costs: readonly ComponentCost[];
}

const pollMs = 50;

/** Ends the processes of the controllers; their containers start again in the same Pods. */
export async function endControllers({ sandbox, contender }: Scene): Promise<void> {
  for (const { component, pid } of await processesOf(sandbox, contender)) {
    if (component === "controller") {
      process.kill(pid);
    }
  }
}

/** Restarts the controllers, creates the Service `name`, which is prepared, and waits until all is quiet. */
export async function restart(scene: Scene, name: string, limitMs: number): Promise<Restart> {
  const { sandbox, contender, fleet } = scene;
  const controllers = await controllersOf(scene);
  await endControllers(scene);
  const begin = systemClock.now();
  const [readyMs, served]: readonly [number | undefined, Filling] = await Promise.all([
    untilReady(controllers, begin, limitMs),
    fleet.fill([name], limitMs),
  ]);
  await settle(sandbox, contender);
  const costs = await costsOf(sandbox, contender);
  return { readyMs, assignedMs: served.allAssignedMs, costs };
}

/** Asks a Pod by its own address; the process that is to be ended does not count. */
type IsReady = () => Promise<boolean>;

async function controllersOf({ sandbox, contender }: Scene): Promise<readonly IsReady[]> {
  const columns =
    "jsonpath={range .items[*]}{.metadata.name} {.status.podIP} {.spec.nodeName}{'\\n'}{end}";
  const label = `${contender.componentLabel}=controller`;
  const text = await kubectl(sandbox, [
    ...["-n", contender.namespace, "get", "pods", "-l", label, "-o", columns],
  ]);
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => {
      const [pod = "", ip = "", nodeName] = line.split(" ");
      const node = sandbox.nodes.find((one) => one.name === nodeName);
      const before = node?.podProcess(contender.namespace, pod)?.pid;
      return async () => {
        const pid = node?.podProcess(contender.namespace, pod)?.pid;
        if (node === undefined || pid === undefined || pid === before) {
          return false;
        }
        const url = `http://${ip}:17472/readyz`;
        const { code } = await node.exec(["curl", "--silent", "--fail", "--max-time", "2", url]);
        return code === 0;
      };
    });
}

async function untilReady(
  controllers: readonly IsReady[],
  begin: number,
  limitMs: number,
): Promise<number | undefined> {
  while (systemClock.now() - begin < limitMs) {
    const ready = await Promise.all(controllers.map((isReady) => isReady()));
    if (ready.every((one) => one)) {
      return systemClock.now() - begin;
    }
    await systemClock.sleep(pollMs);
  }
  return undefined;
}
