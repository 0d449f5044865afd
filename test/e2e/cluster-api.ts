import type { CoreV1Event, V1Service } from "@kubernetes/client-node";
import { ApiError, isNotFound } from "../../src/kube/api-error.ts";
import { loadAccess } from "../../src/kube/load-access.ts";
import { apiVersion, type Resource, resourcePath } from "../../src/kube/resource.ts";
import * as resources from "../../src/kube/resources.ts";
import { type ApiRequest, Transport } from "../../src/kube/transport.ts";
import { systemClock } from "../../src/runtime/clock.ts";
import { silentLog } from "../../src/runtime/log.ts";
import {
  type IpAllocationObject,
  type L2BundleObject,
  loadBalancer,
  type WantedService,
} from "./cluster-objects.ts";

const core = (plural: string, kind: string): Resource => ({
  group: "",
  version: "v1",
  plural,
  kind,
  namespaced: true,
});
export const events = core("events", "Event");
export const { pods } = resources;
export const deployments: Resource = { ...core("deployments", "Deployment"), group: "apps" };

/** The namespace of pools and advertisements. */
export const configNamespace = "metallb-system";

/** The API of the test's cluster, as its admin; quicker than a kubectl for each call. */
export class ClusterApi {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  static async open(kubeconfig: string): Promise<ClusterApi> {
    const access = await loadAccess({ kubeconfig, clock: systemClock });
    return new ClusterApi(new Transport({ access, log: silentLog, clock: systemClock }));
  }

  async create<T>(resource: Resource, object: { metadata?: { namespace?: string } }): Promise<T> {
    const { namespace } = object.metadata ?? {};
    const body = { apiVersion: apiVersion(resource), kind: resource.kind, ...object };
    const path = resourcePath(resource, { namespace });
    return (await this.#request({ method: "POST", path, body })) as T;
  }

  /** Undefined when it does not exist. */
  async get<T>(resource: Resource, name: string, namespace?: string): Promise<T | undefined> {
    try {
      const path = resourcePath(resource, { namespace, name });
      return (await this.#request({ method: "GET", path })) as T;
    } catch (error) {
      if (isNotFound(error)) {
        return undefined;
      }
      throw error;
    }
  }

  /** All objects, of all namespaces unless one is given. */
  async list<T>(resource: Resource, namespace?: string): Promise<readonly T[]> {
    const path = resourcePath(resource, { namespace });
    const list = await this.#request({ method: "GET", path });
    return (list as { items: T[] }).items;
  }

  /** A JSON merge patch; a subresource is given with the name: `my-service/status`. */
  async patch(resource: Resource, name: string, patch: object, namespace?: string): Promise<void> {
    const [object = "", subresource] = name.split("/");
    const path = resourcePath(resource, { namespace, name: object, subresource });
    await this.#request({ method: "PATCH", path, body: patch });
  }

  /** Deletes an object; that it is not there is no error. */
  async remove(resource: Resource, name: string, namespace?: string): Promise<void> {
    try {
      const path = resourcePath(resource, { namespace, name });
      await this.#request({ method: "DELETE", path });
    } catch (error) {
      if (!isNotFound(error)) {
        throw error;
      }
    }
  }

  /** The Events about an object, in no particular order. */
  async eventsOf(uid: string | undefined): Promise<readonly CoreV1Event[]> {
    const all = await this.list<CoreV1Event>(events);
    return all.filter((event) => event.involvedObject.uid === uid);
  }

  async createPool(name: string, addresses: readonly string[], spec: object = {}): Promise<void> {
    const metadata = { name, namespace: configNamespace };
    await this.create(resources.ipAddressPools, { metadata, ...{ spec: { addresses, ...spec } } });
  }

  async createAdvertisement(name: string, spec: object): Promise<void> {
    const metadata = { name, namespace: configNamespace };
    await this.create(resources.l2Advertisements, { metadata, ...{ spec } });
  }

  async createService(wanted: WantedService): Promise<V1Service> {
    return await this.create<V1Service>(resources.services, loadBalancer(wanted));
  }

  async service(name: string, namespace = "default"): Promise<V1Service | undefined> {
    return await this.get<V1Service>(resources.services, name, namespace);
  }

  async removeService(name: string, namespace = "default"): Promise<void> {
    await this.remove(resources.services, name, namespace);
  }

  async allocation(name: string): Promise<IpAllocationObject | undefined> {
    return await this.get<IpAllocationObject>(resources.ipAllocations, name);
  }

  async allocations(): Promise<readonly IpAllocationObject[]> {
    return await this.list<IpAllocationObject>(resources.ipAllocations);
  }

  async bundles(): Promise<readonly L2BundleObject[]> {
    return await this.list<L2BundleObject>(resources.l2Bundles);
  }

  /** The node whose speaker is to announce an address; undefined when nobody is. */
  async ownerOf(address: string): Promise<string | undefined> {
    const bundle = (await this.allocation(address))?.spec.bundle;
    const found = (await this.bundles()).find(({ metadata }) => metadata.name === bundle);
    return found?.spec.owner.node;
  }

  /** A server that has just started asks for patience (429); then we ask again. */
  async #request(request: ApiRequest): Promise<unknown> {
    for (;;) {
      try {
        return await this.#transport.request(request);
      } catch (error) {
        if (!(error instanceof ApiError && error.status === 429)) {
          throw error;
        }
        await systemClock.sleep(error.retryAfterMs ?? 500);
      }
    }
  }

  async close(): Promise<void> {
    await this.#transport.close();
  }
}
