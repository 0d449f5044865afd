import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { V1Container, V1LifecycleHandler, V1Probe } from "@kubernetes/client-node";

/** One HTTP (with `http`) or TCP probe. */
export interface ProbeQuestion {
  readonly id: number;
  readonly host: string;
  readonly port: number;
  readonly timeoutMs: number;
  readonly http?: {
    readonly scheme: string;
    readonly path: string;
    readonly headers: Readonly<Record<string, string>>;
  };
}

/** Without `failure` the probe succeeded. */
export interface ProbeAnswer {
  readonly id: number;
  readonly failure?: string;
}

/** What is probed: a running container. */
export interface ProbeTarget {
  readonly podIP: string;
  readonly container: V1Container;
  /** Starts a command in the container's namespaces, as its user. */
  readonly exec: (command: readonly string[]) => ChildProcess;
}

/**
 * Tries probes from the network namespace of a node, where the kubelet stands.
 * One small child process for all HTTP and TCP probes, started with the first
 * one; `exec` probes are processes of their own.
 */
export class Prober {
  readonly #netns: string;
  readonly #waiting = new Map<number, (failure: string | undefined) => void>();
  #child: ChildProcess | undefined;
  #nextId = 1;
  #ended = false;

  constructor(netns: string) {
    this.#netns = netns;
  }

  /** Tries once: `undefined` when it succeeds, else why not. Never rejects. */
  try(
    probe: V1Probe | V1LifecycleHandler,
    target: ProbeTarget,
    timeoutMs: number,
  ): Promise<string | undefined> {
    const { exec, httpGet, tcpSocket } = probe;
    if (exec !== undefined) {
      return tryExec(target.exec(exec.command ?? []), timeoutMs);
    }
    const action = httpGet ?? tcpSocket;
    const port = action === undefined ? undefined : portNumber(action.port, target.container);
    if (action === undefined || port === undefined) {
      return Promise.resolve("the sandbox has httpGet, tcpSocket and exec probes, on known ports");
    }
    const host = action.host ?? target.podIP;
    if (httpGet === undefined) {
      return this.#ask({ host, port, timeoutMs });
    }
    const headers = (httpGet.httpHeaders ?? []).map(({ name, value }) => [name, value]);
    return this.#ask({
      host,
      port,
      timeoutMs,
      http: {
        scheme: httpGet.scheme ?? "HTTP",
        path: httpGet.path ?? "/",
        headers: Object.fromEntries(headers) as Record<string, string>,
      },
    });
  }

  /** Ends the child at once. Later probes fail. */
  kill(): void {
    this.#ended = true;
    this.#child?.kill("SIGKILL");
  }

  #ask(question: Omit<ProbeQuestion, "id">): Promise<string | undefined> {
    if (this.#ended) {
      return Promise.resolve("the node is off");
    }
    const id = this.#nextId++;
    this.#child ??= this.#start();
    this.#child.stdin?.write(`${JSON.stringify({ id, ...question })}\n`);
    return new Promise((resolve) => this.#waiting.set(id, resolve));
  }

  #start(): ChildProcess {
    const script = fileURLToPath(new URL("./probe-child.ts", import.meta.url));
    const child = spawn(
      "nsenter",
      [
        `--net=/run/netns/${this.#netns}`,
        "setpriv",
        "--pdeathsig",
        "KILL",
        process.execPath,
        "--max-semi-space-size=1",
        script,
      ],
      { stdio: ["pipe", "pipe", "inherit"] },
    );
    child.stdin?.on("error", () => undefined);
    if (child.stdout !== null) {
      createInterface({ input: child.stdout }).on("line", (line) => {
        const { id, failure } = JSON.parse(line) as ProbeAnswer;
        this.#waiting.get(id)?.(failure);
        this.#waiting.delete(id);
      });
    }
    const ended = (): void => {
      this.#child = undefined;
      for (const resolve of this.#waiting.values()) {
        resolve("the prober ended");
      }
      this.#waiting.clear();
    };
    child.on("error", ended);
    child.on("exit", ended);
    return child;
  }
}

function portNumber(port: number | string | object, container: V1Container): number | undefined {
  if (typeof port === "number") {
    return port;
  }
  return container.ports?.find(({ name }) => name === port)?.containerPort;
}

/** What a probe prints is kept up to this length, as by a kubelet. */
const outputMax = 10_240;

/** Waits for `child` and kills it after `timeoutMs`; the code 0 is success, else its words tell why. */
function tryExec(child: ChildProcess, timeoutMs: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding("utf8").on("data", (text: string) => {
        output = (output + text).slice(0, outputMax);
      });
    }
    const timer = setTimeout(() => {
      child.kill("SIGKILL");
      resolve(`no end after ${timeoutMs} ms`);
    }, timeoutMs);
    const end = (failure: string | undefined): void => {
      clearTimeout(timer);
      resolve(failure);
    };
    child.on("error", (error) => end(error.message));
    child.on("close", (code) =>
      end(code === 0 ? undefined : `exit code ${code}: ${output.trim()}`),
    );
  });
}
