import { ClusterReading } from "../../../src/cli/inspect/cluster-reading.ts";
import { ApiError } from "../../../src/kube/api-error.ts";
import type { ApiRequest } from "../../../src/kube/transport.ts";
import { systemClock } from "../../../src/runtime/clock.ts";
import { parsePath } from "../../simulation/simulated-api.ts";

/** An object as the API server sends it. */
interface Raw {
  readonly metadata: { readonly name: string; readonly namespace?: string };
}

/** The time at the API server. */
export const now = new Date("2026-11-23T22:30:00Z");

export const inspectSettings = {
  systemNamespace: "steelyard-system",
  configNamespace: "metallb-system",
} as const;

/** So many seconds before {@link now}. */
export function ago(seconds: number): string {
  return `${new Date(now.getTime() - seconds * 1_000).toISOString().slice(0, 19)}Z`;
}

/** Objects that can be read, by the plural of their kind; selectors of lists are not looked at. */
export class RawCluster {
  readonly #objects = new Map<string, Raw[]>();
  /** What was asked for, such as `list nodes`. */
  readonly asked = new Set<string>();
  /** Kinds that may not be read. */
  readonly forbidden = new Set<string>();
  /** Namespaces in which nothing may be read. */
  readonly forbiddenNamespaces = new Set<string>();
  /** Kinds that the cluster does not have. */
  readonly missing = new Set<string>();

  put(plural: string, ...objects: readonly Raw[]): void {
    this.#objects.set(plural, [...(this.#objects.get(plural) ?? []), ...objects]);
  }

  /** Puts these in the place of all objects of the kind. */
  replace(plural: string, ...objects: readonly Raw[]): void {
    this.#objects.set(plural, [...objects]);
  }

  reading(): ClusterReading {
    return new ClusterReading({ request: (request) => this.#request(request) }, systemClock);
  }

  async #request({ path }: ApiRequest): Promise<unknown> {
    const { plural, namespace, name } = parsePath(path);
    this.asked.add(`${name === undefined ? "list" : "get"} ${plural}`);
    if (this.forbidden.has(plural) || this.forbiddenNamespaces.has(namespace ?? "")) {
      const message = `User "eve" cannot ${name ? "get" : "list"} ${plural} in ${namespace}`;
      throw new ApiError({ status: 403, reason: "Forbidden", message });
    }
    if (this.missing.has(plural)) {
      const message = "the server could not find the requested resource";
      throw new ApiError({ status: 404, reason: "NotFound", message });
    }
    const items = (this.#objects.get(plural) ?? []).filter(
      ({ metadata }) => namespace === undefined || metadata.namespace === namespace,
    );
    if (name === undefined) {
      return await Promise.resolve({ items });
    }
    const found = items.find(({ metadata }) => metadata.name === name);
    if (found === undefined) {
      throw new ApiError({ status: 404, reason: "NotFound", message: `${name} not found` });
    }
    return found;
  }
}

/** A Node with a speaker that reports `eth0` in 192.0.2.0/24, and was heard of `heardAgo` seconds ago. */
export function addNode(
  cluster: RawCluster,
  name: string,
  more: {
    readonly labels?: object;
    readonly annotations?: object;
    readonly heardAgo?: number;
    readonly announced?: number;
    readonly failures?: readonly object[];
  } = {},
): void {
  const { labels = {}, annotations = {}, heardAgo = 1, announced = 0, failures = [] } = more;
  cluster.put("nodes", { metadata: { name, labels, annotations } as Raw["metadata"] });
  const nic = { name: "eth0", carrier: true, usable: true, prefixes: ["192.0.2.241/24"] };
  const status = {
    ...{ interfaces: [nic], defaultGateways: [], highestTerm: 1, announced, failures },
    applied: { allocations: "900", bundles: "900" },
  };
  cluster.put("l2speakers", { metadata: { name }, status } as Raw);
  addLease(cluster, `steelyard-speaker-${name}`, `speaker-${name}`, heardAgo);
}

export function addLease(cluster: RawCluster, name: string, holder: string, changed: number): void {
  const managedFields = [{ time: ago(changed) }];
  const metadata = { name, namespace: inspectSettings.systemNamespace, managedFields };
  cluster.put("leases", { metadata, spec: { holderIdentity: holder } } as Raw);
}
