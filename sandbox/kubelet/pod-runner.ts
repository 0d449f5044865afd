import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { V1Container, V1Pod, V1PodSpec } from "@kubernetes/client-node";
import { systemClock } from "../../src/runtime/clock.ts";
import { type ApiClient, ApiError } from "./api-client.ts";
import {
  containerCommand,
  containerEnvironment,
  type PodFacts,
  type ReadKey,
} from "./container-environment.ts";
import { ContainerRunner, type PreparedContainer } from "./container-runner.ts";
import { credentialsOf } from "./credentials.ts";
import { filesOf, type Images, imageName } from "./image.ts";
import { execCommand, type Launch, launchCommand } from "./launch.ts";
import type { Mount } from "./mount.ts";
import { createPodNetwork, type PodAddressPool, removePodNetwork } from "./pod-network.ts";
import { apiTime, type PodCondition, podStatus } from "./pod-status.ts";
import { provideVolume } from "./pod-volumes.ts";
import type { Prober } from "./prober.ts";
import { StatusWriter } from "./status-writer.ts";

/** What a Pod finds on its node. */
export interface PodHost {
  readonly nodeName: string;
  readonly netns: string;
  readonly internalIPs: readonly string[];
  readonly images: Images;
  /** The program `container-entry`. */
  readonly containerEntry: string;
  readonly stateDir: string;
  readonly rootless: boolean;
  readonly api: ApiClient;
  readonly prober: Prober;
  readonly addresses: PodAddressPool;
  readonly log: (line: string) => void;
}

const firstRetryMs = 20;
const lastRetryMs = 2_000;

/** One Pod, from its binding to this node until it is gone. */
export class PodRunner {
  readonly #host: PodHost;
  readonly #path: string;
  readonly #directory: string;
  readonly #spec: V1PodSpec;
  readonly #startTime: string;
  readonly #writer: StatusWriter;
  readonly #initContainers: readonly ContainerRunner[];
  readonly #containers: readonly ContainerRunner[];
  /** Aborts when nothing more is to be started. */
  readonly #stop = new AbortController();
  /** Aborts when tokens need no renewal any more. */
  readonly #over = new AbortController();
  readonly #volumes = new Map<string, string>();
  #pod: V1Pod;
  #addresses: readonly string[] = [];
  #netns: string;
  #slot: number | undefined;
  #gone = false;
  /** The node shuts down: the Pod ends, its object stays. */
  #objectStays = false;
  #containerScratch = 0;

  constructor(host: PodHost, pod: V1Pod) {
    const { namespace = "", name = "", uid = "" } = pod.metadata ?? {};
    this.#host = { ...host, log: (line) => host.log(`pod ${namespace}/${name}: ${line}`) };
    this.#pod = pod;
    this.#path = `/api/v1/namespaces/${namespace}/pods/${name}`;
    this.#directory = join(host.stateDir, "pods", uid);
    this.#spec = pod.spec ?? { containers: [] };
    this.#netns = host.netns;
    this.#startTime = apiTime(systemClock.wallTime());
    this.#writer = new StatusWriter(
      host.api,
      this.#path,
      uid,
      () => this.#status(),
      this.#host.log,
    );
    this.#initContainers = (this.#spec.initContainers ?? []).map((c) => this.#container(c));
    this.#containers = this.#spec.containers.map((c) => this.#container(c));
    if (this.#spec.hostNetwork === true) {
      this.#addresses = host.internalIPs;
    }
  }

  /** The process of the first container that runs; none once it is killed. */
  get pid(): number | undefined {
    return this.#gone ? undefined : this.#containers.find(({ pid }) => pid !== undefined)?.pid;
  }

  /** The Pod's life. Resolves when its processes, mounts and namespaces are gone. Never rejects. */
  async run(): Promise<void> {
    if (this.#pod.metadata?.deletionTimestamp !== undefined) {
      this.#stop.abort();
    }
    const life = this.#live().catch((error) => this.#host.log(String(error)));
    await aborted(this.#stop.signal);
    const grace = 1000 * (this.#pod.metadata?.deletionGracePeriodSeconds ?? 30);
    await Promise.all(this.#all().map((container) => container.stop(this.#gone ? 0 : grace)));
    await life;
    if (!this.#gone) {
      this.#writer.changed();
      await Promise.race([this.#writer.flush(), aborted(this.#over.signal)]);
      if (!this.#objectStays) {
        await this.#remove();
      }
    }
    this.#writer.close();
    this.#over.abort();
    await this.#cleanUp();
  }

  /** The Pod's object has changed. */
  update(pod: V1Pod): void {
    this.#pod = pod;
    if (pod.metadata?.deletionTimestamp !== undefined) {
      this.#stop.abort();
      return;
    }
    // kube-controller-manager marks the Pods of an unreachable node unready.
    const said = pod.status?.conditions?.find(({ type }) => type === "Ready")?.status;
    const ready = this.#containers.every((container) => container.report().ready);
    if (said !== undefined && said !== (ready ? "True" : "False")) {
      this.#writer.overwritten();
    }
  }

  /** True for Pods that end last when a node shuts down: priority at or above `system-cluster-critical`. */
  get critical(): boolean {
    return (this.#spec.priority ?? 0) >= 2_000_000_000;
  }

  /** Asks the Pod to end because the node shuts down. Resolves when it has. */
  async shutDown(): Promise<void> {
    this.#objectStays = true;
    this.#stop.abort();
    await aborted(this.#over.signal);
  }

  /** Kills all processes at once and tells nobody. For a Pod whose object is gone, or a node without power. */
  kill(): void {
    this.#gone = true;
    this.#writer.close();
    this.#over.abort();
    this.#stop.abort();
    for (const container of this.#all()) {
      container.kill();
    }
  }

  #all(): readonly ContainerRunner[] {
    return [...this.#initContainers, ...this.#containers];
  }

  async #live(): Promise<void> {
    const phase = this.#pod.status?.phase;
    if (this.#stop.signal.aborted || phase === "Succeeded" || phase === "Failed") {
      return;
    }
    if (!(await this.#setUp())) {
      return;
    }
    const policy = this.#spec.restartPolicy ?? "Always";
    for (const container of this.#initContainers) {
      const isDone = await container.run(
        policy === "Never" ? "Never" : "OnFailure",
        this.#stop.signal,
      );
      if (!isDone) {
        return;
      }
    }
    await Promise.all(this.#containers.map((c) => c.run(policy, this.#stop.signal)));
  }

  /** Network and volumes, tried until they are there. False when the Pod is to stop before. */
  async #setUp(): Promise<boolean> {
    let retryMs = firstRetryMs;
    let told = "";
    while (!this.#stop.signal.aborted) {
      try {
        await mkdir(this.#directory, { recursive: true, mode: 0o755 });
        await Promise.all([this.#joinNetwork(), this.#provideVolumes()]);
        return !this.#stop.signal.aborted;
      } catch (error) {
        const message = error instanceof Error ? error.message : String(error);
        // The first attempts may precede what the node authorizer knows of the Pod.
        if (retryMs > 8 * firstRetryMs && message !== told) {
          told = message;
          this.#host.log(`${message}; trying again`);
          for (const container of this.#all()) {
            container.wait("FailedSetUp", message);
          }
        }
        await systemClock.sleep(retryMs, this.#stop.signal);
        retryMs = Math.min(lastRetryMs, 2 * retryMs);
      }
    }
    return false;
  }

  async #joinNetwork(): Promise<void> {
    if (this.#spec.hostNetwork === true || this.#netns !== this.#host.netns) {
      return;
    }
    this.#slot ??= this.#host.addresses.take();
    const addresses = this.#host.addresses.addresses(this.#slot);
    this.#addresses = addresses.map(({ address }) => address);
    const { netns } = await createPodNetwork(this.#host.netns, addresses);
    this.#netns = netns;
  }

  async #provideVolumes(): Promise<void> {
    const sources = {
      api: this.#host.api,
      readKey: this.#readKey,
      pod: this.#pod,
      facts: this.#facts(),
      log: this.#host.log,
    };
    const directory = join(this.#directory, "volumes");
    for (const volume of this.#spec.volumes ?? []) {
      if (!this.#volumes.has(volume.name)) {
        const path = await provideVolume(volume, directory, sources, this.#over.signal);
        this.#volumes.set(volume.name, path);
      }
    }
  }

  readonly #readKey: ReadKey = async (kind, name) => {
    const plural = kind === "Secret" ? "secrets" : "configmaps";
    const path = `/api/v1/namespaces/${this.#pod.metadata?.namespace}/${plural}/${name}`;
    try {
      const { data = {} } = await this.#host.api.get<{ data?: Record<string, string> }>(path);
      const decode = (text: string): string => Buffer.from(text, "base64").toString();
      return kind === "ConfigMap"
        ? data
        : Object.fromEntries(Object.entries(data).map(([key, value]) => [key, decode(value)]));
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) {
        return undefined;
      }
      throw error;
    }
  };

  #container(container: V1Container): ContainerRunner {
    const { namespace, name, uid = "" } = this.#pod.metadata ?? {};
    const before = [
      ...(this.#pod.status?.containerStatuses ?? []),
      ...(this.#pod.status?.initContainerStatuses ?? []),
    ].find((status) => status.name === container.name);
    const { prober, stateDir } = this.#host;
    return new ContainerRunner(
      container,
      {
        podUid: uid,
        podIP: () => this.#addresses[0] ?? "",
        graceMs: 1000 * (this.#spec.terminationGracePeriodSeconds ?? 30),
        prober,
        logPath: join(stateDir, "logs", `${namespace}_${name}_${container.name}.log`),
        prepare: (wanted) => this.#prepare(wanted),
        changed: () => this.#writer.changed(),
        log: this.#host.log,
      },
      before?.containerID === undefined ? 0 : before.restartCount + 1,
    );
  }

  async #prepare(container: V1Container): Promise<PreparedContainer> {
    const credentials = credentialsOf(this.#spec, container);
    if (typeof credentials === "string") {
      throw new Error(credentials);
    }
    const facts = this.#facts();
    const environment = await containerEnvironment(this.#pod, container, facts, this.#readKey);
    const command = containerCommand(container, this.#host.images, environment);
    if (typeof command === "string") {
      throw new Error(command);
    }
    const scratch = join(this.#directory, "mounts", `${this.#containerScratch++}`);
    await mkdir(scratch, { recursive: true });
    const launch: Launch = {
      netns: this.#netns,
      mounts: this.#mounts(container),
      credentials,
      readOnlyRoot: container.securityContext?.readOnlyRootFilesystem === true,
      rootless: this.#host.rootless,
      workingDirectory: container.workingDir ?? "/",
      command,
      tree: filesOf(this.#host.images.get(imageName(container.image ?? ""))),
      entry: this.#host.containerEntry,
      scratch,
    };
    return {
      commandLine: launchCommand(launch),
      environment,
      execLine: (pid, words) => execCommand(launch, pid, words),
    };
  }

  #mounts(container: V1Container): readonly Mount[] {
    return (container.volumeMounts ?? []).map(({ name, mountPath, readOnly, subPath = "" }) => {
      const path = this.#volumes.get(name);
      if (path === undefined) {
        throw new Error(`volumeMount ${name} has no volume of that name`);
      }
      return { source: join(path, subPath), target: mountPath, readOnly: readOnly === true };
    });
  }

  #facts(): PodFacts {
    const { nodeName, internalIPs } = this.#host;
    return { nodeName, hostIPs: internalIPs, podIPs: this.#addresses };
  }

  #status(): object {
    return podStatus(
      {
        pod: this.#pod,
        facts: this.#facts(),
        startTime: this.#startTime,
        initContainers: this.#initContainers.map((container) => container.report()),
        containers: this.#containers.map((container) => container.report()),
        stopping: this.#stop.signal.aborted,
      },
      (this.#pod.status?.conditions ?? []) as unknown as readonly PodCondition[],
      systemClock.wallTime(),
    );
  }

  /** Tells the API server that the Pod is gone from this node. */
  async #remove(): Promise<void> {
    const { uid } = this.#pod.metadata ?? {};
    let retryMs = firstRetryMs;
    while (!this.#over.signal.aborted) {
      try {
        const preconditions = { uid };
        await this.#host.api.remove(this.#path, { gracePeriodSeconds: 0, preconditions });
        return;
      } catch (error) {
        if (error instanceof ApiError && (error.status === 404 || error.status === 409)) {
          return;
        }
        this.#host.log(`${String(error)}; trying again`);
        await systemClock.sleep(retryMs, this.#over.signal);
        retryMs = Math.min(lastRetryMs, 2 * retryMs);
      }
    }
  }

  async #cleanUp(): Promise<void> {
    if (this.#netns !== this.#host.netns) {
      await removePodNetwork(this.#netns);
    }
    if (this.#slot !== undefined) {
      this.#host.addresses.release(this.#slot);
    }
    await rm(this.#directory, { recursive: true, force: true });
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) {
      resolve();
    } else {
      signal.addEventListener("abort", () => resolve(), { once: true });
    }
  });
}
