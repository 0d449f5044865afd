import type { Capture } from "../sandbox/capture.ts";
import type { Sandbox } from "../sandbox/sandbox.ts";
import { kubeconfigAccess } from "../src/kube/kubeconfig-access.ts";
import { resourcePath } from "../src/kube/resource.ts";
import { services } from "../src/kube/resources.ts";
import { Transport } from "../src/kube/transport.ts";
import { systemClock } from "../src/runtime/clock.ts";
import { silentLog } from "../src/runtime/log.ts";

/** When a Service got how far: milliseconds since the epoch, with fractions. */
export interface ServiceTimes {
  /** Another client's watch told of its creation. */
  created: number;
  /** The same watch told of an address in its status. */
  assigned: number;
  address: string;
  /** A host on the LAN got the first gratuitous ARP for that address. */
  announced: number;
}

/** How far a number of Services got, and when the last one did, in milliseconds since the first creation. */
export interface Filling {
  readonly of: number;
  readonly created: number;
  readonly assigned: number;
  readonly announced: number;
  /** Undefined: not within the limit. So with the others. */
  readonly allCreatedMs: number | undefined;
  readonly allAssignedMs: number | undefined;
  readonly allAnnouncedMs: number | undefined;
}

const namespace = "default";
const patienceMs = 60_000;

/** Pools are not on the LAN's subnet: there is room for any number of Services. */
export const configuration = `
apiVersion: metallb.io/v1beta1
kind: IPAddressPool
metadata: {name: bench, namespace: metallb-system}
spec: {addresses: [10.64.0.0/16]}
---
apiVersion: metallb.io/v1beta1
kind: L2Advertisement
metadata: {name: bench, namespace: metallb-system}
spec: {ipAddressPools: [bench], interfaces: [eth0]}
`;

/** Creates Services one after the other or all at once, and watches what becomes of them. */
export class ServiceFleet {
  readonly #writes: Transport;
  readonly #reads: Transport;
  readonly #capture: Capture;
  readonly #stop = new AbortController();
  readonly #times = new Map<string, ServiceTimes>();
  readonly #announcedAt = new Map<string, number>();
  readonly #nameByAddress = new Map<string, string>();
  readonly #waiting = new Map<string, () => void>();
  #reading: readonly Promise<void>[] = [];

  private constructor(transports: readonly [Transport, Transport], capture: Capture) {
    [this.#writes, this.#reads] = transports;
    this.#capture = capture;
  }

  /** Starts to watch. */
  static async start(sandbox: Sandbox): Promise<ServiceFleet> {
    const clock = systemClock;
    const access = await kubeconfigAccess(sandbox.kubeconfigPath, clock);
    const open = (): Transport => new Transport({ access, log: silentLog, clock });
    const fleet = new ServiceFleet([open(), open()], await sandbox.lan.capture());
    const path = resourcePath(services, { namespace });
    const list = await fleet.#reads.request({ method: "GET", path });
    const { resourceVersion } = (list as { metadata: { resourceVersion: string } }).metadata;
    // Longer than any run; by itself the server ends a watch after half an hour.
    const query = { watch: true, resourceVersion, timeoutSeconds: 10_800 };
    const events = await fleet.#reads.stream(path, query, fleet.#stop.signal);
    fleet.#reading = [fleet.#readEvents(events), fleet.#readFrames()];
    return fleet;
  }

  /**
   * Makes the endpoints of Services to come, so that none of them ever waits for
   * the EndpointSlice controller: MetalLB announces only what has an endpoint.
   */
  async prepare(names: readonly string[], endpoint: string): Promise<void> {
    await this.#each(names, async (name) => {
      await this.#writes.request({
        method: "POST",
        path: `/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices`,
        body: endpointSlice(name, endpoint),
      });
    });
  }

  /** Creates one Service and resolves when it has an address and the LAN knows. */
  async createAndWait(name: string): Promise<ServiceTimes> {
    await this.#create(name);
    return await this.#done(name);
  }

  /** Creates all, 64 requests at a time, and resolves when each has an address and the LAN knows. */
  async createAll(names: readonly string[]): Promise<readonly ServiceTimes[]> {
    await this.#each(names, (name) => this.#create(name));
    return await Promise.all(names.map((name) => this.#done(name, 10 * patienceMs)));
  }

  /**
   * Creates all, 64 requests at a time, and resolves when each has an address and
   * the LAN knows, or when `limitMs` are over.
   */
  async fill(names: readonly string[], limitMs: number): Promise<Filling> {
    const end = systemClock.now() + limitMs;
    await this.#each(names, async (name) => {
      if (systemClock.now() < end) {
        await this.#create(name);
      }
    });
    while (!names.every((name) => this.#isDone(name)) && systemClock.now() < end) {
      await systemClock.sleep(100);
    }
    const times = names.flatMap((name) => this.#times.get(name) ?? []);
    const reached = (step: "created" | "assigned" | "announced"): readonly number[] =>
      times.map((one) => one[step]).filter((at) => at > 0);
    const begin = largest(reached("created").map((at) => -at));
    const sinceBegin = (moments: readonly number[]): number | undefined =>
      moments.length < names.length ? undefined : largest(moments) + begin;
    return {
      of: names.length,
      created: reached("created").length,
      assigned: reached("assigned").length,
      announced: reached("announced").length,
      allCreatedMs: sinceBegin(reached("created")),
      allAssignedMs: sinceBegin(reached("assigned")),
      allAnnouncedMs: sinceBegin(reached("announced")),
    };
  }

  /** Ends the watch and the capture; returns how many frames that missed. */
  async close(): Promise<number> {
    this.#stop.abort();
    const missed = await this.#capture.stop();
    await Promise.all(this.#reading);
    await Promise.all([this.#writes.close(), this.#reads.close()]);
    return missed;
  }

  async #create(name: string): Promise<void> {
    await this.#writes.request({
      method: "POST",
      path: resourcePath(services, { namespace }),
      body: service(name),
      timeoutMs: patienceMs,
    });
  }

  async #each(names: readonly string[], act: (name: string) => Promise<void>): Promise<void> {
    const left = [...names].reverse();
    const worker = async (): Promise<void> => {
      for (let name = left.pop(); name !== undefined; name = left.pop()) {
        await act(name);
      }
    };
    await Promise.all(Array.from({ length: 64 }, worker));
  }

  async #done(name: string, timeoutMs = patienceMs): Promise<ServiceTimes> {
    if (!this.#isDone(name)) {
      const timeout = new AbortController();
      const done = new Promise<void>((resolve) => {
        this.#waiting.set(name, resolve);
      });
      await Promise.race([done, systemClock.sleep(timeoutMs, timeout.signal)]);
      timeout.abort();
      this.#waiting.delete(name);
    }
    const times = this.#times.get(name);
    if (times === undefined || !this.#isDone(name)) {
      const seen = JSON.stringify(times ?? "nothing");
      throw new Error(`${name} was not served within ${timeoutMs / 1_000} s; seen: ${seen}`);
    }
    return times;
  }

  #isDone(name: string): boolean {
    const times = this.#times.get(name);
    return times !== undefined && times.announced > 0 && times.assigned > 0;
  }

  async #readEvents(events: AsyncIterable<unknown>): Promise<void> {
    for await (const event of events) {
      const at = performance.timeOrigin + performance.now();
      this.#takeService((event as WatchEvent).object, at);
    }
  }

  #takeService({ metadata, status }: WatchEvent["object"], at: number): void {
    const { name } = metadata;
    const times = this.#times.get(name) ?? { created: at, assigned: 0, address: "", announced: 0 };
    this.#times.set(name, times);
    const address = status.loadBalancer?.ingress?.[0]?.ip;
    if (times.assigned === 0 && address !== undefined) {
      times.assigned = at;
      times.address = address;
      times.announced = this.#announcedAt.get(address) ?? 0;
      this.#nameByAddress.set(address, name);
      this.#tell(name);
    }
  }

  async #readFrames(): Promise<void> {
    for await (const { arp, timeMs } of this.#capture) {
      if (arp?.gratuitous === true && !this.#announcedAt.has(arp.senderIp)) {
        this.#announcedAt.set(arp.senderIp, timeMs);
        const name = this.#nameByAddress.get(arp.senderIp);
        const times = this.#times.get(name ?? "");
        if (name !== undefined && times !== undefined) {
          times.announced = timeMs;
          this.#tell(name);
        }
      }
    }
  }

  #tell(name: string): void {
    if (this.#isDone(name)) {
      this.#waiting.get(name)?.();
    }
  }
}

/** Names of so many Services: `prefix-1` and so on. */
export function serviceNames(prefix: string, count: number): readonly string[] {
  return Array.from({ length: count }, (_, at) => `${prefix}-${at + 1}`);
}

/** Without a call of as many arguments as there are Services. */
function largest(values: readonly number[]): number {
  return values.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
}

/** The parts of a watch event that are read here. */
interface WatchEvent {
  readonly object: {
    readonly metadata: { readonly name: string };
    readonly status: {
      readonly loadBalancer?: { readonly ingress?: readonly { readonly ip: string }[] };
    };
  };
}

function service(name: string): object {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name },
    spec: {
      type: "LoadBalancer",
      // The range of NodePorts ends at 2,768.
      allocateLoadBalancerNodePorts: false,
      ports: [{ protocol: "TCP", port: 80, targetPort: 8080 }],
    },
  };
}

function endpointSlice(serviceName: string, endpoint: string): object {
  return {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: {
      name: serviceName,
      labels: {
        "kubernetes.io/service-name": serviceName,
        "endpointslice.kubernetes.io/managed-by": "steelyard-bench",
      },
    },
    addressType: "IPv4",
    ports: [{ name: "", protocol: "TCP", port: 8080 }],
    endpoints: [{ addresses: [endpoint], conditions: { ready: true }, nodeName: "node-1" }],
  };
}
