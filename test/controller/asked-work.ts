import { PendingServices, type Want } from "../../src/controller/pending-services.ts";
import { type LeaderQueues, Triggers } from "../../src/controller/triggers.ts";
import { WorkQueue } from "../../src/kube/work-queue.ts";
import { silentLog } from "../../src/runtime/log.ts";
import { configNamespace, KnownCluster } from "./known-cluster.ts";

/** What the Service `s1` has in the cluster of {@link begun}. */
export const address = "192.0.2.10";

/** "An address of this family from this pool." */
export function anyOf(pool: string, family: 4 | 6): Want {
  return { pools: [{ name: pool }], families: [family] };
}

/** A leader's triggers and queues, and which work they ask for. */
export class Asked {
  readonly cluster: KnownCluster;
  readonly pending = new PendingServices();
  readonly #queues: LeaderQueues;
  readonly #keys = new Map<string, Set<string>>();
  readonly triggers: Triggers;
  /** Called whenever a Service is looked at. */
  onLook: (key: string) => void = () => undefined;
  /** How often it was told that another pool gives what several name. */
  contestChanges = 0;

  constructor(cluster: KnownCluster) {
    this.cluster = cluster;
    const { clock } = cluster;
    const queue = (): WorkQueue => new WorkQueue({ clock, log: silentLog });
    this.#queues = {
      services: queue(),
      bundles: queue(),
      cooling: queue(),
      speakers: queue(),
      settling: queue(),
    };
    for (const [name, one] of Object.entries(this.#queues) as [string, WorkQueue][]) {
      this.#keys.set(name, new Set());
      void one.run(async (key) => {
        this.#keys.get(name)?.add(key);
        if (name === "services") {
          this.onLook(key);
          this.triggers.lookedAt(key);
        }
      }, new AbortController().signal);
    }
    this.triggers = new Triggers({
      ...cluster,
      queues: this.#queues,
      pending: this.pending,
      takeAwaiting: () => [],
      onContestChanged: () => {
        this.contestChanges += 1;
      },
      configNamespace,
      log: silentLog,
    });
    this.triggers.start();
  }

  /** The keys of one kind that were worked on since the last call, after `ms` more, sorted. */
  async of(kind: keyof LeaderQueues, ms = 0): Promise<readonly string[]> {
    return [...(await this.inTurn(kind, ms))].sort();
  }

  /** The same in the order in which they were worked on. */
  async inTurn(kind: keyof LeaderQueues, ms = 0): Promise<readonly string[]> {
    await this.cluster.clock.advance(ms);
    const keys = this.#keys.get(kind) ?? new Set();
    const worked = [...keys];
    keys.clear();
    return worked;
  }

  /** Does all that is asked for by now, and forgets it. */
  async calm(ms = 6_000): Promise<void> {
    await this.cluster.clock.advance(ms);
    for (const keys of this.#keys.values()) {
      keys.clear();
    }
  }
}

/** A leader that has begun and looked at everything, with Services `s1` to `s3`, `s1` having an address. */
export async function begun(): Promise<Asked> {
  const cluster = new KnownCluster();
  for (const name of ["s1", "s2", "s3"]) {
    cluster.createService(name);
  }
  cluster.allocate(address, "s1");
  cluster.see();
  cluster.state.load();
  const asked = new Asked(cluster);
  await asked.calm();
  return asked;
}
