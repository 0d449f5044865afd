import type { ConfigurationKind } from "../../controller/admission/admission-judge.ts";
import { AdmissionKnowledge } from "../../controller/admission/admission-knowledge.ts";
import { type ClusterStores, ClusterWatch } from "../../controller/cluster-stores.ts";
import { configurationKinds, definitionName, ownKinds } from "../../controller/definitions.ts";
import type { WrittenConfiguration } from "../../core/admission/findings-of.ts";
import type { KnownCluster } from "../../core/admission/known-cluster.ts";
import { allocationName, type IpAllocation } from "../../core/model/ip-allocation.ts";
import { decodeDefinition } from "../../kube/decode/definition.ts";
import { decodeNamespace } from "../../kube/decode/namespace.ts";
import type { Store, Stored } from "../../kube/store.ts";
import type { ApiClient } from "../../kube/transport.ts";
import type { Clock } from "../../runtime/clock.ts";
import { silentLog } from "../../runtime/log.ts";

export interface PlannedClusterOptions {
  /** Absent: there are only files. */
  readonly transport: ApiClient | undefined;
  readonly configNamespace: string;
  readonly loadBalancerClass: string;
  readonly clock: Clock;
}

/** What of a store is of use here. */
type Held<T extends Stored> = Pick<Store<T>, "get" | "upsert" | "values" | "size">;

/** What was there, and what is there now. */
interface Put<T> {
  readonly before: T | undefined;
  readonly after: T;
}

/** Where the objects of the configuration are, by their kinds. */
type HeldConfiguration = {
  readonly [K in ConfigurationKind]: Held<WrittenConfiguration[K] & Stored>;
};

/** A cluster that does not answer for so long is not waited for. */
const patienceMs = 20_000;

const nobody: ApiClient = {
  request: () => Promise.reject(new Error("there is no cluster")),
  stream: () => Promise.reject(new Error("there is no cluster")),
};

/**
 * A cluster as it would be: what is there, which is nothing where there are only files, and what
 * {@link put} adds. Steelyard counts as installed.
 */
export class PlannedCluster {
  readonly stores: ClusterStores;
  readonly #options: PlannedClusterOptions;
  #version = 0n;

  private constructor(stores: ClusterStores, options: PlannedClusterOptions) {
    this.stores = stores;
    this.#options = options;
  }

  /** Reads what is there. Throws with what cannot be read. */
  static async read(options: PlannedClusterOptions): Promise<PlannedCluster> {
    const watch = new ClusterWatch({
      ...options,
      transport: options.transport ?? nobody,
      // Whose speakers live is no matter here.
      namespace: "steelyard-system",
      log: silentLog,
    });
    if (options.transport !== undefined) {
      await readAll(watch, options.clock);
    }
    const cluster = new PlannedCluster(watch.stores, options);
    cluster.#install();
    return cluster;
  }

  get configuration(): HeldConfiguration {
    return this.stores;
  }

  /** Adds an object, or changes what is there under its key, which stays who it was: its uid. */
  put<T extends Stored>(store: Held<T>, decode: (raw: unknown) => T, raw: unknown): Put<T> {
    const { metadata } = raw as { metadata: object };
    const decodeWith = (more: object): T =>
      decode({ ...(raw as object), metadata: { ...metadata, ...more } });
    const before = store.get(decodeWith({}).key);
    const after = decodeWith({
      resourceVersion: this.#nextVersion(),
      ...(before === undefined ? {} : { uid: before.uid }),
    });
    store.upsert(after);
    return { before, after };
  }

  /** Has an address be held, or cool down, as if that were written. */
  allocate(allocation: IpAllocation): void {
    const { allocations } = this.stores;
    const key = allocationName(allocation.address);
    const { uid, createdAt } = allocations.get(key) ?? { uid: key, createdAt: 0 };
    const resourceVersion = this.#nextVersion();
    allocations.upsert({ key, uid, createdAt, resourceVersion, allocation });
  }

  /** What decisions about it stand on. Of the configuration nothing that is put later is in it. */
  known(): KnownCluster {
    const { configNamespace, clock, transport } = this.#options;
    const knowledge = new AdmissionKnowledge(this.stores, configNamespace, clock);
    knowledge.start();
    const known = knowledge.cluster as KnownCluster;
    const unknown = { nodes: undefined, namespaces: undefined };
    return transport === undefined ? { ...known, ...unknown } : known;
  }

  /** Newer than anything that an API server has told. */
  #nextVersion(): string {
    this.#version += 1n;
    return `${10n ** 19n + this.#version}`;
  }

  /** Kinds that are not there and the namespace of pools come with Steelyard. */
  #install(): void {
    const { definitions, ...stores } = this.stores;
    for (const store of [...Object.values(stores), ...Object.values(definitions)]) {
      makeKnown(store);
    }
    const kinds = { ...configurationKinds, ...ownKinds };
    for (const [kind, resource] of Object.entries(kinds)) {
      const metadata = { name: definitionName(resource) };
      const store = definitions[kind as keyof typeof definitions];
      if (store.get(metadata.name) === undefined) {
        this.put(store, decodeDefinition, { metadata });
      }
    }
    const { configNamespace } = this.#options;
    if (stores.namespaces.get(configNamespace) === undefined) {
      this.put(stores.namespaces, decodeNamespace, { metadata: { name: configNamespace } });
    }
  }
}

/** A kind that the cluster does not have is known: there is nothing of it. */
function makeKnown(store: {
  readonly synced: boolean;
  replace(objects: ReadonlyMap<string, never>, listVersion: string): void;
}): void {
  if (!store.synced) {
    store.replace(new Map<string, never>(), "0");
  }
}

async function readAll(watch: ClusterWatch, clock: Clock): Promise<void> {
  const read = new AbortController();
  const reading = watch.run(read.signal);
  const open = (): boolean =>
    watch.watches.some(({ store, reflector }) => !store.synced && !reflector.state.missing);
  const failing = (): boolean =>
    watch.watches.some(
      ({ store, reflector: { state } }) =>
        !store.synced && !state.missing && state.lastError !== undefined,
    );
  const deadline = clock.now() + patienceMs;
  while (open() && !failing() && clock.now() < deadline) {
    await clock.sleep(20);
  }
  const problems = watch.watches
    .filter(({ store, reflector }) => !store.synced && !reflector.state.missing)
    .map(({ kind, reflector }) => `${kind}: ${reflector.state.lastError ?? "no answer"}`);
  read.abort();
  await reading;
  if (problems.length > 0) {
    throw new Error(`Cannot read the cluster: ${problems.join("; ")}`);
  }
}
