import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { constants } from "node:os";
import type { V1Container, V1Probe } from "@kubernetes/client-node";
import { systemClock } from "../../src/runtime/clock.ts";
import type { Credentials } from "./credentials.ts";
import { execCommand, startErrorExitCode } from "./launch.ts";
import { apiTime, type ContainerReport, type ContainerState } from "./pod-status.ts";
import { watchProbe } from "./probe.ts";
import type { Prober, ProbeTarget } from "./prober.ts";

/** A container made ready to start. */
export interface PreparedContainer {
  readonly commandLine: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly credentials: Credentials;
}

/** What a container needs from its Pod. */
export interface ContainerHost {
  readonly podUid: string;
  readonly podIP: () => string;
  readonly graceMs: number;
  readonly rootless: boolean;
  readonly logPath: string;
  readonly prober: Prober;
  /** Throws, with what is missing, while the container cannot start. */
  readonly prepare: (container: V1Container) => Promise<PreparedContainer>;
  readonly changed: () => void;
  readonly log: (line: string) => void;
}

const prepareRetryMs = 1_000;
const backoffResetMs = 600_000;
const backoffMaximumMs = 60_000;

/** How long to wait before restart number `restarts`: none, then 1, 2, 4 ... 60 s. */
export function restartDelayMs(restarts: number): number {
  return restarts <= 1 ? 0 : Math.min(backoffMaximumMs, 1_000 * 2 ** (restarts - 2));
}

/** One container of a Pod: its process, and the next one when it ends. */
export class ContainerRunner {
  readonly #container: V1Container;
  readonly #host: ContainerHost;
  #state: ContainerState = { waiting: { reason: "ContainerCreating" } };
  #lastState: ContainerState | undefined;
  #restartCount: number;
  #containerID: string | undefined;
  #started = false;
  #ready = false;
  #child: ChildProcess | undefined;
  #exited: Promise<void> = Promise.resolve();
  #credentials: Credentials | undefined;
  #environment: Readonly<Record<string, string>> = {};

  /** `restartCount`: how often the container was started by an earlier kubelet. */
  constructor(container: V1Container, host: ContainerHost, restartCount: number) {
    this.#container = container;
    this.#host = host;
    this.#restartCount = restartCount;
  }

  /** Process id while the container runs. */
  get pid(): number | undefined {
    return this.#child?.pid;
  }

  report(): ContainerReport {
    return {
      container: this.#container,
      state: this.#state,
      lastState: this.#lastState,
      restartCount: this.#restartCount,
      started: this.#started,
      ready: this.#ready,
      containerID: this.#containerID,
    };
  }

  /** Says why the container cannot start yet. */
  wait(reason: string, message: string): void {
    this.#state = { waiting: { reason, message } };
    this.#host.changed();
  }

  /**
   * Runs the container as often as `restartPolicy` wants. Ends when it is over
   * for good: with true when the last process ended well. `signal` forbids
   * further starts; it does not end the process ({@link stop} does).
   */
  async run(restartPolicy: string, signal: AbortSignal): Promise<boolean> {
    let quickRestarts = 0;
    while (!signal.aborted) {
      const prepared = await this.#prepare(signal);
      if (prepared === undefined || signal.aborted) {
        return false;
      }
      const begun = systemClock.now();
      const exitCode = await this.#runOnce(prepared);
      if (restartPolicy === "Never" || (restartPolicy === "OnFailure" && exitCode === 0)) {
        return exitCode === 0;
      }
      if (signal.aborted) {
        return exitCode === 0;
      }
      quickRestarts = systemClock.now() - begun > backoffResetMs ? 1 : quickRestarts + 1;
      await this.#backOff(restartDelayMs(quickRestarts), signal);
    }
    return false;
  }

  /** Asks the process to end, waits `graceMs`, then kills it. Resolves when it is gone. */
  async stop(graceMs: number): Promise<void> {
    const preStop = this.#container.lifecycle?.preStop;
    const child = this.#child;
    if (child === undefined) {
      return;
    }
    const exited = this.#exited;
    const deadline = systemClock.now() + graceMs;
    if (preStop?.sleep !== undefined) {
      await Promise.race([
        systemClock.sleep(Math.min(graceMs, 1000 * preStop.sleep.seconds)),
        exited,
      ]);
    } else if (preStop !== undefined) {
      await this.#host.prober.try(preStop, this.#target(child), graceMs);
    }
    child.kill("SIGTERM");
    const timer = new AbortController();
    await Promise.race([
      exited,
      systemClock.sleep(Math.max(0, deadline - systemClock.now()), timer.signal),
    ]);
    timer.abort();
    killGroup(child.pid);
    await exited;
  }

  /** Kills the process and its children at once. */
  kill(): void {
    killGroup(this.#child?.pid);
  }

  async #prepare(signal: AbortSignal): Promise<PreparedContainer | undefined> {
    while (!signal.aborted) {
      try {
        return await this.#host.prepare(this.#container);
      } catch (error) {
        this.wait("CreateContainerConfigError", messageOf(error));
        await systemClock.sleep(prepareRetryMs, signal);
      }
    }
    return undefined;
  }

  async #runOnce(prepared: PreparedContainer): Promise<number> {
    const { changed, log, logPath, podUid } = this.#host;
    this.#credentials = prepared.credentials;
    this.#environment = prepared.environment;
    if (this.#containerID !== undefined) {
      this.#restartCount++;
    }
    const containerID = `steelyard-sandbox://${podUid}/${this.#container.name}/${this.#restartCount}`;
    const startedAt = apiTime(systemClock.wallTime());
    const child = startProcess(prepared, logPath);
    const probes = new AbortController();
    const exit = new Promise<{ code: number; signal: number | undefined }>((resolve) => {
      child.on("error", (error) => {
        log(`container ${this.#container.name}: ${error.message}`);
        resolve({ code: startErrorExitCode, signal: undefined });
      });
      child.on("exit", (code, name) => {
        const signal = name === null ? undefined : constants.signals[name];
        resolve({ code: code ?? 128 + (signal ?? 0), signal });
      });
    });
    this.#child = child;
    this.#containerID = containerID;
    this.#state = { running: { startedAt } };
    this.#started = this.#container.startupProbe === undefined;
    this.#ready = this.#started && this.#container.readinessProbe === undefined;
    this.#exited = exit.then(() => undefined);
    this.#watchProbes(child, probes.signal);
    changed();
    const { code, signal } = await exit;
    probes.abort();
    // What the process left behind in its group goes with it, as in a container.
    killGroup(child.pid);
    this.#child = undefined;
    this.#started = false;
    this.#ready = false;
    const reason = code === 0 ? "Completed" : code === startErrorExitCode ? "StartError" : "Error";
    this.#state = {
      terminated: {
        exitCode: code,
        ...(signal === undefined ? {} : { signal }),
        reason,
        startedAt,
        finishedAt: apiTime(systemClock.wallTime()),
        containerID,
      },
    };
    log(`container ${this.#container.name} ended: ${reason}, exit code ${code}; see ${logPath}`);
    changed();
    return code;
  }

  async #backOff(delayMs: number, signal: AbortSignal): Promise<void> {
    this.#lastState = this.#state;
    if (delayMs > 0) {
      const message = `back-off ${delayMs / 1000} s restarting container ${this.#container.name}`;
      this.wait("CrashLoopBackOff", message);
      await systemClock.sleep(delayMs, signal);
    }
  }

  #watchProbes(child: ChildProcess, signal: AbortSignal): void {
    const { startupProbe } = this.#container;
    if (startupProbe === undefined) {
      this.#watchRunningProbes(child, signal);
      return;
    }
    this.#watch(child, startupProbe, signal, (healthy, reason) => {
      if (!healthy) {
        this.#killUnhealthy(child, "startup", startupProbe, reason);
      } else if (!this.#started) {
        this.#started = true;
        this.#ready = this.#container.readinessProbe === undefined;
        this.#host.changed();
        this.#watchRunningProbes(child, signal);
      }
    });
  }

  #watchRunningProbes(child: ChildProcess, signal: AbortSignal): void {
    const { readinessProbe, livenessProbe } = this.#container;
    if (readinessProbe !== undefined) {
      this.#watch(child, readinessProbe, signal, (healthy, reason) => {
        this.#ready = healthy;
        if (!healthy) {
          this.#host.log(`container ${this.#container.name} is not ready: ${reason}`);
        }
        this.#host.changed();
      });
    }
    if (livenessProbe !== undefined) {
      this.#watch(child, livenessProbe, signal, (healthy, reason) => {
        if (!healthy) {
          this.#killUnhealthy(child, "liveness", livenessProbe, reason);
        }
      });
    }
  }

  #watch(
    child: ChildProcess,
    probe: V1Probe,
    signal: AbortSignal,
    report: (healthy: boolean, reason: string) => void,
  ): void {
    const target = this.#target(child);
    // A startup probe has done its work with its first success.
    const once = new AbortController();
    void watchProbe(
      probe,
      (wanted, timeoutMs) => this.#host.prober.try(wanted, target, timeoutMs),
      (healthy, reason) => {
        if (probe === this.#container.startupProbe) {
          once.abort();
        }
        report(healthy, reason);
      },
      AbortSignal.any([signal, once.signal]),
    );
  }

  #killUnhealthy(child: ChildProcess, kind: string, probe: V1Probe, reason: string): void {
    this.#host.log(`container ${this.#container.name} fails its ${kind} probe: ${reason}`);
    const grace = probe.terminationGracePeriodSeconds;
    if (this.#child === child) {
      void this.stop(grace === undefined ? this.#host.graceMs : 1000 * grace);
    }
  }

  #target(child: ChildProcess): ProbeTarget {
    return {
      podIP: this.#host.podIP(),
      container: this.#container,
      exec: (command) => {
        const credentials = this.#credentials;
        if (child.pid === undefined || credentials === undefined) {
          throw new Error("A probe needs a process");
        }
        const line = execCommand(child.pid, credentials, this.#host.rootless, command);
        const [program = "", ...args] = line;
        return spawn(program, args, { stdio: "ignore", env: this.#environment });
      },
    };
  }
}

function startProcess(prepared: PreparedContainer, logPath: string): ChildProcess {
  const output = openSync(logPath, "a", 0o600);
  try {
    const [program = "", ...args] = prepared.commandLine;
    return spawn(program, args, {
      // A session of its own: its process group is what is killed.
      detached: true,
      stdio: ["ignore", output, output],
      env: prepared.environment,
    });
  } finally {
    closeSync(output);
  }
}

function killGroup(leader: number | undefined): void {
  if (leader !== undefined) {
    try {
      process.kill(-leader, "SIGKILL");
    } catch {
      // Nobody is left in the group.
    }
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
