import { join } from "node:path";
import type { V1Service } from "@kubernetes/client-node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import * as resources from "../../src/kube/resources.ts";
import { systemClock } from "../../src/runtime/clock.ts";
import { isLong } from "../long.ts";
import { scanArp } from "./arp-scan.ts";
import { configNamespace } from "./cluster-api.ts";
import { addressesOf, type IpAllocationObject } from "./cluster-objects.ts";
import { bothControllersReady, findLeader, leaderOtherThan } from "./controller-leader.ts";
import { eventually, type InstalledCluster, startInstalled } from "./installed-cluster.ts";
import { describeStale, LeaderWrites } from "./leader-writes.ts";
import { ServiceStorm } from "./service-storm.ts";

/** What is done to the leader in the middle of a storm. */
type Interruption = "kill -9" | "SIGSTOP";

interface Round {
  readonly number: number;
  readonly interruption: Interruption;
  /** After how many Services with an address. */
  readonly at: number;
  /** Whether all Services so far are removed at its end. */
  readonly removes: boolean;
}

/** What is counted when a round has come to rest; each is to be the number of Services. */
interface Count {
  readonly created: number;
  readonly inStatus: number;
  readonly allocations: number;
  readonly distinct: number;
  /** Allocations held by exactly the Service, by its uid, that has the address in its status. */
  readonly matchingUid: number;
  readonly oneMac: number;
}

interface Interrupted {
  /** How many were served when the leader was interrupted. */
  readonly interrupted: number;
  /** How many were served when the stopped one went on. */
  readonly resumed: number | undefined;
  readonly successor: string;
}

const size = isLong ? 1_000 : 200;
/** In `npm test` one storm after the other in one cluster, and all Services removed at the end. */
const clusters: readonly (readonly Round[])[] = isLong
  ? [rounds(1, 20), rounds(21, 40)]
  : [rounds(1, 2)];

const settledMs = 180_000;
const releasedMs = 60_000;

/** By turns the leader is killed and stopped, each time after another part of the Services. */
function rounds(first: number, last: number): readonly Round[] {
  return Array.from({ length: last - first + 1 }, (_, index) => ({
    number: first + index,
    interruption: index % 2 === 0 ? "kill -9" : "SIGSTOP",
    at: Math.round(size * (0.15 + 0.05 * (Math.floor(index / 2) % 10))),
    removes: isLong || first + index === last,
  }));
}

const columns = [
  ...["round", "leader", "served when it was interrupted", "when it was resumed"],
  ...["created", "in status", "IPAllocations", "distinct addresses", "holders with matching uid"],
  ...["answered by exactly one MAC", "leader after", "stale writes"],
  ...["IPAllocations left 60 s after deletion", "none left after", "time"],
];

function printRow(cells: readonly (string | number | undefined)[]): void {
  console.log(`| ${cells.map((cell) => cell ?? "-").join(" | ")} |`);
}

printRow(columns);
printRow(columns.map(() => "---"));

describe.for(clusters)("%# a cluster in a storm of Services", (plan) => {
  let cluster: InstalledCluster;
  let writes: LeaderWrites;
  let storms: ServiceStorm[] = [];

  beforeAll(async () => {
    cluster = await startInstalled({ nodes: 3 });
    const { api, sandbox } = cluster;
    writes = new LeaderWrites(join(sandbox.logs, "audit.log"));
    await eventually("the default advertisement", async () => {
      return (await api.list(resources.l2Advertisements)).length > 0;
    });
    const spec = { interfaces: ["eth0"] };
    await api.patch(resources.l2Advertisements, "default", { spec }, configNamespace);
    await api.createPool("storm", ["10.64.0.0/21"]);
  });

  afterAll(async () => {
    await cluster?.stop();
  });

  test.for(plan)(
    "round $number: $interruption of the leader loses and doubles nothing",
    {
      timeout: 600_000,
    },
    async (round) => {
      const begin = systemClock.now();
      const { number, interruption } = round;
      await bothControllersReady(cluster);
      const storm = await ServiceStorm.start(cluster.sandbox.kubeconfigPath, `storm-${number}`);
      storms.push(storm);
      const creation = storm.create(size);
      const { interrupted, resumed, successor } = await interrupt(storm, round);
      await creation;
      await storm.reaches(size, settledMs);
      const count = await countAll(storm);
      const released = round.removes ? await removeAll() : undefined;
      const stale = await writes.readStale();
      const seconds = Math.round((systemClock.now() - begin) / 1_000);
      printRow([
        ...[number, interruption, interrupted, resumed, ...Object.values(count)],
        ...[successor, stale.length, released?.left, released?.after],
        `${seconds} s`,
      ]);
      for (const write of stale) {
        console.log(describeStale(write));
      }
      const all = { created: size, inStatus: size, allocations: size, distinct: size };
      expect(count).toEqual({ ...all, matchingUid: size, oneMac: size });
      expect(interrupted, "served when the leader was interrupted").toBeLessThan(size);
      expect(interrupted).toBeGreaterThan(0);
      expect(resumed ?? 0, "served when the stale leader was resumed").toBeLessThan(size);
      expect(stale).toEqual([]);
      expect(released?.left ?? 0).toBe(0);
    },
  );

  /** Troubles the leader midway and waits for the next one, which may be a new process in the same Pod. */
  async function interrupt(
    storm: ServiceStorm,
    { number, interruption, at }: Round,
  ): Promise<Interrupted> {
    const leader = await findLeader(cluster);
    await storm.reaches(at, settledMs);
    process.kill(leader.pid, interruption === "kill -9" ? "SIGKILL" : "SIGSTOP");
    // What it did until now is on its way to us; it does no more.
    await systemClock.sleep(500);
    const interrupted = storm.served;
    const next = await leaderOtherThan(cluster, leader.identity);
    const samePod = next.split("_")[0] === leader.identity.split("_")[0];
    const successor = samePod ? "same Pod, started again" : "other Pod";
    if (interruption === "kill -9") {
      return { interrupted, resumed: undefined, successor };
    }
    // By turns before the new leader has served anybody, and when it is in the middle of it.
    await storm.reaches(number % 4 === 0 ? interrupted + size / 10 : interrupted, settledMs);
    const resumed = storm.served;
    process.kill(leader.pid, "SIGCONT");
    return { interrupted, resumed, successor };
  }

  async function countAll(storm: ServiceStorm): Promise<Count> {
    const { api } = cluster;
    const { namespace, created } = storm;
    const services = await api.list<V1Service>(resources.services, namespace);
    const served = services.filter((service) => addressesOf(service).length > 0);
    const addresses = served.flatMap(addressesOf);
    const allocations = (await api.allocations()).filter(({ spec }) =>
      spec.holders.some((holder) => holder.namespace === namespace),
    );
    const byName = new Map(allocations.map((it) => [it.metadata.name, it]));
    const matching = served.filter((service) => holdsIts(service, byName));
    return {
      created,
      inStatus: served.length,
      allocations: allocations.length,
      distinct: new Set(addresses).size,
      matchingUid: matching.length,
      oneMac: await answeredOnce(addresses),
    };
  }

  /** How many addresses one MAC answers for. Who is silent is asked again for a while; who is doubled is not. */
  async function answeredOnce(addresses: readonly string[]): Promise<number> {
    const doubled = new Set<string>();
    for (let tries = 1; ; tries += 1) {
      const answers = await scanArp(cluster.client, addresses);
      const withMacs = (is: (macs: number) => boolean): readonly string[] =>
        addresses.filter((address) => is(answers.get(address)?.size ?? 0));
      for (const address of withMacs((macs) => macs > 1)) {
        doubled.add(address);
      }
      const once = withMacs((macs) => macs === 1).filter((address) => !doubled.has(address));
      if (withMacs((macs) => macs === 0).length === 0 || tries === 20) {
        return once.length;
      }
      await systemClock.sleep(1_000);
    }
  }

  /** Deletes all Services; how many allocations are left 60 s later, or when the last one went. */
  async function removeAll(): Promise<{ readonly left: number; readonly after: string }> {
    await Promise.all(storms.map((storm) => storm.remove()));
    storms = [];
    const deleted = systemClock.now();
    for (;;) {
      const left = (await cluster.api.allocations()).length;
      const passedMs = systemClock.now() - deleted;
      if (left === 0 || passedMs > releasedMs) {
        return { left, after: left === 0 ? `${Math.round(passedMs / 1_000)} s` : "-" };
      }
      await systemClock.sleep(1_000);
    }
  }
});

function holdsIts(
  service: V1Service,
  allocations: ReadonlyMap<string | undefined, IpAllocationObject>,
): boolean {
  const [address] = addressesOf(service);
  const { state, holders } = allocations.get(address)?.spec ?? {};
  const [holder] = holders ?? [];
  return state === "Allocated" && holders?.length === 1 && holder?.uid === service.metadata?.uid;
}
