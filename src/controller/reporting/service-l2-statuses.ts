import { createHash } from "node:crypto";
import { allocationName } from "../../core/model/ip-allocation.ts";
import { type Announcer, type Announcers, announcersOf } from "../../core/placement/announcers.ts";
import { isAlreadyExists, isNotFound } from "../../kube/api-error.ts";
import {
  decodeServiceL2Status,
  type ServiceL2StatusObject,
} from "../../kube/decode/service-l2-status.ts";
import { Pace } from "../../kube/pace.ts";
import { objectKey } from "../../kube/resource.ts";
import * as resources from "../../kube/resources.ts";
import { WorkQueue } from "../../kube/work-queue.ts";
import type { Writer } from "../../kube/write.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { Log } from "../../runtime/log.ts";
import type { AllocationState } from "../allocation-state.ts";
import type { Announcements } from "../announcements.ts";
import type { ClusterStores } from "../cluster-stores.ts";
import { differs } from "../differs.ts";
import type { Placement } from "../placement.ts";
import { announced } from "../service-status.ts";
import { writeStatus } from "./write-status.ts";

export interface ServiceL2StatusesOptions {
  readonly stores: ClusterStores;
  readonly state: Pick<AllocationState, "ledger">;
  readonly announcements: Pick<Announcements, "of">;
  readonly placement: Pick<Placement, "addressesOf">;
  readonly configNamespace: string;
  /** Whether there is more urgent work for the API server. */
  readonly isBusy: () => boolean;
  readonly writer: Writer;
  readonly clock: Clock;
  readonly log: Log;
}

const writesPerSecond = 50;
const writesPerSecondInLine = 10;
/** Of a label's value. */
const labelMax = 63;

/**
 * Keeps MetalLB's ServiceL2Statuses: one for each Service and node that announces it. They are
 * written after the Service's own status, which says the same, and never faster than 50 a second.
 *
 * Of MetalLB's own, which go with the Pod of a speaker, none is touched; while there is one for a
 * Service, it is true, or the garbage collector is about to take it, and ours waits.
 */
export class ServiceL2Statuses {
  readonly #options: ServiceL2StatusesOptions;
  /** Services as `namespace/name`. */
  readonly queue: WorkQueue;
  readonly #pace: Pace;
  /** Keys of the objects there are, by Service. */
  readonly #objects = new Map<string, Set<string>>();

  constructor(options: ServiceL2StatusesOptions) {
    this.#options = options;
    const { clock, log, isBusy } = options;
    this.queue = new WorkQueue({ clock, log, keyField: "service" });
    const perSecond = (): number => (isBusy() ? writesPerSecondInLine : writesPerSecond);
    this.#pace = new Pace({ burst: 1, perSecond, clock });
  }

  /** Follows who announces what, and the objects themselves, from now on. */
  start(): void {
    const { services, bundles, allocations, serviceL2Statuses } = this.#options.stores;
    services.onChange(({ key, before, after }) => {
      const said = before?.written.conditions.find(({ type }) => type === announced);
      const says = after?.written.conditions.find(({ type }) => type === announced);
      if (after === undefined || differs(said, says)) {
        this.queue.add(key);
      }
    });
    bundles.onChange(({ key, before, after }) => {
      if (differs(before?.bundle.owner.interfaces, after?.bundle.owner.interfaces)) {
        this.#addHoldersOf(key);
      }
    });
    serviceL2Statuses.onChange(({ key, before, after }) => {
      this.#index(key, before?.service, after?.service);
      for (const service of new Set([before?.service, after?.service])) {
        if (service !== undefined) {
          this.queue.add(service);
        }
      }
    });
    serviceL2Statuses.onSynced(() => {
      for (const { key, service } of serviceL2Statuses.values()) {
        this.#index(key, undefined, service);
      }
      for (const { allocation } of allocations.values()) {
        this.#addHolders(allocation);
      }
      for (const service of this.#objects.keys()) {
        this.queue.add(service);
      }
    });
  }

  /** Works until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    await this.queue.run((service) => this.#report(service, signal), signal);
  }

  #addHoldersOf(bundle: string): void {
    const { stores, placement } = this.#options;
    for (const address of placement.addressesOf(bundle)) {
      const known = stores.allocations.get(allocationName(address));
      if (known !== undefined) {
        this.#addHolders(known.allocation);
      }
    }
  }

  #addHolders({
    holders,
  }: {
    readonly holders: readonly { readonly namespace: string; readonly name: string }[];
  }): void {
    for (const { namespace, name } of holders) {
      this.queue.add(objectKey(namespace, name));
    }
  }

  #index(key: string, before: string | undefined, after: string | undefined): void {
    if (before !== undefined && before !== after) {
      const keys = this.#objects.get(before);
      keys?.delete(key);
      if (keys?.size === 0) {
        this.#objects.delete(before);
      }
    }
    if (after !== undefined) {
      this.#objects.set(after, (this.#objects.get(after) ?? new Set()).add(key));
    }
  }

  async #report(service: string, signal: AbortSignal): Promise<void> {
    const { stores } = this.#options;
    if (!stores.serviceL2Statuses.synced) {
      // There is no such kind, or not yet.
      return;
    }
    const present = [...(this.#objects.get(service) ?? [])].flatMap(
      (key) => stores.serviceL2Statuses.get(key) ?? [],
    );
    const { known, settled } = this.#announcersOf(service);
    const ours = present.filter((object) => !isOfPod(object));
    if (ours.length === present.length) {
      for (const announcer of known) {
        await this.#tell(service, announcer, signal);
      }
    }
    const wanted = known.map(({ node }) => nameOf(service, node));
    for (const object of settled ? ours : []) {
      if (!wanted.includes(object.name)) {
        await this.#remove(object, signal);
      }
    }
  }

  #announcersOf(key: string): Announcers {
    const { stores, state, announcements } = this.#options;
    const service = stores.services.get(key)?.service;
    return announcersOf(
      service?.wantsAddress === true
        ? state.ledger.heldBy(key).map((address) => announcements.of(service, address))
        : [],
    );
  }

  async #tell(
    service: string,
    { node, interfaces }: Announcer,
    signal: AbortSignal,
  ): Promise<void> {
    const { stores, configNamespace } = this.#options;
    const key = objectKey(configNamespace, nameOf(service, node));
    const known = stores.serviceL2Statuses.get(key) ?? (await this.#create(service, node, signal));
    if (known === undefined) {
      return;
    }
    if (known.service !== service || (known.node !== undefined && known.node !== node)) {
      // Whoever wrote this: a status cannot be changed to another node or Service. Its end brings us back here.
      await this.#remove(known, signal);
    } else if (known.node === undefined || differs(known.interfaces, interfaces)) {
      await this.#write(known, service, { node, interfaces }, signal);
    }
  }

  async #create(
    service: string,
    node: string,
    signal: AbortSignal,
  ): Promise<ServiceL2StatusObject | undefined> {
    const { stores, writer, configNamespace: namespace } = this.#options;
    const uid = stores.nodes.get(node)?.uid;
    if (uid === undefined) {
      // Its Node is gone, and with it would go this.
      return undefined;
    }
    const [serviceNamespace, serviceName] = service.split("/");
    const metadata = {
      name: nameOf(service, node),
      namespace,
      labels: {
        ...(node.length > labelMax ? {} : { "metallb.io/node": node }),
        "metallb.io/service-name": serviceName,
        "metallb.io/service-namespace": serviceNamespace,
      },
      ownerReferences: [{ apiVersion: "v1", kind: "Node", name: node, uid }],
    };
    await this.#pace.turn(signal);
    try {
      const raw = await writer.create(resources.serviceL2Statuses, { metadata });
      const created = decodeServiceL2Status(raw);
      stores.serviceL2Statuses.upsertLocal(created);
      return created;
    } catch (error) {
      // The watch will tell of it.
      if (!isAlreadyExists(error)) {
        throw error;
      }
      return undefined;
    }
  }

  async #write(
    known: ServiceL2StatusObject,
    service: string,
    { node, interfaces }: Announcer,
    signal: AbortSignal,
  ): Promise<void> {
    const { stores, writer, configNamespace } = this.#options;
    const [serviceNamespace, serviceName] = service.split("/");
    const status = {
      ...{ node, serviceName, serviceNamespace },
      interfaces: interfaces.map((name) => ({ name })),
    };
    await this.#pace.turn(signal);
    const kind = resources.serviceL2Statuses;
    const raw = await writeStatus(writer, kind, known, status, configNamespace);
    if (raw !== undefined) {
      stores.serviceL2Statuses.upsertLocal(decodeServiceL2Status(raw));
    }
  }

  async #remove(object: ServiceL2StatusObject, signal: AbortSignal): Promise<void> {
    const { stores, writer, configNamespace: namespace } = this.#options;
    const { key, name, uid } = object;
    await this.#pace.turn(signal);
    try {
      await writer.delete(resources.serviceL2Statuses, { namespace, name }, object);
    } catch (error) {
      if (!isNotFound(error)) {
        throw error;
      }
    }
    stores.serviceL2Statuses.deleteLocal(key, uid);
  }
}

function isOfPod({ ownerKinds }: ServiceL2StatusObject): boolean {
  return ownerKinds.includes("Pod");
}

/** The same for the same two, whoever leads, and another one for another node: a status cannot change its node. */
function nameOf(service: string, node: string): string {
  const hash = createHash("sha256").update(`${service}/${node}`).digest("hex");
  return `l2-${hash.slice(0, 16)}`;
}
