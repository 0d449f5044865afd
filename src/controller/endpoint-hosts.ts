import type { Service } from "../core/model/service.ts";
import { type EndpointNodes, hostsOf, isWithoutEndpoints } from "../core/placement/hosts.ts";
import type { EndpointNodesObject } from "../kube/decode/endpoint-nodes.ts";
import type { ClusterStores } from "./cluster-stores.ts";

/** What the place of an address needs to know of a Service that has it. */
export type Sharer = Pick<Service, "key" | "labels" | "localTraffic">;

/** The Services that have an address, one or several that share it. */
export type Sharers = readonly Sharer[];

/**
 * On which nodes the Pods of Services are. As long as the EndpointSlices were not
 * read, nothing is known, and nobody moves or is withdrawn for it.
 */
export class EndpointHosts {
  readonly #stores: Pick<ClusterStores, "endpoints">;
  readonly #withdraws: boolean;
  /** Keys of the EndpointSlices of each Service; mostly one. */
  readonly #slices = new Map<string, readonly string[]>();

  /** `withdraws`: what nobody serves is not announced, as with MetalLB. */
  constructor(stores: Pick<ClusterStores, "endpoints">, withdraws: boolean) {
    this.#stores = stores;
    this.#withdraws = withdraws;
  }

  /** Follows the EndpointSlices from now on. */
  load(): void {
    const { endpoints } = this.#stores;
    for (const object of endpoints.values()) {
      this.#take(undefined, object);
    }
    endpoints.onChange(({ before, after }) => this.#take(before, after));
  }

  /** The nodes that alone can serve what these Services share; `undefined`: any node can, or it is not known. */
  of(sharers: Sharers): ReadonlySet<string> | undefined {
    const local = sharers.filter(({ localTraffic }) => localTraffic === true);
    return local.length === 0 || !this.#stores.endpoints.synced
      ? undefined
      : hostsOf(local.map(({ key }) => this.#nodesOf(key)));
  }

  /** True if what these Services share is not to be announced because nothing serves it. */
  withdraws(sharers: Sharers): boolean {
    return (
      this.#withdraws &&
      this.#stores.endpoints.synced &&
      isWithoutEndpoints(sharers.map(({ key }) => this.#nodesOf(key)))
    );
  }

  /** True if the place of what this Service has hangs on its endpoints. */
  matterTo(service: Sharer): boolean {
    return this.#withdraws || service.localTraffic === true;
  }

  #nodesOf(service: string): EndpointNodes {
    const ready = new Set<string>();
    const serving = new Set<string>();
    for (const key of this.#slices.get(service) ?? []) {
      const slice = this.#stores.endpoints.get(key);
      addAll(ready, slice?.ready);
      addAll(serving, slice?.serving);
    }
    return { ready, serving };
  }

  #take(before: EndpointNodesObject | undefined, after: EndpointNodesObject | undefined): void {
    if (before?.service === after?.service) {
      return;
    }
    if (before !== undefined) {
      const left = (this.#slices.get(before.service) ?? []).filter((key) => key !== before.key);
      this.#put(before.service, left);
    }
    if (after !== undefined) {
      this.#put(after.service, [...(this.#slices.get(after.service) ?? []), after.key]);
    }
  }

  #put(service: string, slices: readonly string[]): void {
    if (slices.length === 0) {
      this.#slices.delete(service);
    } else {
      this.#slices.set(service, slices);
    }
  }
}

function addAll(nodes: Set<string>, joined: string | undefined): void {
  for (const node of joined === undefined || joined === "" ? [] : joined.split(",")) {
    nodes.add(node);
  }
}
