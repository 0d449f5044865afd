import { type Sandbox, startSandbox } from "../sandbox/sandbox.ts";
import { type ArpLatency, measureArp } from "./arp-client.ts";
import { type ComponentCost, type Contender, costsOf, kubectl } from "./contender.ts";
import { quantile } from "./quantile.ts";
import { configuration, ServiceFleet, type ServiceTimes } from "./service-fleet.ts";

export interface LatencyOptions {
  readonly nodes: number;
  /** Services that are there before. */
  readonly services: number;
  /** Services that are measured. */
  readonly count: number;
  /** All at once, or each after the one before it is served. */
  readonly storm: boolean;
}

/** What was measured of one contender in one fresh cluster. Times in milliseconds. */
export interface LatencyRound {
  readonly contender: string;
  readonly kubernetes: string;
  /** From creation to an address in the status, of each Service. */
  readonly assigned: readonly number[];
  /** From creation to the first gratuitous ARP at a client, of each Service. */
  readonly announced: readonly number[];
  /** From the first creation to the last address in a status. */
  readonly allAssigned: number;
  /** From the first creation to the last first gratuitous ARP. */
  readonly allAnnounced: number;
  readonly costs: readonly ComponentCost[];
  readonly arp: ArpLatency;
  readonly kernelArp: ArpLatency;
}

/** Measures one contender in a cluster of its own. */
export async function measureLatency(
  contender: Contender,
  options: LatencyOptions,
  print: (line: string) => void,
): Promise<LatencyRound> {
  const { nodes } = options;
  const sandbox = await startSandbox({ nodes, clients: 1, images: contender.images });
  try {
    await contender.install(sandbox);
    await kubectl(sandbox, ["apply", "-f", "-"], configuration);
    const fleet = await ServiceFleet.start(sandbox);
    try {
      return await measure({ sandbox, contender, fleet, options, print });
    } finally {
      await fleet.close();
    }
  } catch (error) {
    await printLogs(sandbox, contender, print);
    throw error;
  } finally {
    await sandbox.stop();
  }
}

interface Scene {
  readonly sandbox: Sandbox;
  readonly contender: Contender;
  readonly fleet: ServiceFleet;
  readonly options: LatencyOptions;
  readonly print: (line: string) => void;
}

async function measure(scene: Scene): Promise<LatencyRound> {
  const { sandbox, contender, fleet, options } = scene;
  const there = names("there", options.services);
  const measured = names("bench", options.count);
  await fleet.prepare([...there, ...measured], sandbox.nodes[0]?.ip ?? "");
  await fleet.createAll(there);
  const times = options.storm ? await fleet.createAll(measured) : await oneByOne(fleet, measured);
  const begin = Math.min(...times.map(({ created }) => created));
  const [client] = sandbox.clients;
  const [first] = times;
  const [node] = sandbox.nodes;
  if (client === undefined || first === undefined || node === undefined) {
    throw new Error("there must be a client, a node and a Service");
  }
  return {
    contender: contender.name,
    kubernetes: sandbox.version,
    assigned: times.map(({ created, assigned }) => assigned - created),
    announced: times.map(({ created, announced }) => announced - created),
    allAssigned: Math.max(...times.map(({ assigned }) => assigned)) - begin,
    allAnnounced: Math.max(...times.map(({ announced }) => announced)) - begin,
    costs: await costsOf(sandbox, contender),
    arp: await measureArp(client, first.address, 2_000),
    kernelArp: await measureArp(client, node.ip, 2_000),
  };
}

async function oneByOne(
  fleet: ServiceFleet,
  list: readonly string[],
): Promise<readonly ServiceTimes[]> {
  const times: ServiceTimes[] = [];
  for (const name of list) {
    times.push(await fleet.createAndWait(name));
  }
  return times;
}

function names(prefix: string, count: number): readonly string[] {
  return Array.from({ length: count }, (_, at) => `${prefix}-${at + 1}`);
}

/** The costs of one component: the controller that costs most (others only stand by), the mean speaker. */
export function costOf(round: LatencyRound, component: string): ComponentCost {
  const all = round.costs.filter((cost) => cost.component === component);
  const mean = (of: (cost: ComponentCost) => number): number =>
    all.reduce((sum, cost) => sum + of(cost), 0) / all.length;
  const busiest = all.reduce<ComponentCost | undefined>(
    (a, b) => (a !== undefined && a.cpuSeconds >= b.cpuSeconds ? a : b),
    undefined,
  );
  if (component === "controller" && busiest !== undefined) {
    return busiest;
  }
  return {
    component,
    rssMiB: mean(({ rssMiB }) => rssMiB),
    anonymousMiB: mean(({ anonymousMiB }) => anonymousMiB),
    cpuSeconds: mean(({ cpuSeconds }) => cpuSeconds),
  };
}

/** p50 and p99. */
export function spread(values: readonly number[]): readonly [number, number] {
  return [quantile(values, 0.5), quantile(values, 0.99)];
}

async function printLogs(
  sandbox: Sandbox,
  contender: Contender,
  print: (line: string) => void,
): Promise<void> {
  const { stdout } = await sandbox.kubectl(["-n", contender.namespace, "describe", "pods"]);
  print(stdout.split("\n").slice(-40).join("\n"));
  const { readFile } = await import("node:fs/promises");
  for (const file of await sandbox.podLogs()) {
    const lines = (await readFile(file, "utf8")).split("\n");
    print(`--- ${file}\n${lines.slice(-15).join("\n")}`);
  }
}
