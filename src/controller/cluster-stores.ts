import { nodeOfSpeakerLease } from "../core/liveness/lease-name.ts";
import {
  decodeEndpointAddresses,
  decodeServiceCidr,
  type EndpointAddressesObject,
  type ServiceCidrObject,
} from "../kube/decode/cluster-addresses.ts";
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
import { Reflector } from "../kube/reflector.ts";
import type { Resource } from "../kube/resource.ts";
import * as resources from "../kube/resources.ts";
import { Store, type Stored } from "../kube/store.ts";
import type { ApiClient } from "../kube/transport.ts";
import { notSynced, type WatchedKind } from "../kube/watch-state.ts";
import type { Clock } from "../runtime/clock.ts";
import type { Log } from "../runtime/log.ts";

/** All that the controller knows of the cluster, kept up to date by one reflector each. */
export interface ClusterStores {
  readonly services: Store<ServiceObject>;
  readonly nodes: Store<NodeObject>;
  readonly namespaces: Store<NamespaceObject>;
  readonly pools: Store<IpAddressPoolObject>;
  readonly advertisements: Store<L2AdvertisementObject>;
  readonly allocations: Store<IpAllocationObject>;
  readonly bundles: Store<L2BundleObject>;
  readonly speakers: Store<L2SpeakerObject>;
  readonly speakerLeases: Store<LeaseObject>;
  readonly serviceCidrs: Store<ServiceCidrObject>;
  readonly apiServers: Store<EndpointAddressesObject>;
}

export interface ClusterStoresOptions {
  readonly transport: ApiClient;
  /** Where Steelyard's own Leases are. */
  readonly namespace: string;
  /** Where pools and advertisements are. */
  readonly configNamespace: string;
  readonly loadBalancerClass: string;
  readonly clock: Clock;
  readonly log: Log;
}

/** One kind: the loop that fills its store. */
interface Watch extends WatchedKind {
  readonly reflector: WatchedKind["reflector"] & { run(signal: AbortSignal): Promise<void> };
}

/** The stores with the loops that fill them. */
export class ClusterWatch {
  readonly stores: ClusterStores;
  readonly #watches: Watch[] = [];
  readonly #options: ClusterStoresOptions;

  constructor(options: ClusterStoresOptions) {
    this.#options = options;
    const { namespace, configNamespace, loadBalancerClass } = options;
    this.stores = {
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
    };
  }

  /** Kinds that were never listed completely yet, with the last error of each. */
  notSynced(): readonly string[] {
    return notSynced(this.#watches);
  }

  /** Every kind that is watched, with how that goes. */
  get watches(): readonly WatchedKind[] {
    return this.#watches;
  }

  /** Resolves when every store has synced once, or when `signal` aborts. */
  async synced(signal: AbortSignal): Promise<void> {
    while (this.notSynced().length > 0 && !signal.aborted) {
      await this.#options.clock.sleep(20, signal);
    }
  }

  /** Lists and watches until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all(this.#watches.map(({ reflector }) => reflector.run(signal)));
  }

  #watch<T extends Stored>(
    resource: Resource,
    scope: { readonly namespace?: string; readonly labelSelector?: string },
    project: (raw: unknown) => T | undefined,
  ): Store<T> {
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
    this.#watches.push({ kind: resource.kind, store, reflector });
    return store;
  }
}

function decodeSpeakerLease(raw: unknown): LeaseObject | undefined {
  const lease = decodeLease(raw);
  return nodeOfSpeakerLease(lease.name) === undefined ? undefined : lease;
}
