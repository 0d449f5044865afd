import type { V1Service } from "@kubernetes/client-node";
import { loadAccess } from "../../src/kube/load-access.ts";
import { apiVersion, resourcePath } from "../../src/kube/resource.ts";
import { namespaces, services } from "../../src/kube/resources.ts";
import { Transport } from "../../src/kube/transport.ts";
import { systemClock } from "../../src/runtime/clock.ts";
import { silentLog } from "../../src/runtime/log.ts";

interface ServiceList {
  readonly metadata: { readonly resourceVersion: string };
  readonly items: readonly V1Service[];
}

interface WatchEvent {
  readonly object: V1Service;
}

/** Requests under way at a time, all on one HTTP/2 connection. */
const parallel = 64;
const patienceMs = 60_000;

/** Many Services in a namespace of their own, made and removed as fast as the API server takes them. */
export class ServiceStorm {
  readonly namespace: string;
  readonly #writes: Transport;
  readonly #reads: Transport;
  readonly #end = new AbortController();
  readonly #served = new Set<string>();
  #names: readonly string[] = [];
  #created = 0;
  #watching: Promise<void> = Promise.resolve();

  private constructor(namespace: string, transports: readonly [Transport, Transport]) {
    this.namespace = namespace;
    [this.#writes, this.#reads] = transports;
  }

  /** Makes the namespace and follows its Services from now on. */
  static async start(kubeconfig: string, namespace: string): Promise<ServiceStorm> {
    const clock = systemClock;
    const access = await loadAccess({ kubeconfig, clock });
    const open = (): Transport => new Transport({ access, log: silentLog, clock });
    const storm = new ServiceStorm(namespace, [open(), open()]);
    const body = { apiVersion: "v1", kind: namespaces.kind, metadata: { name: namespace } };
    await storm.#writes.request({ method: "POST", path: resourcePath(namespaces), body });
    storm.#watching = storm.#follow();
    return storm;
  }

  /** How many were created: the API server has said so. */
  get created(): number {
    return this.#created;
  }

  /** How many have an address in their status, as a watch has told so far. */
  get served(): number {
    return this.#served.size;
  }

  /** Creates `count` Services. They have no endpoints and no node ports: those are not ours to test. */
  async create(count: number): Promise<void> {
    this.#names = Array.from({ length: count }, (_, index) => `service-${index}`);
    await inParallel(this.#names, async (name) => {
      await this.#writes.request({
        method: "POST",
        path: resourcePath(services, { namespace: this.namespace }),
        body: serviceObject(name),
        timeoutMs: patienceMs,
      });
      this.#created += 1;
    });
  }

  /** Resolves to whether `count` Services have an address, at the latest after `timeoutMs`. */
  async reaches(count: number, timeoutMs: number): Promise<boolean> {
    const deadline = systemClock.now() + timeoutMs;
    while (this.served < count && systemClock.now() < deadline) {
      await systemClock.sleep(10);
    }
    return this.served >= count;
  }

  /** Deletes them all and stops following. */
  async remove(): Promise<void> {
    const { namespace } = this;
    this.#end.abort();
    await this.#watching;
    await inParallel(this.#names, async (name) => {
      const path = resourcePath(services, { namespace, name });
      await this.#writes.request({ method: "DELETE", path, timeoutMs: patienceMs });
    });
    await Promise.all([this.#writes.close(), this.#reads.close()]);
  }

  /** Lists and watches, again whenever the server ends a watch, as an older one does soon after its start. */
  async #follow(): Promise<void> {
    const path = resourcePath(services, { namespace: this.namespace });
    const { signal } = this.#end;
    while (!signal.aborted) {
      const list = await this.#reads.request({ method: "GET", path });
      const { metadata, items } = list as ServiceList;
      for (const service of items) {
        this.#see(service);
      }
      const query = { watch: true, resourceVersion: metadata.resourceVersion };
      try {
        for await (const event of await this.#reads.stream(path, query, signal)) {
          this.#see((event as WatchEvent).object);
        }
      } catch (error) {
        if (!signal.aborted) {
          throw error;
        }
      }
    }
  }

  #see({ metadata, status }: V1Service): void {
    if (status?.loadBalancer?.ingress?.[0]?.ip !== undefined) {
      this.#served.add(metadata?.name ?? "");
    }
  }
}

async function inParallel(
  names: readonly string[],
  act: (name: string) => Promise<void>,
): Promise<void> {
  const left = [...names].reverse();
  const worker = async (): Promise<void> => {
    for (let name = left.pop(); name !== undefined; name = left.pop()) {
      await act(name);
    }
  };
  await Promise.all(Array.from({ length: parallel }, worker));
}

function serviceObject(name: string): V1Service {
  return {
    apiVersion: apiVersion(services),
    kind: services.kind,
    metadata: { name },
    spec: {
      type: "LoadBalancer",
      // The range of node ports ends at 2,768.
      allocateLoadBalancerNodePorts: false,
      ports: [{ protocol: "TCP", port: 80, targetPort: 8080 }],
    },
  };
}
