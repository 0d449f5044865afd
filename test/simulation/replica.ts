import { ClusterWatch } from "../../src/controller/cluster-stores.ts";
import { Leader } from "../../src/controller/leader.ts";
import { SpeakerLiveness } from "../../src/controller/speaker-liveness.ts";
import { EventRecorder } from "../../src/kube/event-recorder.ts";
import { LeaseElection } from "../../src/kube/lease-election.ts";
import { silentLog } from "../../src/runtime/log.ts";
import { Metrics } from "../../src/runtime/metrics.ts";
import { ProcessClock, SimulatedProcess } from "./schedule.ts";
import { SimulatedConnection, type SimulatedNetwork } from "./simulated-network.ts";

/** What happens to a replica by itself. */
export interface ReplicaEvents {
  /** Its process ended as it should, after a signal or the loss of leadership. */
  readonly onEnd: (replica: Replica) => void;
  /** Its process ended by an error, which it never should. */
  readonly onError: (error: unknown) => void;
}

/** One controller: the real code from the watches to the writes, put together as `controller/main.ts` does. */
export class Replica {
  readonly #name: string;
  readonly #network: SimulatedNetwork;
  readonly #events: ReplicaEvents;
  #process: SimulatedProcess;
  #incarnation = 0;
  #shutdown = new AbortController();
  readonly #shutdowns: AbortController[] = [];

  constructor(name: string, network: SimulatedNetwork, events: ReplicaEvents) {
    this.#name = name;
    this.#network = network;
    this.#events = events;
    this.#process = new SimulatedProcess(name);
    this.#process.alive = false;
  }

  get process(): SimulatedProcess {
    return this.#process;
  }

  /** Starts a new process, which takes the place of the one before. */
  start(): void {
    this.#incarnation += 1;
    this.#process = new SimulatedProcess(`${this.#name}/${this.#incarnation}`);
    this.#shutdown = new AbortController();
    this.#shutdowns.push(this.#shutdown);
    const process = this.#process;
    this.#network.trace(() => `${process.name} starts`);
    // As a step of the process, so that it does not begin while it stands still.
    const run = (): void => void this.#run(process).catch(this.#events.onError);
    this.#network.schedule.after(0, run, process);
  }

  /** Kills it: nothing of it happens any more, but what it has sent may still arrive. */
  kill(): void {
    this.#process.alive = false;
  }

  /** Kills it, and has all that its processes ever waited for end: what waits for a signal is never collected. */
  dispose(): void {
    this.kill();
    for (const shutdown of this.#shutdowns.splice(0)) {
      shutdown.abort();
    }
  }

  /** SIGTERM. */
  terminate(): void {
    this.#network.trace(() => `${this.#process.name} is asked to end`);
    this.#network.schedule.after(0, () => this.#shutdown.abort(), this.#process);
  }

  async #run(process: SimulatedProcess): Promise<void> {
    const { schedule, random } = this.#network;
    const clock = new ProcessClock(schedule, process, random);
    const connection = new SimulatedConnection(this.#network, process);
    const { signal } = this.#shutdown;
    const options = {
      transport: connection,
      namespace: "steelyard-system",
      configNamespace: "metallb-system",
      loadBalancerClass: "",
      clock,
      log: silentLog,
    };
    const watch = new ClusterWatch(options);
    const events = new EventRecorder({ ...options, component: "controller", instance: "" });
    const election = new LeaseElection({
      ...options,
      name: "steelyard-controller",
      identity: process.name,
      releaseOnShutdown: true,
    });
    const done = new AbortController();
    const ended = AbortSignal.any([signal, done.signal]);
    const watching = watch.run(ended);
    await watch.synced(ended);
    const liveness = new SpeakerLiveness({ ...options, stores: watch.stores });
    liveness.start(ended);
    await election.run(async (leadership) => {
      const { stores } = watch;
      const [writes, metrics] = [connection, new Metrics()];
      await new Leader({
        ...options,
        ...{ stores, liveness, writes, leadership, events, metrics, defaultAdvertisement: false },
        placement: {
          ignoreExcludeLabel: false,
          withdrawWithoutEndpoints: false,
          rebalanceAfterMs: 600_000,
        },
        conflicts: { probes: true, ignoredMacs: [] },
      }).run();
      this.#network.trace(() => `${process.name} leads no longer`);
      done.abort(new Error("leadership ended"));
    }, ended);
    await watching;
    process.alive = false;
    this.#network.trace(() => `${process.name} has ended`);
    this.#events.onEnd(this);
  }
}
