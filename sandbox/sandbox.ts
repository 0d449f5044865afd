import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type { V1Node, V1NodeList } from "@kubernetes/client-node";
import { systemClock } from "../src/runtime/clock.ts";
import { clientHost, limits, type NodeHost, nodeHost } from "./addresses.ts";
import { type AuditEntry, isWrite, readAudit } from "./audit.ts";
import { type KubeBinaries, provideBinaries } from "./binaries.ts";
import { Capture } from "./capture.ts";
import type { CertificateAuthority } from "./certificates.ts";
import { LanClient } from "./client.ts";
import { type CommandResult, run } from "./command.ts";
import { ControlPlane } from "./control-plane.ts";
import { kubeProxy, type ProxyMode } from "./kube-proxy.ts";
import { apiServerUrl, writeKubeconfig } from "./kubeconfig.ts";
import { type ApiClient, ApiError, openApiClient } from "./kubelet/api-client.ts";
import type { Images } from "./kubelet/image.ts";
import { SandboxNode } from "./node.ts";
import { findSpeaker, type SpeakerProcess } from "./speaker.ts";
import { tcpdumpCommand } from "./tcpdump.ts";
import { createTopology, deleteTopology, switchNetns } from "./topology.ts";
import { insideWrapper, onlyRootIsMapped } from "./wrapper.ts";

/** Everything of a running sandbox, on the wrapper's own tmpfs. */
const directory = "/run/steelyard";

/** Where a process that enters the wrapper finds the cluster's kubectl and the admin's kubeconfig. */
export const sandboxKubectl = join(directory, "kubectl");
export const sandboxKubeconfig = join(directory, "admin.kubeconfig");

const readyTimeoutMs = 60_000;

/** What {@link startSandbox} builds. */
export interface SandboxOptions {
  /** 1 to 9. Default: 3. */
  readonly nodes?: number;
  /** 0 to 3. Default: 1. */
  readonly clients?: number;
  /** Default: `nftables`. */
  readonly proxy?: ProxyMode;
  /** How long kube-proxy gathers changes before it writes rules. Default: 1 s, kube-proxy's own. */
  readonly proxyMinSyncSeconds?: number | undefined;
  /** What pods can run. Default: nothing. */
  readonly images?: Images;
  /** Called with a line for people when something takes long. Default: silence. */
  readonly report?: (line: string) => void;
}

/** A cluster that runs; {@link startSandbox} makes it. */
export class Sandbox {
  /** Kubernetes's version as the API server says it, without the `v`. */
  readonly version: string;
  /** The admin's kubeconfig, usable inside the wrapper only. */
  readonly kubeconfigPath: string;
  /** The folder of every program's log, the audit log too. */
  readonly logs = join(directory, "logs");
  readonly nodes: readonly SandboxNode[];
  readonly clients: readonly LanClient[];
  /** True without root: then only uid 0 is mapped, and every Pod runs as it. */
  readonly rootless = onlyRootIsMapped();
  /** Looks at the LAN. */
  readonly lan = { capture: this.#capture.bind(this) } as const;
  /** Troubles the API server. */
  readonly apiserver = {
    /** Ends the process politely; resolves when it is gone. */
    stop: (): Promise<void> => this.#parts.controlPlane.apiServer.stop(),
    kill: (): Promise<void> => this.#parts.controlPlane.apiServer.kill(),
    /** Resolves when it is ready again. */
    start: async (): Promise<void> => {
      this.#parts.controlPlane.apiServer.start();
      await this.#parts.controlPlane.waitForApiServer();
    },
    /** Lets it hang for a while with its connections open. */
    pause: (ms: number): Promise<void> => this.#parts.controlPlane.apiServer.pause(ms),
    /** Starts it with a serving certificate that has expired; resolves when it is ready. */
    startExpired: (): Promise<void> => this.#parts.controlPlane.startApiServerExpired(),
    /** Gives it a valid certificate as it runs; resolves when it shows that one. */
    renewCertificate: (): Promise<void> => this.#parts.controlPlane.renewServingCertificate(),
  } as const;
  /** Troubles the API server's store. */
  readonly etcd = {
    /** Copies its folder as it is now; returns where to. */
    copy: (): Promise<string> => this.#parts.controlPlane.etcd.copy(),
    /** Starts it, and the control plane on it, from a copy: what came later never was. */
    restore: (copy: string): Promise<void> => this.#parts.controlPlane.restore(copy),
    /** Forgets its history. */
    compact: (): Promise<void> => this.#parts.controlPlane.etcd.compact(),
    /** Says that its disk is full, or that it is no longer. */
    setFull: (full: boolean): Promise<void> => this.#parts.controlPlane.etcd.setFull(full),
  } as const;
  readonly #parts: Parts;
  #tcpdump: Promise<readonly string[]> | undefined;

  constructor(version: string, parts: Parts) {
    this.version = version;
    this.#parts = parts;
    this.kubeconfigPath = parts.controlPlane.kubeconfig;
    this.nodes = parts.nodes;
    this.clients = parts.clients;
  }

  /** Runs the cluster's own kubectl as admin. Its failure is a value. */
  async kubectl(
    args: readonly string[],
    options: { readonly input?: string } = {},
  ): Promise<CommandResult> {
    const { binaries, controlPlane } = this.#parts;
    const env = { ...process.env, KUBECONFIG: controlPlane.kubeconfig };
    const cache = `--cache-dir=${join(directory, "kubectl-cache")}`;
    return await run([binaries.kubectl, cache, ...args], { ...options, env });
  }

  /** The Steelyard speaker that runs on a node now. Throws when none does. */
  async speaker(node: SandboxNode): Promise<SpeakerProcess> {
    return await findSpeaker(this.#parts.api, node);
  }

  /** The log files of all containers so far, `<namespace>_<pod>_<container>.log`. */
  async podLogs(): Promise<readonly string[]> {
    const folders = this.nodes.map(({ name }) => join(directory, "nodes", name, "logs"));
    const lists = await Promise.all(
      folders.map(async (folder) => (await readdir(folder)).map((file) => join(folder, file))),
    );
    return lists.flat();
  }

  /** Every write to the API since the start, refused ones too. */
  async audit(): Promise<readonly AuditEntry[]> {
    return (await readAudit(this.#parts.controlPlane.auditFile)).filter(isWrite);
  }

  /** Every get, list and watch of Steelyard's Pods since the start, refused ones too. */
  async reads(): Promise<readonly AuditEntry[]> {
    return (await readAudit(this.#parts.controlPlane.auditFile)).filter((it) => !isWrite(it));
  }

  /** The certificate authority, for identities of a test's own. */
  get authority(): CertificateAuthority {
    return this.#parts.controlPlane.authority;
  }

  /** Kills everything and removes every trace; another sandbox may be started then. */
  async stop(): Promise<void> {
    this.#parts.api.close();
    await demolish(this.#parts);
  }

  async #capture(
    options: {
      /** In pcap's language. Default: `arp`. */
      readonly filter?: string;
      /** A client, by default the first, or the switch, where all frames pass. */
      readonly at?: LanClient | "switch";
    } = {},
  ): Promise<Capture> {
    const { filter = "arp", at = this.clients[0] ?? "switch" } = options;
    this.#tcpdump ??= tcpdumpCommand(directory);
    const tcpdump = await this.#tcpdump;
    const place =
      at === "switch" ? { netns: switchNetns, device: "br0" } : { netns: at.name, device: "eth0" };
    return await Capture.start({ ...place, filter, tcpdump });
  }
}

/** What has to be taken down again. */
interface Standing {
  readonly controlPlane: ControlPlane;
  readonly nodes: readonly SandboxNode[];
  readonly clients: readonly LanClient[];
}

interface Parts extends Standing {
  readonly binaries: KubeBinaries;
  readonly api: ApiClient;
}

/**
 * Starts a cluster and resolves when pods could run: every Node ready and without taints, every
 * kube-proxy healthy, the service account `default/default` there.
 *
 * Must run inside a wrapper (see `wrapper.ts`), which takes one sandbox at a time. Throws with
 * the log of the program that is at fault; nothing of the attempt is left.
 */
export async function startSandbox(options: SandboxOptions = {}): Promise<Sandbox> {
  if (!insideWrapper()) {
    throw new Error("a sandbox starts only inside the wrapper: run this command by runWrapped()");
  }
  const hosts = indices(options.nodes ?? 3, 1, limits.nodes, "nodes").map(nodeHost);
  const guests = indices(options.clients ?? 1, 0, limits.clients, "clients").map(clientHost);
  const binaries = await provideBinaries(options.report ?? (() => {}));
  await takeDirectory();
  symlinkSync(binaries.kubectl, sandboxKubectl);
  const controlPlane = new ControlPlane(directory, binaries);
  const nodes: SandboxNode[] = [];
  const clients = guests.map((host) => new LanClient(host));
  try {
    await createTopology(hosts, guests);
    await controlPlane.start();
    nodes.push(...(await createNodes(hosts, controlPlane, binaries, options)));
    const api = openAdminClient(controlPlane);
    await startNodes(nodes, api);
    const { gitVersion } = await api.get<{ gitVersion: string }>("/version");
    const version = gitVersion.replace(/^v/, "");
    return new Sandbox(version, { controlPlane, nodes, clients, binaries, api });
  } catch (error) {
    await demolish({ controlPlane, nodes, clients });
    throw error;
  }
}

async function startNodes(nodes: readonly SandboxNode[], api: ApiClient): Promise<void> {
  await Promise.all(nodes.map((node) => node.startKubelet()));
  await Promise.all([
    ...nodes.map(async (node) => {
      // Without its Node kube-proxy waits a whole second before it looks again.
      await waitFor(`Node ${node.name}`, () => exists(api, `/api/v1/nodes/${node.name}`));
      await node.startKubeProxy();
    }),
    waitFor("every Node ready and without taints", () => nodesAreReady(api, nodes.length)),
    waitFor("service account default/default", () =>
      exists(api, "/api/v1/namespaces/default/serviceaccounts/default"),
    ),
  ]);
}

async function createNodes(
  hosts: readonly NodeHost[],
  controlPlane: ControlPlane,
  binaries: KubeBinaries,
  options: SandboxOptions,
): Promise<readonly SandboxNode[]> {
  const { authority } = controlPlane;
  return await Promise.all(
    hosts.map(async (host) => {
      const kubeconfig = join(directory, "pki", `kube-proxy-${host.name}.kubeconfig`);
      const proxyIdentity = await authority.issueClient("system:kube-proxy", [host.name]);
      await writeKubeconfig(kubeconfig, authority.certificate, proxyIdentity);
      return new SandboxNode({
        host,
        hosts,
        kubeProxy: await kubeProxy({
          node: host,
          binary: binaries["kube-proxy"],
          mode: options.proxy ?? "nftables",
          minSyncSeconds: options.proxyMinSyncSeconds,
          kubeconfig,
          configFile: join(directory, `kube-proxy-${host.name}.json`),
          logFile: join(directory, "logs", `kube-proxy-${host.name}.log`),
        }),
        authority: authority.certificate,
        identity: await authority.issueClient(`system:node:${host.name}`, ["system:nodes"]),
        images: options.images ?? new Map(),
        directory,
      });
    }),
  );
}

function openAdminClient(controlPlane: ControlPlane): ApiClient {
  const { cert, key } = controlPlane.admin;
  const ca = controlPlane.authority.certificate;
  return openApiClient({ url: apiServerUrl, ca, clientCert: cert, clientKey: key });
}

/** Kills what stands and removes what it stood on. */
async function demolish({ controlPlane, nodes, clients }: Standing): Promise<void> {
  await Promise.all([
    ...nodes.map((node) => node.kill()),
    ...clients.map((client) => client.stop()),
    controlPlane.kill(),
  ]);
  await clear();
}

async function clear(): Promise<void> {
  await deleteTopology();
  rmSync(directory, { recursive: true });
}

/** Makes the state's folder ours; one that a dead process left is removed with all that it had. */
async function takeDirectory(): Promise<void> {
  const ownerFile = join(directory, "owner");
  if (existsSync(directory)) {
    const owner = readFileSync(ownerFile, "utf8");
    if (existsSync(`/proc/${owner}`)) {
      throw new Error(`process ${owner} has a sandbox in this wrapper already: stop() it first`);
    }
    await clear();
  }
  mkdirSync(directory);
  writeFileSync(ownerFile, String(process.pid));
}

async function nodesAreReady(api: ApiClient, count: number): Promise<boolean> {
  const nodes = await api.get<V1NodeList>("/api/v1/nodes");
  return nodes.items.length === count && nodes.items.every(isReady);
}

function isReady({ spec, status }: V1Node): boolean {
  const ready = status?.conditions?.some((it) => it.type === "Ready" && it.status === "True");
  return ready === true && (spec?.taints ?? []).length === 0;
}

async function exists(api: ApiClient, path: string): Promise<boolean> {
  try {
    await api.get(path);
    return true;
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) {
      return false;
    }
    throw error;
  }
}

async function waitFor(what: string, check: () => Promise<boolean>): Promise<void> {
  const deadline = systemClock.now() + readyTimeoutMs;
  while (!(await check())) {
    if (systemClock.now() > deadline) {
      const logs = join(directory, "logs");
      throw new Error(`waited ${readyTimeoutMs / 1_000} s for ${what}: see ${logs}`);
    }
    await systemClock.sleep(50);
  }
}

/** 1 to `count`. Throws when the plan has no room for that many. */
function indices(count: number, least: number, most: number, what: string): readonly number[] {
  if (!Number.isInteger(count) || count < least || count > most) {
    throw new Error(`a sandbox has ${least} to ${most} ${what}, not ${count}`);
  }
  return Array.from({ length: count }, (_, at) => at + 1);
}
