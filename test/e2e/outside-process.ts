import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { inNetns } from "../../sandbox/command.ts";

const command = fileURLToPath(new URL("../../dist/steelyard.js", import.meta.url));

/** A process of `steelyard` on a host of the sandbox that no kubelet started. */
export class OutsideProcess {
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;
  /** All that it has written, to stdout and stderr. */
  output = "";

  /** Starts `steelyard` with these arguments in the network of `host`. */
  constructor(host: string, args: readonly string[]) {
    const [program = "", ...rest] = inNetns(host, [process.execPath, command, ...args]);
    this.#child = spawn(program, rest, { stdio: ["ignore", "pipe", "pipe"] });
    this.#ended = once(this.#child, "close");
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.on("data", (chunk: Buffer) => {
        this.output += chunk.toString();
      });
    }
  }

  /** Asks it to end, and resolves to its exit code. */
  async end(): Promise<number | null> {
    this.#child.kill("SIGTERM");
    await this.#ended;
    return this.#child.exitCode;
  }
}
