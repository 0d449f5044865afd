import { type ChildProcess, execFile, execFileSync, spawn } from "node:child_process";
import { promisify } from "node:util";
import { ip, peerAddress, peerAddress6, peerMac } from "./lan.ts";

const run = promisify(execFile);

let segments = 0;

/**
 * An Ethernet segment with room for several interfaces of this node: a namespace with a bridge,
 * `lan`, on which a host lives at {@link peerAddress} with programs that we did not write.
 */
export class Segment {
  /** The namespace. */
  readonly name = `s${process.pid}-${++segments}`;
  #plugs = 0;

  private constructor() {}

  static async create(): Promise<Segment> {
    const segment = new Segment();
    await run("ip", ["netns", "add", segment.name]);
    await segment.run("ip", "link", "add", "lan", "address", peerMac, "type", "bridge");
    await segment.run("ip", "addr", "add", `${peerAddress}/24`, "dev", "lan");
    await segment.run("ip", "addr", "add", `${peerAddress6}/64`, "dev", "lan", "nodad");
    await segment.run("ip", "link", "set", "lan", "up");
    // Other hosts' plugs stay in: the switch does not lose its own carrier with one of ours.
    await segment.run("ip", "link", "add", "other", "type", "veth", "peer", "name", "another");
    await segment.run("ip", "link", "set", "another", "up");
    await segment.run("ip", "link", "set", "other", "master", "lan", "up");
    return segment;
  }

  /** Plugs an interface of the node in; it is up. Returns its name. */
  async plug(mac: string, name = `n${process.pid}-${segments}${++this.#plugs}`): Promise<string> {
    const plug = ["peer", "name", name, "netns", this.name];
    await ip("link", "add", name, "address", mac, "type", "veth", ...plug);
    await this.run("ip", "link", "set", name, "master", "lan", "up");
    await ip("link", "set", name, "up");
    return name;
  }

  /** Pulls the plug of that interface: it is up and has no carrier. */
  async pull(name: string): Promise<void> {
    await this.run("ip", "link", "set", name, "down");
  }

  /** Plugs it in again. */
  async push(name: string): Promise<void> {
    await this.run("ip", "link", "set", name, "up");
  }

  /** Pulls and plugs it while this process stands still, so that it sees neither happen. */
  flapUnseen(name: string): void {
    const flap = `ip link set ${name} down; ip link set ${name} up`;
    execFileSync("ip", ["netns", "exec", this.name, "sh", "-c", flap]);
  }

  /** Runs a program at the host and returns what it printed. Rejects when it fails. */
  async run(program: string, ...args: readonly string[]): Promise<string> {
    const { stdout } = await run("ip", ["netns", "exec", this.name, program, ...args]);
    return stdout;
  }

  /** Starts a program at the host. */
  start(program: string, ...args: readonly string[]): ChildProcess {
    return spawn("ip", ["netns", "exec", this.name, program, ...args], {
      stdio: ["ignore", "pipe", "inherit"],
    });
  }

  /** The hardware addresses that answer a few ARP requests for `address`, each once. */
  async macsOf(address: string): Promise<readonly string[]> {
    const said = await this.run("sh", "-c", `arping -c 3 -W 0.05 -w 1 -i lan ${address} || true`);
    return [...new Set([...said.matchAll(/from (\S+)/g)].map(([, mac]) => mac ?? ""))].sort();
  }

  /** The hardware addresses that answer a few questions of the host for `address`, IPv4 or IPv6, joined. */
  async answererOf(address: string): Promise<string> {
    if (!address.includes(":")) {
      return (await this.macsOf(address)).join();
    }
    const ask = `ndisc6 -n -m -q -r 3 -w 50 ${address} lan || true`;
    const said = await this.run("sh", "-c", ask);
    return [...new Set(said.toLowerCase().match(/[0-9a-f]{2}(:[0-9a-f]{2}){5}/g) ?? [])].join();
  }

  /** The host takes this hardware address for the address of another, and has just heard from it. */
  async believe(address: string, mac: string): Promise<void> {
    const known = ["lladdr", mac, "nud", "reachable", "dev", "lan"];
    await this.run("ip", "neigh", "replace", address, ...known);
  }

  /** The hardware address that the host has for `address`. */
  async believed(address: string): Promise<string | undefined> {
    const text = await this.run("ip", "neigh", "show", address, "dev", "lan");
    return /lladdr (\S+)/.exec(text)?.[1];
  }

  /** Removes the namespace, and with it every plug. */
  async remove(): Promise<void> {
    await run("ip", ["netns", "del", this.name]);
  }
}
