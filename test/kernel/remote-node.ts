import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { ip } from "./lan.ts";
import type { Segment } from "./segment.ts";

const run = promisify(execFile);
const module = fileURLToPath(new URL("remote-node-process.ts", import.meta.url));

let nodes = 0;

/** What a node on a segment needs. */
export interface RemoteNodeOptions {
  readonly segment: Segment;
  readonly mac: string;
  /** Its own addresses on the segment, with prefix lengths. */
  readonly addresses: readonly string[];
  /** Addresses that it serves, whether it announces them or not: what kube-proxy does on every node. */
  readonly serves: readonly string[];
  /** What answers at each of them: a command to which the address is added. */
  readonly server: readonly string[];
  readonly addonPath: string;
}

/** A node in a namespace of its own, with a speaker's parts in a process of their own, and a server. */
export class RemoteNode {
  readonly mac: string;
  readonly #name: string;
  readonly #processes: readonly ChildProcess[];

  private constructor(mac: string, name: string, processes: readonly ChildProcess[]) {
    this.mac = mac;
    this.#name = name;
    this.#processes = processes;
  }

  static async start(options: RemoteNodeOptions): Promise<RemoteNode> {
    const name = `m${process.pid}-${++nodes}`;
    await run("ip", ["netns", "add", name]);
    const inside = async (...argv: readonly string[]): Promise<void> => {
      await run("ip", ["netns", "exec", name, ...argv]);
    };
    const nic = await options.segment.plug(options.mac);
    await ip("link", "set", nic, "netns", name);
    await inside("ip", "link", "set", "lo", "up");
    await inside("ip", "link", "set", nic, "up");
    // Its kernel answers for what is on the interface alone.
    await inside("sh", "-c", "echo 1 > /proc/sys/net/ipv4/conf/all/arp_ignore");
    for (const address of options.addresses) {
      const nodad = address.includes(":") ? ["nodad"] : [];
      await inside("ip", "addr", "add", address, "dev", nic, ...nodad);
    }
    for (const address of options.serves) {
      await inside("ip", "route", "add", "local", address, "dev", "lo");
    }
    const start = (...argv: readonly string[]): ChildProcess =>
      spawn("setpriv", ["--pdeathsig", "KILL", "--", "ip", "netns", "exec", name, ...argv], {
        stdio: ["pipe", "pipe", "inherit"],
      });
    const servers = options.serves.map((address) => start(...options.server, address));
    const node = start(process.execPath, module, options.addonPath);
    await Promise.race([once(node.stdout as NodeJS.ReadableStream, "data"), once(node, "close")]);
    return new RemoteNode(options.mac, name, [node, ...servers]);
  }

  /** It reads that it is to announce the address. */
  assign(address: string): void {
    this.#tell(`assign ${address}`);
  }

  /** It reads that another node is to announce the address, as planned. */
  moveAway(address: string): void {
    this.#tell(`away ${address}`);
  }

  async stop(): Promise<void> {
    for (const child of this.#processes) {
      const ended = once(child, "close");
      child.kill("SIGKILL");
      await ended;
    }
    await run("ip", ["netns", "del", this.#name]);
  }

  #tell(line: string): void {
    this.#processes[0]?.stdin?.write(`${line}\n`);
  }
}
