import { holdDownMs } from "../../src/core/placement/hold-down.ts";
import { ClusterLife } from "./cluster-life.ts";
import { FenceCheck, holdersOf } from "./fence-check.ts";
import { Replica, type ReplicaEvents } from "./replica.ts";
import { Schedule, type SimulatedProcess } from "./schedule.ts";
import { SeededRandom } from "./seeded-random.ts";
import { unsettled } from "./settled-check.ts";
import { controllerLease, type Policies, SimulatedAdmission } from "./simulated-admission.ts";
import { type AppliedWrite, SimulatedApi } from "./simulated-api.ts";
import { type NetworkFigures, SimulatedNetwork } from "./simulated-network.ts";
import { SimulatedSpeaker } from "./simulated-speaker.ts";
import { anyTheme, fairWeather } from "./weather.ts";

/** What a run consisted of, counted: a run in which nothing happens proves nothing. */
export interface SimulationFigures extends NetworkFigures {
  readonly steps: number;
  /** Changes that controllers made, Leases not counted. */
  readonly writes: number;
  /** Those of them that took effect after another controller had taken the Lease. */
  readonly staleApplied: number;
  /** Times that the Lease changed hands. */
  readonly leaders: number;
  /** Times that a Service joined others on an address, and that one left others there. */
  readonly joins: number;
  readonly leaves: number;
}

/** How one simulated run went. */
export interface SimulationResult {
  /** What did not hold, undefined if all did. */
  readonly failure: string | undefined;
  readonly figures: SimulationFigures;
  /** What happened, one line each; empty unless asked for. */
  readonly trace: readonly string[];
}

/** How long the controllers may take to put everything right in fair weather, in ms. */
const settleLimitMs = 900_000;
/** Seeds take turns, so that all three have the same trouble to stand. */
const worlds: readonly Policies[] = ["all", "own objects", "none"];

/**
 * Runs real controllers against a simulated API server: first everything goes
 * wrong at times that `seed` decides, then nothing any more. Deterministic: the
 * same seed gives the same run.
 */
export async function simulate(seed: number, traced = false): Promise<SimulationResult> {
  return await new Simulation(seed, traced).run();
}

class Simulation {
  readonly #random: SeededRandom;
  readonly #schedule = new Schedule((why) => this.#endless(why));
  readonly #network: SimulatedNetwork;
  readonly #api: SimulatedApi;
  readonly #fence: FenceCheck;
  readonly #replicas: readonly Replica[];
  readonly #life: ClusterLife;
  readonly #lines: string[] = [];
  #failure: string | undefined;
  readonly #figures = { writes: 0, staleApplied: 0, leaders: 0, joins: 0, leaves: 0 };
  #stormy = true;

  constructor(seed: number, traced: boolean) {
    this.#random = new SeededRandom(seed);
    this.#api = new SimulatedApi((write) => this.#written(write));
    this.#fence = new FenceCheck(this.#api);
    const trace = (line: () => string): void => {
      if (traced) {
        this.#lines.push(`${(this.#schedule.now / 1000).toFixed(3).padStart(8)} ${line()}`);
      }
    };
    const [api, schedule, random] = [this.#api, this.#schedule, this.#random];
    const onCrash = (process: SimulatedProcess): void => this.#crashed(process);
    const policies = worlds[seed % worlds.length] ?? "none";
    trace(() => `admission policies: ${policies}`);
    const admission = new SimulatedAdmission(policies, api, schedule);
    this.#network = new SimulatedNetwork({ api, admission, schedule, random, trace, onCrash });
    const network = this.#network;
    const events: ReplicaEvents = {
      onEnd: (replica) => this.#life.restartIfEnded(replica),
      onError: (error) => this.#fail(`a controller ended: ${String(error)}`),
    };
    const count = random.chance(0.7) ? 2 : 3;
    this.#replicas = Array.from({ length: count }, (_, i) => new Replica(`c${i}`, network, events));
    const nodes = random.chance(0.7) ? 2 : 3;
    const speakers = Array.from(
      { length: nodes },
      (_, i) => new SimulatedSpeaker(`n${i}`, `192.0.2.${241 + i}`, network),
    );
    this.#life = new ClusterLife({ network, replicas: this.#replicas, speakers });
  }

  async run(): Promise<SimulationResult> {
    const { weather, unrest, everyMs, stormMs } = anyTheme(this.#random);
    this.#network.weather = weather;
    this.#life.begin(unrest, everyMs);
    await this.#pass(stormMs);
    this.#network.weather = fairWeather;
    this.#stormy = false;
    this.#network.trace(() => "the weather is fair from here on");
    this.#life.mend();
    await this.#pass(this.#random.between(15_000, 45_000));
    this.#network.trace(() => "nothing changes from here on");
    this.#life.end();
    await this.#settle();
    await this.#lookAgain();
    this.#end();
    const [failure, trace] = [this.#failure, this.#lines];
    const { steps } = this.#schedule;
    const figures = { steps, ...this.#figures, ...this.#network.figures };
    return { failure, trace, figures };
  }

  async #settle(): Promise<void> {
    const limit = this.#schedule.now + settleLimitMs;
    let open: readonly string[] = [];
    do {
      const leader = this.#leader();
      await this.#pass(10_000);
      const led = leader !== undefined && leader === this.#leader();
      const quiet = this.#network.underWay === 0;
      open = led && quiet ? unsettled(this.#api) : ["nobody leads, or late requests are under way"];
    } while (open.length > 0 && this.#failure === undefined && this.#schedule.now < limit);
    if (open.length > 0) {
      this.#traceObjects();
      this.#fail(`not put right in ${settleLimitMs / 1000} s: ${open.join("; ")}`);
    }
    // What is right as far as we can tell may still have news to write, such as conditions, and
    // nodes that came back last get their bundles later.
    await this.#pass(10_000 + holdDownMs);
  }

  #traceObjects(): void {
    for (const plural of ["services", "ipaddresspools", "l2advertisements", "ipallocations"]) {
      for (const { metadata, spec, status } of this.#api.list(plural)) {
        const text = JSON.stringify({ spec, status });
        this.#network.trace(() => `${plural} ${metadata.namespace}/${metadata.name} ${text}`);
      }
    }
  }

  /** The process that holds the Lease, if it lives. */
  #leader(): SimulatedProcess | undefined {
    const holder = this.#api.get("leases", controllerLease)?.spec.holderIdentity;
    return this.#replicas
      .map(({ process }) => process)
      .find(({ name, alive }) => alive && name === holder);
  }

  /** A leader that comes anew to a settled cluster looks at everything and finds nothing to do. */
  async #lookAgain(): Promise<void> {
    for (const replica of this.#replicas) {
      replica.kill();
    }
    const before = this.#api.version();
    const [replica] = this.#replicas;
    // As after a release: it need not wait until the Lease has run out.
    this.#api.remove("admin", "leases", controllerLease);
    replica?.start();
    const { writes } = this.#figures;
    await this.#pass(20_000);
    if (this.#figures.writes > writes) {
      this.#fail(`another look at everything wrote again, after version ${before}`);
    }
  }

  async #pass(ms: number): Promise<void> {
    if (this.#failure === undefined) {
      await this.#schedule.run(ms, () => this.#failure !== undefined);
    }
  }

  #written(write: AppliedWrite): void {
    const { plural, writer, before, after, key } = write;
    if (key === controllerLease) {
      const [old, now] = [before, after].map((lease) => lease?.spec.holderIdentity);
      this.#figures.leaders += old === now || now === "" ? 0 : 1;
    } else if (writer.startsWith("c")) {
      const holder = this.#api.get("leases", controllerLease)?.spec.holderIdentity;
      this.#figures.writes += 1;
      this.#figures.staleApplied += holder === writer ? 0 : 1;
      this.#network.trace(
        () => `  ${writer} wrote ${plural} ${key} ${after === undefined ? "away" : ""}`,
      );
    }
    if (plural === "ipallocations") {
      const change = holdersOf(after).length - holdersOf(before).length;
      this.#figures.joins += change > 0 && holdersOf(before).length > 0 ? 1 : 0;
      this.#figures.leaves += change < 0 && holdersOf(after).length > 0 ? 1 : 0;
    }
    const [problem] = this.#fence.problemsAfter(write);
    if (problem !== undefined) {
      this.#fail(`${problem}, by a write of ${writer}`);
    }
  }

  /** Ends everything: what goes round and round looks at its signals. */
  #endless(why: string): void {
    this.#fail(why);
    this.#end();
  }

  #crashed(process: SimulatedProcess): void {
    process.alive = false;
    const replica = this.#replicas.find((candidate) => candidate.process === process);
    if (replica !== undefined && this.#stormy) {
      this.#life.restartIfEnded(replica);
    }
  }

  #fail(why: string): void {
    this.#failure ??= `${why} (${(this.#schedule.now / 1000).toFixed(3)} s)`;
    this.#network.trace(() => `WRONG: ${why}`);
  }

  #end(): void {
    for (const replica of this.#replicas) {
      replica.dispose();
    }
  }
}
