import { nodeOfSpeakerLease } from "../core/liveness/lease-name.ts";
import { type AddressPolicyObject, decodeAddressPolicy } from "../kube/decode/address-policy.ts";
import {
  decodeEndpointAddresses,
  decodeServiceCidr,
  type EndpointAddressesObject,
  type ServiceCidrObject,
} from "../kube/decode/cluster-addresses.ts";
import {
  type ConfigurationStateObject,
  decodeConfigurationState,
} from "../kube/decode/configuration-state.ts";
import { type DefinitionObject, decodeDefinition } from "../kube/decode/definition.ts";
import { decodeEndpointNodes, type EndpointNodesObject } from "../kube/decode/endpoint-nodes.ts";
import { decodeIpAddressPool, type IpAddressPoolObject } from "../kube/decode/ip-address-pool.ts";
import { decodeIpAllocation, type IpAllocationObject } from "../kube/decode/ip-allocation.ts";
import {
  decodeL2Advertisement,
  type L2AdvertisementObject,
} from "../kube/decode/l2-advertisement.ts";
import { decodeL2Bundle, type L2BundleObject } from "../kube/decode/l2-bundle.ts";
import { decodeL2Speaker, type L2SpeakerObject } from "../kube/decode/l2-speaker.ts";
import { decodeLease, type LeaseObject } from "../kube/decode/lease.ts";
import { decodeNamespace, type NamespaceObject } from "../kube/decode/namespace.ts";
import { decodeNode, type NodeObject } from "../kube/decode/node.ts";
import { decodeService, type ServiceObject } from "../kube/decode/service.ts";
import {
  decodeServiceL2Status,
  type ServiceL2StatusObject,
} from "../kube/decode/service-l2-status.ts";
import { Reflector } from "../kube/reflector.ts";
import type { Resource } from "../kube/resource.ts";
import * as resources from "../kube/resources.ts";
import { Store, type Stored } from "../kube/store.ts";
import type { ApiClient } from "../kube/transport.ts";
import { notSynced, type WatchedKind } from "../kube/watch-state.ts";
import type { Clock } from "../runtime/clock.ts";
import type { Log } from "../runtime/log.ts";
import {
  type DefinitionStores,
  definitionName,
  definitionProblem,
  ownKinds,
  whyConfigurationIsGone,
} from "./definitions.ts";

/** All that the controller knows of the cluster, kept up to date by one reflector each. */
export interface ClusterStores {
  readonly services: Store<ServiceObject>;
  readonly nodes: Store<NodeObject>;
  readonly namespaces: Store<NamespaceObject>;
  readonly pools: Store<IpAddressPoolObject>;
  readonly advertisements: Store<L2AdvertisementObject>;
  readonly policies: Store<AddressPolicyObject>;
  /** Synced only where there is such a kind: nothing hangs on it. */
  readonly configurationStates: Store<ConfigurationStateObject>;
  /** As above; MetalLB's speakers write some, too. */
  readonly serviceL2Statuses: Store<ServiceL2StatusObject>;
  readonly allocations: Store<IpAllocationObject>;
  readonly bundles: Store<L2BundleObject>;
  readonly speakers: Store<L2SpeakerObject>;
  readonly speakerLeases: Store<LeaseObject>;
  readonly serviceCidrs: Store<ServiceCidrObject>;
  readonly apiServers: Store<EndpointAddressesObject>;
  /** Synced only once a Service of ours hangs on them: nothing waits for it. */
  readonly endpoints: Store<EndpointNodesObject>;
  readonly definitions: DefinitionStores;
}

export interface ClusterStoresOptions {
  readonly transport: ApiClient;
  /** Where Steelyard's own Leases are. */
  readonly namespace: string;
  /** Where pools and advertisements are. */
  readonly configNamespace: string;
  readonly loadBalancerClass: string;
  /** The endpoints of every Service matter, not only with externalTrafficPolicy Local. */
  readonly withdrawWithoutEndpoints?: boolean;
  readonly clock: Clock;
  readonly log: Log;
}

/** Which objects of a kind are followed. */
interface Scope {
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
}

/** How often to look whether a kind is there that need not be. */
const optionalLookMs = 1_000;

/** One kind: the loop that fills its store. */
interface Watch extends WatchedKind {
  readonly reflector: WatchedKind["reflector"] & { run(signal: AbortSignal): Promise<void> };
}

/** A kind that need not be there, and whether it is. */
interface OptionalWatch extends Pick<Watch, "reflector"> {
  readonly resource: Resource;
  readonly definition: Store<DefinitionObject>;
}

/** A kind that may not be needed: the loop, and how to begin it. */
interface LazyWatch extends Pick<Watch, "reflector"> {
  readonly needed: AbortController;
}

/** The stores with the loops that fill them. */
export class ClusterWatch {
  readonly stores: ClusterStores;
  readonly #watches: Watch[] = [];
  /** Of kinds that need not be there. */
  readonly #optional: OptionalWatch[] = [];
  readonly #endpoints: LazyWatch;
  readonly #options: ClusterStoresOptions;

  constructor(options: ClusterStoresOptions) {
    this.#options = options;
    const { namespace, configNamespace, loadBalancerClass } = options;
    const endpoints = this.#follow(resources.endpointSlices, {}, decodeEndpointNodes);
    this.#endpoints = { reflector: endpoints.reflector, needed: new AbortController() };
    this.stores = {
      endpoints: endpoints.store,
      services: this.#watch(resources.services, {}, (raw) => decodeService(raw, loadBalancerClass)),
      nodes: this.#watch(resources.nodes, {}, decodeNode),
      namespaces: this.#watch(resources.namespaces, {}, decodeNamespace),
      pools: this.#watch(
        resources.ipAddressPools,
        { namespace: configNamespace },
        decodeIpAddressPool,
      ),
      advertisements: this.#watch(
        resources.l2Advertisements,
        { namespace: configNamespace },
        decodeL2Advertisement,
      ),
      policies: this.#watch(resources.addressPolicies, {}, decodeAddressPolicy),
      configurationStates: this.#watchOptional(
        resources.configurationStates,
        decodeConfigurationState,
      ),
      serviceL2Statuses: this.#watchOptional(resources.serviceL2Statuses, decodeServiceL2Status),
      allocations: this.#watch(resources.ipAllocations, {}, decodeIpAllocation),
      bundles: this.#watch(resources.l2Bundles, {}, decodeL2Bundle),
      speakers: this.#watch(resources.l2Speakers, {}, decodeL2Speaker),
      speakerLeases: this.#watch(resources.leases, { namespace }, decodeSpeakerLease),
      serviceCidrs: this.#watch(resources.serviceCidrs, {}, decodeServiceCidr),
      apiServers: this.#watch(
        resources.endpointSlices,
        { namespace: "default", labelSelector: "kubernetes.io/service-name=kubernetes" },
        decodeEndpointAddresses,
      ),
      definitions: {
        pools: this.#watchDefinition(resources.ipAddressPools),
        advertisements: this.#watchDefinition(resources.l2Advertisements),
        policies: this.#watchDefinition(resources.addressPolicies),
        allocations: this.#watchDefinition(resources.ipAllocations),
        bundles: this.#watchDefinition(resources.l2Bundles),
        speakers: this.#watchDefinition(resources.l2Speakers),
      },
    };
    this.#needEndpoints();
  }

  /** There are more EndpointSlices than Services: they are read as soon as one of ours is about them. */
  #needEndpoints(): void {
    const { needed } = this.#endpoints;
    if (this.#options.withdrawWithoutEndpoints === true) {
      needed.abort();
    }
    this.stores.services.onChange(({ after }) => {
      if (after?.service.wantsAddress === true && after.service.localTraffic === true) {
        needed.abort();
      }
    });
  }

  /** Kinds that were never listed completely yet, with the last error of each, and our own that are gone. */
  notReady(): readonly string[] {
    return [...notSynced(this.#watches), ...this.#ownProblems()];
  }

  /** Calls `listener` when a kind that holds our own state goes: what its stores say is no evidence any more. */
  onOwnKindLost(listener: (problem: string) => void): void {
    for (const kind of Object.keys(ownKinds) as (keyof typeof ownKinds)[]) {
      this.stores.definitions[kind].onChange(() => {
        const [problem] = this.#ownProblems();
        if (problem !== undefined) {
          listener(problem);
        }
      });
    }
  }

  /** Every kind that is watched, with how that goes. */
  get watches(): readonly WatchedKind[] {
    return this.#watches;
  }

  /**
   * Resolves when every store has synced once and our own kinds are there, or when
   * `signal` aborts. A configuration that is known to be gone is not waited for:
   * what is held must fail over without it.
   */
  async synced(signal: AbortSignal): Promise<void> {
    while (!this.#complete() && !signal.aborted) {
      await this.#options.clock.sleep(20, signal);
    }
  }

  #complete(): boolean {
    const { pools, advertisements, policies } = this.stores;
    const configured: readonly unknown[] = [pools, advertisements, policies];
    const gone = whyConfigurationIsGone(this.stores, this.#options.configNamespace) !== undefined;
    const awaited = this.#watches.filter(({ store }) => !gone || !configured.includes(store));
    return awaited.every(({ store }) => store.synced) && this.#ownProblems().length === 0;
  }

  #ownProblems(): readonly string[] {
    const { definitions } = this.stores;
    return (Object.keys(ownKinds) as (keyof typeof ownKinds)[]).flatMap(
      (kind) => definitionProblem(definitions[kind], ownKinds[kind]) ?? [],
    );
  }

  /** Lists and watches until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all([
      ...this.#watches.map(({ reflector }) => reflector.run(signal)),
      ...this.#optional.map((watch) => this.#runOptional(watch, signal)),
      this.#runLazy(this.#endpoints, signal),
    ]);
  }

  async #runLazy({ reflector, needed }: LazyWatch, signal: AbortSignal): Promise<void> {
    const begin = AbortSignal.any([needed.signal, signal]);
    await new Promise<void>((resolve) => {
      if (begin.aborted) {
        resolve();
      }
      begin.addEventListener("abort", () => resolve());
    });
    await reflector.run(signal);
  }

  async #runOptional(
    { resource, definition, reflector }: OptionalWatch,
    signal: AbortSignal,
  ): Promise<void> {
    const isThere = (): boolean =>
      definition.synced && definitionProblem(definition, resource) === undefined;
    while (!isThere() && !signal.aborted) {
      await this.#options.clock.sleep(optionalLookMs, signal);
    }
    await reflector.run(signal);
  }

  /** Of a kind of the configuration's namespace that need not be there. */
  #watchOptional<T extends Stored>(
    resource: Resource,
    project: (raw: unknown) => T | undefined,
  ): Store<T> {
    const namespace = this.#options.configNamespace;
    const { store, reflector } = this.#follow(resource, { namespace }, project);
    const definition = this.#watchDefinition(resource);
    this.#optional.push({ resource, definition, reflector });
    return store;
  }

  #watchDefinition(resource: Resource): Store<DefinitionObject> {
    return this.#watch(
      resources.customResourceDefinitions,
      { fieldSelector: `metadata.name=${definitionName(resource)}` },
      decodeDefinition,
      definitionName(resource),
    );
  }

  #watch<T extends Stored>(
    resource: Resource,
    scope: Scope,
    project: (raw: unknown) => T | undefined,
    kind = resource.kind,
  ): Store<T> {
    const watch = this.#follow(resource, scope, project, kind);
    this.#watches.push(watch);
    return watch.store;
  }

  #follow<T extends Stored>(
    resource: Resource,
    scope: Scope,
    project: (raw: unknown) => T | undefined,
    kind = resource.kind,
  ): Watch & { readonly store: Store<T> } {
    const store = new Store<T>();
    const { transport, clock, log } = this.#options;
    const reflector = new Reflector<T>({
      transport,
      resource,
      project,
      store,
      clock,
      log,
      ...scope,
    });
    return { kind, store, reflector };
  }
}

function decodeSpeakerLease(raw: unknown): LeaseObject | undefined {
  const lease = decodeLease(raw);
  return nodeOfSpeakerLease(lease.name) === undefined ? undefined : lease;
}
