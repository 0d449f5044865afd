import { type AnswerLatency, measureAnswers } from "./answer-client.ts";
import { type ComponentCost, type Contender, costsOf } from "./contender.ts";
import { type Scene, withFleet } from "./fresh-cluster.ts";
import { quantile } from "./quantile.ts";
import { type ServiceFleet, type ServiceTimes, serviceNames } from "./service-fleet.ts";

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
  readonly arp: AnswerLatency;
  readonly kernelArp: AnswerLatency;
}

/** Measures one contender in a cluster of its own. */
export async function measureLatency(
  contender: Contender,
  options: LatencyOptions,
  print: (line: string) => void,
): Promise<LatencyRound> {
  return await withFleet(contender, { nodes: options.nodes }, print, (scene) =>
    measure(scene, options),
  );
}

async function measure(scene: Scene, options: LatencyOptions): Promise<LatencyRound> {
  const { sandbox, contender, fleet } = scene;
  const there = serviceNames("there", options.services);
  const measured = serviceNames("bench", options.count);
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
    arp: await measureAnswers(client, first.address, 2_000),
    kernelArp: await measureAnswers(client, node.ip, 2_000),
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

/** p50 and p99. */
export function spread(values: readonly number[]): readonly [number, number] {
  return [quantile(values, 0.5), quantile(values, 0.99)];
}
