import { decodeService, type ServiceObject } from "../src/kube/decode/service.ts";
import { kubeconfigAccess } from "../src/kube/kubeconfig-access.ts";
import { resourcePath } from "../src/kube/resource.ts";
import { services } from "../src/kube/resources.ts";
import { Transport } from "../src/kube/transport.ts";
import { systemClock } from "../src/runtime/clock.ts";
import { silentLog } from "../src/runtime/log.ts";

/** A change of a Service as a user's program sees it, and when (ms since the epoch). */
export interface SeenService {
  readonly object: ServiceObject;
  readonly created: boolean;
  readonly at: number;
}

/** Watches the Services of all namespaces from now on. */
export class ServiceWatch {
  /** Every change seen, in order. */
  readonly seen: SeenService[] = [];
  readonly #transport: Transport;
  readonly #stop = new AbortController();
  readonly #loadBalancerClass: string;
  #wake = Promise.withResolvers<void>();

  private constructor(transport: Transport, loadBalancerClass: string) {
    this.#transport = transport;
    this.#loadBalancerClass = loadBalancerClass;
  }

  /** Resolves once every later change will be seen. */
  static async start(kubeconfig: string, loadBalancerClass = ""): Promise<ServiceWatch> {
    const clock = systemClock;
    const access = await kubeconfigAccess(kubeconfig, clock);
    const transport = new Transport({ access, log: silentLog, clock });
    const watch = new ServiceWatch(transport, loadBalancerClass);
    const list = await transport.request({ method: "GET", path: resourcePath(services) });
    const { resourceVersion } = (list as { metadata: { resourceVersion: string } }).metadata;
    const query = { watch: true, resourceVersion };
    const events = await transport.stream(resourcePath(services), query, watch.#stop.signal);
    void watch.#read(events);
    return watch;
  }

  /** The first change, past or to come, that `matches`. Throws after `timeoutMs` without one. */
  async find(
    what: string,
    matches: (seen: SeenService) => boolean,
    timeoutMs: number,
  ): Promise<SeenService> {
    const deadline = systemClock.now() + timeoutMs;
    for (let at = 0; ; at += 1) {
      while (at >= this.seen.length) {
        const left = deadline - systemClock.now();
        if (left <= 0) {
          throw new Error(`not seen within ${timeoutMs / 1_000} s: ${what}`);
        }
        await Promise.race([this.#wake.promise, systemClock.sleep(left)]);
      }
      const found = this.seen[at];
      if (found !== undefined && matches(found)) {
        return found;
      }
    }
  }

  /** Ends the watch. */
  async close(): Promise<void> {
    this.#stop.abort();
    await this.#transport.close();
  }

  async #read(events: AsyncIterable<unknown>): Promise<void> {
    try {
      for await (const event of events) {
        const { type, object } = event as { type: string; object: unknown };
        if (type === "ADDED" || type === "MODIFIED") {
          this.seen.push({
            object: decodeService(object, this.#loadBalancerClass),
            created: type === "ADDED",
            at: Date.now(),
          });
          this.#wake.resolve();
          this.#wake = Promise.withResolvers<void>();
        }
      }
    } catch (error) {
      if (!this.#stop.signal.aborted) {
        throw error;
      }
    }
  }
}
