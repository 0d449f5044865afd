import type { PoolConflict } from "../../core/allocation/conflicts.ts";
import { excludedInUse } from "../../core/allocation/excluded-in-use.ts";
import { holdersChanged } from "../../core/allocation/holder-changes.ts";
import { poolOffers } from "../../core/model/ip-address-pool.ts";
import type { IpAllocation } from "../../core/model/ip-allocation.ts";
import type { IpAddress } from "../../core/net/ip-address.ts";
import type { DesiredCondition } from "../../kube/condition.ts";
import { type AddressPolicyObject, decodeAddressPolicy } from "../../kube/decode/address-policy.ts";
import {
  decodeIpAddressPool,
  type IpAddressPoolObject,
} from "../../kube/decode/ip-address-pool.ts";
import {
  decodeL2Advertisement,
  type L2AdvertisementObject,
} from "../../kube/decode/l2-advertisement.ts";
import type { EventRecorder } from "../../kube/event-recorder.ts";
import { apiVersion, type Resource } from "../../kube/resource.ts";
import * as resources from "../../kube/resources.ts";
import type { Stored } from "../../kube/store.ts";
import { WorkQueue } from "../../kube/work-queue.ts";
import type { Writer } from "../../kube/write.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { Log } from "../../runtime/log.ts";
import type { AllocationState } from "../allocation-state.ts";
import type { ClusterStores } from "../cluster-stores.ts";
import type { Configuration } from "../configuration.ts";
import { onConfigurationChange } from "../configuration-changes.ts";
import {
  type ConfigurationVerdict,
  isConflict,
  isGood,
  newsOf,
  ownConditions,
  planConfigurationStatus,
  validity,
  type WrittenStatus,
} from "./configuration-status.ts";
import { policyVerdict } from "./policy-verdict.ts";
import { PoolVerdicts } from "./pool-verdicts.ts";
import { writeStatus } from "./write-status.ts";

export interface ConfigurationReporterOptions {
  readonly stores: Pick<
    ClusterStores,
    "pools" | "advertisements" | "policies" | "allocations" | "namespaces" | "definitions"
  >;
  readonly configuration: Pick<
    Configuration,
    "datedPools" | "pools" | "advertisements" | "policies"
  >;
  readonly state: AllocationState;
  /** Hosts that are none of ours and have free addresses of a pool. */
  readonly foreignHosts?: (pool: string) => PoolConflict | undefined;
  readonly configNamespace: string;
  readonly writer: Writer;
  readonly events: Pick<EventRecorder, "record">;
  readonly clock: Clock;
  readonly log: Log;
}

/** One object is looked at, and its status written, at most this often; what concerns all is put off as long. */
const lookMs = 1_000;

/** The key that stands for all objects. */
const everything = "all";

/** An object and what is to be said of it. */
interface Subject {
  readonly resource: Resource;
  readonly object: Stored & { readonly name: string };
  readonly written: WrittenStatus;
  readonly verdict: ConfigurationVerdict;
  /** The conditions that are ours on its kind. */
  readonly own: readonly string[];
  /** Takes in the object as it was written; returns its status. */
  readonly take: (raw: unknown) => WrittenStatus;
}

/** What was done about an object before. */
interface Memory {
  readonly name: string;
  readonly uid: string;
  /** The conditions that Events told of. */
  told: readonly DesiredCondition[];
  lookedAt: number;
  /**
   * What was asked for last and what came of it. Where MetalLB's CRD is installed the API server
   * drops our conditions: to ask for the same again would never end.
   */
  answer: { readonly asked: string; readonly got: string } | undefined;
}

/** Keeps the status of pools, advertisements and policies, and has Events tell of what changes in it. */
export class ConfigurationReporter {
  readonly #options: ConfigurationReporterOptions;
  readonly #verdicts: PoolVerdicts;
  readonly #memories = new Map<string, Memory>();
  /** Keys of objects, with their kind before. */
  readonly queue: WorkQueue;

  constructor(options: ConfigurationReporterOptions) {
    this.#options = options;
    const { configuration, state, clock, log } = options;
    const { foreignHosts = (): undefined => undefined } = options;
    this.#verdicts = new PoolVerdicts(configuration, state, foreignHosts);
    this.queue = new WorkQueue({ clock, log });
  }

  /** Follows all that a status tells of from now on, and begins with a look at everything. */
  start(): void {
    const { stores, state, configNamespace } = this.#options;
    stores.pools.onChange(({ key, after }) => this.#look(resources.ipAddressPools, key, after));
    onConfigurationChange(stores, configNamespace, ({ what }) => {
      // Pools overlap each other, and policies count them.
      if (what === "pool") {
        this.queue.add(everything, lookMs);
      }
    });
    stores.advertisements.onChange(({ key, after }) =>
      this.#look(resources.l2Advertisements, key, after),
    );
    stores.policies.onChange(({ key, after }) => this.#look(resources.addressPolicies, key, after));
    stores.allocations.onChange(({ before, after }) =>
      this.#allocationChanged(before?.allocation, after?.allocation),
    );
    state.denyList.onChange((address) => this.#denialsChanged(address));
    this.#lookAtAll();
  }

  /** Another pool gives the addresses that several of them name. */
  contestChanged(): void {
    this.queue.add(everything, lookMs);
  }

  /** Other hosts than before have free addresses of the pool. */
  foreignHostsChanged(pool: string): void {
    this.#lookAtPool(pool);
  }

  /** The conflicts that pools were found in at the last look at each, by the pools' names. */
  *conflicts(): Iterable<{ readonly pool: string; readonly reason: string }> {
    for (const { name, told } of this.#memories.values()) {
      for (const { reason } of told.filter(isConflict)) {
        yield { pool: name, reason };
      }
    }
  }

  /** Works until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    await this.queue.run((key) => this.#report(key), signal);
  }

  #look(resource: Resource, key: string, object: Stored | undefined): void {
    const name = `${resource.kind}/${key}`;
    if (object === undefined) {
      this.#memories.delete(name);
    } else {
      this.queue.add(name);
    }
  }

  #lookAtAll(): void {
    const { pools, advertisements } = this.#options.stores;
    this.#lookAtPolicies();
    for (const object of pools.values()) {
      this.#look(resources.ipAddressPools, object.key, object);
    }
    for (const object of advertisements.values()) {
      this.#look(resources.l2Advertisements, object.key, object);
    }
  }

  #lookAtPolicies(): void {
    for (const object of this.#options.stores.policies.values()) {
      this.#look(resources.addressPolicies, object.key, object);
    }
  }

  /** Where it is announced from concerns no pool. */
  #allocationChanged(before: IpAllocation | undefined, after: IpAllocation | undefined): void {
    const [old, now] = [countedFor(before), countedFor(after)];
    if (old !== now) {
      this.#lookAtPool(old);
      this.#lookAtPool(now);
    }
    const { denyList } = this.#options.state;
    const address = (after ?? before)?.address;
    if (address !== undefined && holdersChanged(before, after) && denyList.blocks(address)) {
      // A conflict says who has the address, and a policy that somebody has what it excludes.
      this.#denialsChanged(address);
      this.#lookAtPolicies();
    }
  }

  #denialsChanged(address: IpAddress | undefined): void {
    if (address === undefined) {
      this.queue.add(everything, lookMs);
      return;
    }
    for (const { pool } of this.#options.configuration.datedPools) {
      if (poolOffers(pool, address)) {
        this.#lookAtPool(pool.name);
      }
    }
  }

  #lookAtPool(name: string | undefined): void {
    const { stores, configNamespace } = this.#options;
    const key = `${configNamespace}/${name}`;
    this.#look(resources.ipAddressPools, key, stores.pools.get(key));
  }

  async #report(key: string): Promise<void> {
    if (key === everything) {
      this.#lookAtAll();
      return;
    }
    const { clock } = this.#options;
    const memory = this.#memories.get(key);
    const waitMs = memory === undefined ? 0 : memory.lookedAt + lookMs - clock.now();
    if (waitMs > 0) {
      this.queue.add(key, waitMs);
      return;
    }
    const subject = this.#subject(key);
    if (subject !== undefined) {
      const known = this.#remember(key, subject);
      known.lookedAt = clock.now();
      this.#tell(subject, known);
      await this.#write(subject, known);
    }
  }

  #subject(key: string): Subject | undefined {
    const { pools, advertisements, policies } = this.#options.stores;
    const split = key.indexOf("/");
    const objectKey = key.slice(split + 1);
    switch (key.slice(0, split)) {
      case resources.ipAddressPools.kind:
        return this.#poolSubject(pools.get(objectKey));
      case resources.l2Advertisements.kind:
        return this.#advertisementSubject(advertisements.get(objectKey));
      default:
        return this.#policySubject(policies.get(objectKey));
    }
  }

  #poolSubject(object: IpAddressPoolObject | undefined): Subject | undefined {
    const written = ({ written: { conditions, counts } }: IpAddressPoolObject): WrittenStatus => ({
      conditions,
      numbers: counts,
    });
    return (
      object && {
        resource: resources.ipAddressPools,
        object,
        written: written(object),
        verdict: this.#verdicts.of(object),
        own: ownConditions.pool,
        take: (raw) => {
          const taken = decodeIpAddressPool(raw);
          this.#options.stores.pools.upsertLocal(taken);
          return written(taken);
        },
      }
    );
  }

  #advertisementSubject(object: L2AdvertisementObject | undefined): Subject | undefined {
    const { stores, configuration } = this.#options;
    const inForce = configuration.advertisements.some(({ name }) => name === object?.name);
    return (
      object && {
        resource: resources.l2Advertisements,
        object,
        written: { conditions: object.conditions },
        verdict: { conditions: [validity({ ...object, inForce })] },
        own: ownConditions.advertisement,
        take: (raw) => {
          const taken = decodeL2Advertisement(raw);
          stores.advertisements.upsertLocal(taken);
          return { conditions: taken.conditions };
        },
      }
    );
  }

  #policySubject(object: AddressPolicyObject | undefined): Subject | undefined {
    const { stores, configuration, state } = this.#options;
    const { pools, policies } = configuration;
    const inForce = policies.find(({ name }) => name === object?.name);
    const inUse = inForce === undefined ? [] : excludedInUse(inForce, pools, state.ledger);
    const written = ({
      written: { conditions, ...numbers },
    }: AddressPolicyObject): WrittenStatus => ({
      conditions,
      numbers,
    });
    return (
      object && {
        resource: resources.addressPolicies,
        object,
        written: written(object),
        verdict: policyVerdict(object, pools, inUse),
        own: ownConditions.policy,
        take: (raw) => {
          const taken = decodeAddressPolicy(raw);
          stores.policies.upsertLocal(taken);
          return written(taken);
        },
      }
    );
  }

  #remember(key: string, { object, written }: Subject): Memory {
    const known = this.#memories.get(key);
    if (known?.uid === object.uid) {
      return known;
    }
    const memory: Memory = {
      name: object.name,
      uid: object.uid,
      // What stands there was told by the leader before us.
      told: written.conditions,
      lookedAt: Number.NEGATIVE_INFINITY,
      answer: undefined,
    };
    this.#memories.set(key, memory);
    return memory;
  }

  async #write(subject: Subject, memory: Memory): Promise<void> {
    const { writer, clock } = this.#options;
    const { resource, object, written, verdict, own } = subject;
    const status = planConfigurationStatus(written, verdict, own, clock.wallTime());
    const asked = JSON.stringify(verdict);
    const { answer } = memory;
    const inVain = answer?.asked === asked && answer.got === JSON.stringify(written);
    if (status === undefined || inVain) {
      return;
    }
    const raw = await writeStatus(writer, resource, object, status, this.#namespaceOf(resource));
    if (raw !== undefined) {
      memory.answer = { asked, got: JSON.stringify(subject.take(raw)) };
    }
  }

  #tell({ resource, object, verdict }: Subject, memory: Memory): void {
    const { events, log } = this.#options;
    const { kind } = resource;
    const namespace = this.#namespaceOf(resource);
    const { name, uid } = object;
    const about = { apiVersion: apiVersion(resource), kind, namespace, name, uid };
    for (const condition of newsOf(memory.told, verdict.conditions)) {
      const { reason, message } = condition;
      const line = { kind, name, reason };
      if (isGood(condition)) {
        log.info(line, message);
      } else {
        log.warn(line, message);
      }
      const type = isGood(condition) ? "Normal" : "Warning";
      events.record({ object: about, type, reason, message });
    }
    memory.told = verdict.conditions;
  }

  /** Policies are the cluster's. */
  #namespaceOf({ namespaced }: Resource): string | undefined {
    return namespaced ? this.#options.configNamespace : undefined;
  }
}

/** The pool that counts the address as assigned. */
function countedFor(allocation: IpAllocation | undefined): string | undefined {
  return allocation?.state === "Allocated" ? allocation.pool : undefined;
}
