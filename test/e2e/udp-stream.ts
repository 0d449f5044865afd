import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { compile } from "../../build/native.ts";
import type { LanClient } from "../../sandbox/client.ts";
import { inNetns } from "../../sandbox/command.ts";

let program = "";

/** What became of the datagrams. */
export interface StreamLoss {
  readonly sent: number;
  readonly lost: number;
  /** The most that were lost in a row. */
  readonly longestGap: number;
}

/** Makes the program in `folder`, and returns the command that sends every datagram at `port` back. */
export async function udpEcho(port: number, folder: string): Promise<readonly string[]> {
  program = join(folder, "udp-stream");
  await compile(["-O2", "-o", program, new URL("udp-stream.c", import.meta.url).pathname]);
  return [program, "serve", String(port)];
}

/** Numbered datagrams from a client to an address, at a steady rate, each of which should come back. */
export class UdpStream {
  readonly #child: ChildProcess;
  #said = "";

  private constructor(child: ChildProcess) {
    this.#child = child;
    child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      this.#said += text;
    });
  }

  /** Resolves once the first datagram has come back. {@link udpEcho} has made the program. */
  static async start(
    client: Pick<LanClient, "name">,
    address: string,
    port: number,
    perSecond: number,
  ): Promise<UdpStream> {
    const send = [program, "send", address, String(port), String(perSecond)];
    const argv = ["--pdeathsig", "KILL", "--", ...inNetns(client.name, send)];
    const child = spawn("setpriv", argv, { stdio: ["pipe", "pipe", "pipe"] });
    const stream = new UdpStream(child);
    await Promise.race([once(child.stderr, "data"), once(child, "close")]);
    if (child.exitCode !== null) {
      throw new Error(`udp-stream to ${address} ended with ${child.exitCode}`);
    }
    return stream;
  }

  /** Ends it, waits for what is still on its way, and tells. */
  async stop(): Promise<StreamLoss> {
    const ended = once(this.#child, "close");
    this.#child.stdin?.end();
    await ended;
    const [sent = 0, received = 0, longestGap = 0] = this.#said.trim().split(" ").map(Number);
    return { sent, lost: sent - received, longestGap };
  }
}
