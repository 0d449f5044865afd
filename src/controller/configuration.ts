import { comparePools, type IpAddressPool } from "../core/model/ip-address-pool.ts";
import type { L2Advertisement } from "../core/model/l2-advertisement.ts";
import type { EventObject } from "../kube/event-recorder.ts";
import { apiVersion, type Resource } from "../kube/resource.ts";
import * as resources from "../kube/resources.ts";
import type { ClusterStores } from "./cluster-stores.ts";

/** A pool or an advertisement that cannot be read, and why. */
export interface UnreadableObject {
  readonly object: EventObject;
  readonly errors: readonly string[];
}

/**
 * Pools and advertisements as they were last read well: an edit that cannot be
 * read changes nothing, and the other objects go on.
 */
export class Configuration {
  readonly #stores: Pick<ClusterStores, "pools" | "advertisements">;
  #pools: readonly IpAddressPool[] = [];
  #advertisements: readonly L2Advertisement[] = [];

  constructor(stores: Pick<ClusterStores, "pools" | "advertisements">) {
    this.#stores = stores;
  }

  /** In the order in which they are asked. */
  get pools(): readonly IpAddressPool[] {
    return this.#pools;
  }

  /** By name. */
  get advertisements(): readonly L2Advertisement[] {
    return this.#advertisements;
  }

  /** Names of pools that exist and that no version could be read of. */
  get unknownPools(): ReadonlySet<string> {
    const known = new Set(this.#pools.map(({ name }) => name));
    return new Set(names(this.#stores.pools.values()).filter((name) => !known.has(name)));
  }

  /** Names of advertisements that exist and that no version could be read of. */
  get unknownAdvertisements(): ReadonlySet<string> {
    const known = new Set(this.#advertisements.map(({ name }) => name));
    return new Set(names(this.#stores.advertisements.values()).filter((name) => !known.has(name)));
  }

  /** Reads everything again; returns what could not be read. */
  refresh(): readonly UnreadableObject[] {
    const pools = [...this.#stores.pools.values()];
    const advertisements = [...this.#stores.advertisements.values()];
    const oldPools = byName(this.#pools);
    const oldAdvertisements = byName(this.#advertisements);
    this.#pools = pools
      .flatMap(({ name, pool }) => pool ?? oldPools.get(name) ?? [])
      .sort(comparePools);
    this.#advertisements = advertisements
      .flatMap(({ name, advertisement }) => advertisement ?? oldAdvertisements.get(name) ?? [])
      .sort((a, b) => (a.name < b.name ? -1 : 1));
    return [
      ...unreadable(pools, resources.ipAddressPools),
      ...unreadable(advertisements, resources.l2Advertisements),
    ];
  }
}

function unreadable(
  objects: readonly {
    readonly key: string;
    readonly name: string;
    readonly uid: string;
    readonly errors: readonly string[];
  }[],
  resource: Resource,
): readonly UnreadableObject[] {
  return objects
    .filter(({ errors }) => errors.length > 0)
    .map(({ key, name, uid, errors }) => ({
      object: {
        apiVersion: apiVersion(resource),
        kind: resource.kind,
        namespace: key.split("/")[0],
        name,
        uid,
      },
      errors,
    }));
}

function names(objects: Iterable<{ readonly name: string }>): readonly string[] {
  return [...objects].map(({ name }) => name);
}

function byName<T extends { readonly name: string }>(objects: readonly T[]): Map<string, T> {
  return new Map(objects.map((object) => [object.name, object]));
}
