import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readFileSync } from "node:fs";
import { systemClock } from "../src/runtime/clock.ts";

/**
 * A program of the cluster: a child process that writes to a log file.
 *
 * It dies with this process, whatever happens to it. A component that ends by itself is noticed
 * where its service is next waited for.
 */
export class Component {
  readonly name: string;
  readonly logFile: string;
  readonly #argv: readonly string[];
  #child: ChildProcess | undefined;

  constructor(name: string, logFile: string, argv: readonly string[]) {
    this.name = name;
    this.logFile = logFile;
    this.#argv = argv;
  }

  /** True between {@link start} and the process's end. */
  get running(): boolean {
    return this.#child !== undefined && !ended(this.#child);
  }

  /** Starts the process; does nothing when it runs. Its log is continued. */
  start(): void {
    if (this.running) {
      return;
    }
    const log = openSync(this.logFile, "a");
    const argv = ["--pdeathsig", "KILL", "--", ...this.#argv];
    this.#child = spawn("setpriv", argv, { stdio: ["ignore", log, log] });
    // Seen as an end by `running`; `setpriv` itself is what the wrapper is made with.
    this.#child.on("error", () => {});
    closeSync(log);
  }

  /** Ends the process politely and waits for it; after `graceMs` it is killed. */
  async stop(graceMs = 2_000): Promise<void> {
    this.#signal("SIGTERM");
    const timer = setTimeout(() => this.#signal("SIGKILL"), graceMs);
    await this.#end();
    clearTimeout(timer);
  }

  /** Kills the process and waits until it is gone. */
  async kill(): Promise<void> {
    this.#signal("SIGKILL");
    await this.#end();
  }

  /** Stops the process's execution for a while, as an overloaded or swapping machine does. */
  async pause(ms: number): Promise<void> {
    await this.whileStill(() => systemClock.sleep(ms));
  }

  /** Stops the process's execution until `work` is done. */
  async whileStill(work: () => Promise<void>): Promise<void> {
    this.#signal("SIGSTOP");
    try {
      await work();
    } finally {
      this.#signal("SIGCONT");
    }
  }

  /**
   * Waits until `check` resolves to true, asking every 20 ms. Throws with the end of the log when
   * the process ends first or `timeoutMs` pass.
   */
  async waitUntil(check: () => Promise<boolean>, timeoutMs = 60_000): Promise<void> {
    const deadline = systemClock.now() + timeoutMs;
    while (!(await check())) {
      if (!this.running) {
        throw new Error(`${this.name} ended. The end of ${this.logFile}:\n${this.#logTail()}`);
      }
      if (systemClock.now() > deadline) {
        const waited = `${this.name} is not ready after ${timeoutMs / 1000} s`;
        throw new Error(`${waited}. The end of ${this.logFile}:\n${this.#logTail()}`);
      }
      await systemClock.sleep(20);
    }
  }

  #signal(signal: NodeJS.Signals): void {
    if (this.running) {
      this.#child?.kill(signal);
    }
  }

  async #end(): Promise<void> {
    if (this.#child !== undefined && this.running) {
      await once(this.#child, "exit");
    }
  }

  #logTail(): string {
    return readFileSync(this.logFile, "utf8").split("\n").slice(-20).join("\n");
  }
}

function ended(child: ChildProcess): boolean {
  return child.pid === undefined || child.exitCode !== null || child.signalCode !== null;
}
