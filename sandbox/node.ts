import { createWriteStream, readdirSync, statSync, type WriteStream } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { KeyPair } from "../src/runtime/certificate-authority.ts";
import type { NodeHost } from "./addresses.ts";
import { type CommandResult, inNetns, run } from "./command.ts";
import type { Component } from "./component.ts";
import { kubeProxyIsHealthy } from "./kube-proxy.ts";
import { apiServerUrl } from "./kubeconfig.ts";
import { provideContainerEntry } from "./kubelet/container-entry.ts";
import type { Images } from "./kubelet/image.ts";
import { Kubelet } from "./kubelet/kubelet.ts";
import {
  disableInterface,
  disconnectNode,
  enableInterface,
  recreateNode,
  setSwitchPort,
} from "./topology.ts";
import { onlyRootIsMapped } from "./wrapper.ts";

/** What a node needs from the cluster that it belongs to. */
export interface NodeOptions {
  readonly host: NodeHost;
  /** Every node's host, this one's too: it routes to their pods. */
  readonly hosts: readonly NodeHost[];
  readonly kubeProxy: Component;
  /** The authority's certificate, PEM. */
  readonly authority: string;
  /** The client certificate of `system:node:<name>`. */
  readonly identity: KeyPair;
  readonly images: Images;
  /** The sandbox's folder; logs and the node's state go below it. */
  readonly directory: string;
}

/** A Kubernetes node: a host on the LAN with kube-proxy and the kubelet stand-in. */
export class SandboxNode {
  readonly name: string;
  /** The InternalIPs: addresses on the LAN. */
  readonly ip: string;
  readonly ipv6: string;
  readonly mac: string;
  readonly #options: NodeOptions;
  #kubelet: Kubelet | undefined;
  #kubeletLife = Promise.resolve();
  #log: WriteStream | undefined;
  #off = false;
  #unplugged: "switch" | "node" | undefined;

  constructor(options: NodeOptions) {
    this.name = options.host.name;
    this.ip = options.host.ipv4;
    this.ipv6 = options.host.ipv6;
    this.mac = options.host.mac;
    this.#options = options;
  }

  /** Starts the kubelet stand-in, which registers the Node. The API server must be ready. */
  async startKubelet(): Promise<void> {
    const { host, directory, authority, identity, images } = this.#options;
    const stateDir = join(directory, "nodes", host.name);
    await mkdir(stateDir, { recursive: true });
    const logFile = join(directory, "logs", `kubelet-${host.name}.log`);
    const log = createWriteStream(logFile, { flags: "a" });
    this.#log = log;
    const kubelet = new Kubelet({
      node: {
        name: host.name,
        index: host.index,
        netns: host.name,
        internalIPs: [host.ipv4, host.ipv6],
        podCIDRs: host.podNetworks,
      },
      server: {
        url: apiServerUrl,
        ca: authority,
        clientCert: identity.cert,
        clientKey: identity.key,
      },
      images,
      containerEntry: await provideContainerEntry(directory),
      stateDir,
      rootless: onlyRootIsMapped(),
      log: (line) => log.write(`${new Date().toISOString()} ${line}\n`),
    });
    this.#kubelet = kubelet;
    this.#kubeletLife = this.#live(kubelet, logFile);
  }

  /** Starts kube-proxy and waits until it is healthy. The Node object must exist. */
  async startKubeProxy(): Promise<void> {
    const { kubeProxy, host } = this.#options;
    kubeProxy.start();
    await kubeProxy.waitUntil(() => kubeProxyIsHealthy(host));
  }

  /** Kills kube-proxy; the rules that it wrote stay. */
  async killKubeProxy(): Promise<void> {
    await this.#options.kubeProxy.kill();
  }

  /**
   * The power fails: the switch loses both links, then everything on the node is killed. Nobody is
   * told; the API server finds out as it would in life.
   */
  async powerOff(): Promise<void> {
    if (this.#off) {
      return;
    }
    this.#off = true;
    await disconnectNode(this.#options.host);
    await this.kill();
  }

  /** The node is told to go off and does: its Pods end in good order, then its power is cut. */
  async shutDown(): Promise<void> {
    await this.#kubelet?.shutDown();
    await this.powerOff();
  }

  /** Boots the node again, with an empty kernel: resolves once kube-proxy is healthy. */
  async powerOn(): Promise<void> {
    if (!this.#off) {
      return;
    }
    await recreateNode(this.#options.host, this.#options.hosts);
    this.#off = false;
    this.#unplugged = undefined;
    await this.startKubelet();
    await this.startKubeProxy();
  }

  /**
   * Takes the node off the LAN and leaves it the management network, so that the API server hears
   * of nothing. `switch`: the port goes down, the node has no carrier. `node`: the node's own
   * interface is disabled, as by an administrator.
   */
  async unplug(where: "switch" | "node"): Promise<void> {
    if (this.#off || this.#unplugged !== undefined) {
      throw new Error(`${this.name} is ${this.#off ? "powered off" : "unplugged already"}`);
    }
    this.#unplugged = where;
    await (where === "switch"
      ? setSwitchPort(this.#options.host, "down")
      : disableInterface(this.#options.host));
  }

  /** Undoes {@link unplug}. */
  async plug(): Promise<void> {
    const where = this.#unplugged;
    this.#unplugged = undefined;
    if (where === "switch") {
      await setSwitchPort(this.#options.host, "up");
    } else if (where === "node") {
      await enableInterface(this.#options.host, this.#options.hosts);
    }
  }

  /** Runs a command in the node's network namespace. */
  async exec(argv: readonly string[]): Promise<CommandResult> {
    return await run(inNetns(this.name, argv));
  }

  /** The process of a pod that runs here; undefined when none does. */
  podProcess(namespace: string, pod: string): { readonly pid: number } | undefined {
    return this.#kubelet?.podProcess(namespace, pod);
  }

  /** Kills all that runs on the node: pods, kube-proxy, kubelet, and whatever else is in its namespace. */
  async kill(): Promise<void> {
    this.#kubelet?.kill();
    const kubeProxy = this.#options.kubeProxy.kill();
    for (const pid of processesIn(this.name)) {
      killIfThere(pid);
    }
    await Promise.all([kubeProxy, this.#kubeletLife]);
    this.#kubelet = undefined;
    this.#log?.end();
  }

  /** The kubelet's life ends with `kill()`; any other end is a defect, told in its log and on stderr. */
  async #live(kubelet: Kubelet, logFile: string): Promise<void> {
    try {
      await kubelet.run(new AbortController().signal);
    } catch (error) {
      this.#log?.write(`${error instanceof Error ? error.stack : String(error)}\n`);
      process.stderr.write(`the kubelet stand-in of ${this.name} failed, see ${logFile}\n`);
    }
  }
}

/** The processes whose network namespace is the named one. */
function processesIn(netns: string): readonly number[] {
  const { ino } = statSync(`/run/netns/${netns}`);
  return readdirSync("/proc")
    .filter((entry) => /^\d+$/.test(entry))
    .filter((entry) => {
      try {
        return statSync(`/proc/${entry}/ns/net`).ino === ino;
      } catch {
        return false;
      }
    })
    .map(Number);
}

function killIfThere(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It ended by itself in the meantime.
  }
}
