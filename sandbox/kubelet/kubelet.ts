import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { V1Pod } from "@kubernetes/client-node";
import { systemClock } from "../../src/runtime/clock.ts";
import { kubernetesVersion } from "../kube/pinned.ts";
import { type ApiClient, type ApiServer, openApiClient } from "./api-client.ts";
import type { Images } from "./image.ts";
import { keepNode } from "./node-heartbeat.ts";
import { PodAddressPool } from "./pod-network.ts";
import { type PodHost, PodRunner } from "./pod-runner.ts";
import { Prober } from "./prober.ts";

/** Which node the stand-in is, and what it finds there. */
export interface KubeletOptions {
  readonly node: {
    readonly name: string;
    readonly index: number;
    /** Name of its network namespace, as `ip netns` knows it. */
    readonly netns: string;
    /** One per family, the primary one first. */
    readonly internalIPs: readonly string[];
    readonly podCIDRs: readonly string[];
  };
  readonly server: ApiServer;
  readonly images: Images;
  /** The program `container-entry`. */
  readonly containerEntry: string;
  /** Where volumes (`pods/`) and logs (`logs/<namespace>_<pod>_<container>.log`) go. */
  readonly stateDir: string;
  /** True when only uid 0 is mapped: every Pod then runs as it, with the Pod's capabilities. */
  readonly rootless: boolean;
  readonly log: (line: string) => void;
}

const watchRetryMs = 200;

/**
 * The stand-in for a node's kubelet: registers the node, runs the Pods bound to
 * it as processes in network and mount namespaces of their own, tells how they
 * are. `sandbox/README.md` lists what a kubelet does and this does not.
 */
export class Kubelet {
  readonly #options: KubeletOptions;
  readonly #api: ApiClient;
  readonly #prober: Prober;
  readonly #host: PodHost;
  /** Pods by uid. */
  readonly #pods = new Map<string, { readonly runner: PodRunner; readonly key: string }>();
  readonly #running = new Set<Promise<void>>();
  readonly #dead = new AbortController();
  readonly #shutdown = new AbortController();

  constructor(options: KubeletOptions) {
    const { node, images, containerEntry, stateDir, rootless } = options;
    const log = (line: string): void => options.log(`${node.name}: ${line}`);
    this.#options = { ...options, log };
    this.#api = openApiClient(options.server);
    this.#prober = new Prober(node.netns);
    this.#host = {
      nodeName: node.name,
      netns: node.netns,
      internalIPs: node.internalIPs,
      images,
      containerEntry,
      stateDir,
      rootless,
      log,
      api: this.#api,
      prober: this.#prober,
      addresses: new PodAddressPool(node.podCIDRs),
    };
  }

  /** True when Pods run as uid 0 whatever user their manifest names. */
  get runsPodsAsRoot(): boolean {
    return this.#options.rootless;
  }

  /**
   * Runs the node until `signal` aborts or {@link kill}; then all Pods are killed
   * without a word to the API server. Resolves when their processes and
   * namespaces are gone.
   */
  async run(signal: AbortSignal): Promise<void> {
    const { node, stateDir, rootless, log } = this.#options;
    await mkdir(join(stateDir, "logs"), { recursive: true });
    await mkdir(join(stateDir, "pods"), { recursive: true });
    if (rootless) {
      log("only uid 0 is mapped here: every Pod runs as it, with the Pod's capabilities");
    }
    const kill = (): void => this.kill();
    signal.addEventListener("abort", kill, { once: true });
    if (signal.aborted) {
      this.kill();
    }
    await Promise.all([
      keepNode(
        this.#api,
        { ...node, kubernetesVersion: `v${kubernetesVersion()}` },
        { signal: this.#dead.signal, shutdown: this.#shutdown.signal },
        log,
      ),
      this.#watchPods(),
    ]);
    await Promise.all(this.#running);
    signal.removeEventListener("abort", kill);
  }

  /**
   * The node is told that it will go off, as by systemd: it says so in its status,
   * asks its Pods to end, those that are critical for it last, and starts no others.
   * Resolves when all have ended.
   */
  async shutDown(): Promise<void> {
    this.#shutdown.abort();
    for (const critical of [false, true]) {
      const ending = [...this.#pods.values()].filter(({ runner }) => runner.critical === critical);
      await Promise.all(ending.map(({ runner }) => runner.shutDown()));
    }
  }

  /** The node loses its power: all Pods are killed before this returns, nobody is told. */
  kill(): void {
    this.#dead.abort();
    for (const { runner } of this.#pods.values()) {
      runner.kill();
    }
    this.#prober.kill();
    this.#api.close();
  }

  /** The process of a Pod's first container, while it runs. */
  podProcess(namespace: string, name: string): { readonly pid: number } | undefined {
    for (const { runner, key } of this.#pods.values()) {
      if (key === `${namespace}/${name}` && runner.pid !== undefined) {
        return { pid: runner.pid };
      }
    }
    return undefined;
  }

  async #watchPods(): Promise<void> {
    const { node, log } = this.#options;
    const signal = this.#dead.signal;
    const query = `fieldSelector=spec.nodeName%3D${node.name}`;
    while (!signal.aborted) {
      try {
        for await (const event of this.#api.watch<V1Pod>("/api/v1/pods", query, signal)) {
          if (event.type === "Replaced") {
            this.#replace(event.objects);
          } else if (event.type === "DELETED") {
            this.#forget(event.object.metadata?.uid ?? "");
          } else {
            this.#see(event.object);
          }
        }
      } catch (error) {
        if (!signal.aborted) {
          log(`watch of Pods: ${String(error)}; starting again`);
        }
      }
      await systemClock.sleep(watchRetryMs, signal);
    }
  }

  #replace(pods: readonly V1Pod[]): void {
    const there = new Set(pods.map((pod) => pod.metadata?.uid));
    for (const uid of this.#pods.keys()) {
      if (!there.has(uid)) {
        this.#forget(uid);
      }
    }
    for (const pod of pods) {
      this.#see(pod);
    }
  }

  #see(pod: V1Pod): void {
    const { uid = "", namespace, name } = pod.metadata ?? {};
    const known = this.#pods.get(uid);
    if (known !== undefined) {
      known.runner.update(pod);
      return;
    }
    if (this.#dead.signal.aborted || this.#shutdown.signal.aborted) {
      return;
    }
    const runner = new PodRunner(this.#host, pod);
    this.#pods.set(uid, { runner, key: `${namespace}/${name}` });
    const life = runner.run().finally(() => {
      this.#pods.delete(uid);
      this.#running.delete(life);
    });
    this.#running.add(life);
  }

  #forget(uid: string): void {
    this.#pods.get(uid)?.runner.kill();
  }
}
