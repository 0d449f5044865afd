import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { Host } from "./addresses.ts";
import { type CommandResult, inNetns, run } from "./command.ts";
import type { ProbeAnswer, ProbeRequest } from "./http-prober.ts";

/** The outcome of one HTTP GET. */
export interface HttpOutcome {
  /** A whole answer came, with a status of 200 to 299. */
  readonly ok: boolean;
  /** 0 when no answer came. */
  readonly status: number;
  readonly body: string;
  /** From the first packet to the last byte, or to the failure. */
  readonly ms: number;
  /** Why no answer came. */
  readonly error?: string;
}

const defaultTimeoutMs = 2_000;

/** A host on the LAN that is no node: what a user's computer or a router is. */
export class LanClient {
  readonly name: string;
  readonly ip: string;
  readonly ipv6: string;
  readonly mac: string;
  readonly #waiting = new Map<number, (answer: ProbeAnswer) => void>();
  #prober: ChildProcess | undefined;
  #requests = 0;

  constructor(host: Host) {
    this.name = host.name;
    this.ip = host.ipv4;
    this.ipv6 = host.ipv6;
    this.mac = host.mac;
  }

  /**
   * GETs a URL over a TCP connection of its own from this host's namespace. Requests made at the
   * same time do not wait for each other. A failure is a value.
   */
  async curl(url: string, options: { readonly timeoutMs?: number } = {}): Promise<HttpOutcome> {
    const prober = this.#startProber();
    this.#requests += 1;
    const id = this.#requests;
    const request: ProbeRequest = { id, url, timeoutMs: options.timeoutMs ?? defaultTimeoutMs };
    const answer = await new Promise<ProbeAnswer>((resolve) => {
      this.#waiting.set(id, resolve);
      prober.stdin?.write(`${JSON.stringify(request)}\n`);
    });
    const { status = 0, body = "", ms, error } = answer;
    const ok = error === undefined && status >= 200 && status < 300;
    return { ok, status, body, ms, ...(error === undefined ? {} : { error }) };
  }

  /** Runs a command in this host's namespace. */
  async exec(argv: readonly string[]): Promise<CommandResult> {
    return await run(inNetns(this.name, argv));
  }

  /** Ends the host's processes; requests under way fail. */
  async stop(): Promise<void> {
    const prober = this.#prober;
    if (prober !== undefined) {
      prober.kill("SIGKILL");
      await once(prober, "close");
    }
  }

  #startProber(): ChildProcess {
    if (this.#prober !== undefined) {
      return this.#prober;
    }
    const script = fileURLToPath(new URL("./http-prober.ts", import.meta.url));
    const argv = inNetns(this.name, [process.execPath, script]);
    const prober = spawn("setpriv", ["--pdeathsig", "KILL", "--", ...argv], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    this.#prober = prober;
    createInterface({ input: prober.stdout }).on("line", (line) => {
      const answer: ProbeAnswer = JSON.parse(line);
      this.#answer(answer);
    });
    prober.stdin.on("error", () => {});
    prober.once("close", () => {
      this.#prober = undefined;
      for (const id of [...this.#waiting.keys()]) {
        this.#answer({ id, ms: 0, error: `the process that asks for ${this.name} ended` });
      }
    });
    return prober;
  }

  #answer(answer: ProbeAnswer): void {
    this.#waiting.get(answer.id)?.(answer);
    this.#waiting.delete(answer.id);
  }
}
