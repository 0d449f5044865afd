import { type ChildProcess, execFile, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll } from "vitest";
import { compile } from "../../build/native.ts";
import { inNetns } from "./in-netns.ts";

const run = promisify(execFile);

/** The peer's addresses on every LAN; this side's veth has whatever hardware address the test gives it. */
export const peerAddress = "192.0.2.251";
export const peerAddress6 = "2001:db8:0:2::251";
export const peerMac = "02:00:00:00:00:51";
export const nodeMac = "02:00:00:00:00:01";

let prepared: Promise<Tools> | undefined;
let lans = 0;

// The runner ends its workers without an "exit" of theirs: what a file made is removed with its tests.
const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) {
    rmSync(folder, { recursive: true, force: true });
  }
});

/**
 * Two hosts on a wire: this process's network namespace, where `nodeInterface`
 * is, and a namespace `peer` with `eth0`, where programs run that we did not
 * write.
 */
export class Lan {
  readonly nodeInterface: string;
  readonly peer: string;
  readonly #tools: Tools;

  private constructor(number: number, tools: Tools) {
    this.nodeInterface = `n${process.pid}-${number}`;
    this.peer = `p${process.pid}-${number}`;
    this.#tools = tools;
  }

  /** Makes sure that namespaces can be made here. Throws with the remedy where they cannot. */
  static async prepare(): Promise<void> {
    prepared ??= prepare();
    await prepared;
  }

  /** Makes the namespace and the wire. Throws as {@link prepare} does. */
  static async create(): Promise<Lan> {
    prepared ??= prepare();
    const lan = new Lan(++lans, await prepared);
    await run("ip", ["netns", "add", lan.peer]);
    await lan.addNodeInterface();
    return lan;
  }

  /** Adds the wire, or adds it again after it was deleted. */
  async addNodeInterface(mac: string = nodeMac): Promise<void> {
    const peerEnd = ["peer", "name", "eth0", "address", peerMac, "netns", this.peer];
    await ip("link", "add", this.nodeInterface, "address", mac, "type", "veth", ...peerEnd);
    await ip("link", "set", this.nodeInterface, "up");
    await this.inPeer("ip", "addr", "add", `${peerAddress}/24`, "dev", "eth0");
    await this.inPeer("ip", "addr", "add", `${peerAddress6}/64`, "dev", "eth0", "nodad");
    await this.inPeer("ip", "link", "set", "eth0", "up");
  }

  /** Runs a program at the peer and returns what it printed. Rejects when it fails. */
  async inPeer(program: string, ...args: readonly string[]): Promise<string> {
    return await inNetns(this.peer, program, ...args);
  }

  /** Starts a program at the peer. */
  startInPeer(program: string, ...args: readonly string[]): ChildProcess {
    return spawn("ip", ["netns", "exec", this.peer, program, ...args], {
      stdio: ["ignore", "ignore", "pipe"],
    });
  }

  /** Sends raw frames, given in hex, from the peer's interface. */
  async send(...frames: readonly string[]): Promise<void> {
    await this.inPeer(this.#tools.sendFrame, "eth0", ...frames);
  }

  /** Sends raw frames, given in hex, from the node's interface, as another program there might. */
  async sendFromNode(...frames: readonly string[]): Promise<void> {
    await run(this.#tools.sendFrame, [this.nodeInterface, ...frames]);
  }

  /** Captures the ARP frames, or the ICMPv6 ones, that reach the peer while `action` runs. */
  async capture(
    action: () => Promise<void>,
    protocol: "arp" | "icmpv6" = "arp",
  ): Promise<readonly CapturedFrame[]> {
    const all = await this.captureBothWays(action, protocol);
    return all.filter(({ leaves }) => !leaves);
  }

  /** As {@link capture}, with the frames that the peer sends. */
  async captureBothWays(
    action: () => Promise<void>,
    protocol: "arp" | "icmpv6",
  ): Promise<readonly CapturedFrame[]> {
    const argv = ["netns", "exec", this.peer, this.#tools.captureFrames, "eth0", protocol];
    const capture = spawn("ip", argv);
    let seen = "";
    capture.stdout.on("data", (data: Buffer) => {
      seen += data.toString();
    });
    const ended = once(capture, "close");
    try {
      await Promise.race([once(capture.stderr, "data"), ended]);
      await action();
    } finally {
      capture.stdin.end();
      await ended;
    }
    return seen.split("\n").filter(Boolean).map(toCapturedFrame);
  }

  /** Returns the hardware address and the state that the peer's kernel has for `address`. */
  async neighbor(address: string): Promise<{ mac: string | undefined; state: string }> {
    const text = (await this.inPeer("ip", "neigh", "show", address, "dev", "eth0")).trim();
    return { mac: /lladdr (\S+)/.exec(text)?.[1], state: text.split(" ").at(-1) ?? "" };
  }

  /** Removes the namespace, and the wire with it. */
  async remove(): Promise<void> {
    await run("ip", ["netns", "del", this.peer]);
    await ip("link", "del", this.nodeInterface).catch(() => undefined);
  }
}

/** A frame as the peer saw it, in hex, and who sent it. */
export interface CapturedFrame {
  readonly hex: string;
  readonly source: string;
  /** By the monotonic clock, in milliseconds. */
  readonly timeMs: number;
  /** Sent by the peer itself. */
  readonly leaves: boolean;
}

/** Runs `ip` on this side. */
export async function ip(...args: readonly string[]): Promise<void> {
  await run("ip", args);
}

/** `ip netns` keeps names in a folder that others on this machine may use; from now on it is ours alone. */
function hideOtherNamespaces(): void {
  const mounted = readFileSync("/proc/self/mounts", "utf8").includes("steelyard-kernel /run/netns");
  if (!mounted) {
    const script =
      "{ mkdir -p /run/netns 2>&- || { mount -t tmpfs run /run && mkdir /run/netns; }; } && " +
      "mount -t tmpfs steelyard-kernel /run/netns";
    execFileSync("sh", ["-c", script]);
  }
}

/** Our two small programs, compiled. */
interface Tools {
  readonly sendFrame: string;
  readonly captureFrames: string;
}

/** Checks that nothing here can reach a real network and that all programs are there. */
async function prepare(): Promise<Tools> {
  const foreign = Object.keys(networkInterfaces()).filter(
    (name) => name !== "lo" && !/^n\d+-\d+/.test(name),
  );
  if (foreign.length > 0) {
    throw new Error(
      `Kernel tests need network namespaces of their own, but there is ${foreign.join(", ")}. ` +
        "Run them inside: unshare -mnpf --mount-proc (as root; else add --map-root-user)",
    );
  }
  for (const program of ["ip", "arping", "ndisc6", "ping", "setpriv"]) {
    needProgram(program);
  }
  hideOtherNamespaces();
  const folder = mkdtempSync(join(tmpdir(), "steelyard-kernel-"));
  folders.push(folder);
  return {
    sendFrame: await compileTool(folder, "send-frame"),
    captureFrames: await compileTool(folder, "capture-frames"),
  };
}

async function compileTool(folder: string, name: string): Promise<string> {
  const output = join(folder, name);
  await compile(["-O1", "-o", output, new URL(`${name}.c`, import.meta.url).pathname]);
  return output;
}

function needProgram(program: string): void {
  try {
    execFileSync("sh", ["-c", `command -v ${program}`]);
  } catch (error) {
    const packages = "iproute2 arping ndisc6 iputils-ping util-linux";
    throw new Error(`"${program}" is missing. Install: apt-get install ${packages}`, {
      cause: error,
    });
  }
}

function toCapturedFrame(line: string): CapturedFrame {
  const [direction, time, hex = ""] = line.split(" ");
  const source = hex.slice(12, 24).match(/../g)?.join(":") ?? "";
  return { hex, source, timeMs: Number(time), leaves: direction === ">" };
}
