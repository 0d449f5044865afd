import { spawn } from "node:child_process";
import type { V1Container, V1Probe } from "@kubernetes/client-node";
import { systemClock } from "../../src/runtime/clock.ts";
import { type ContainerExit, type ContainerProcess, startContainer } from "./container-process.ts";
import { apiTime, type ContainerReport, type ContainerState } from "./pod-status.ts";
import { watchProbe } from "./probe.ts";
import type { Prober, ProbeTarget } from "./prober.ts";

/** A container made ready to start. */
export interface PreparedContainer {
  readonly commandLine: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** The command line that runs a command beside the container's process `pid`. */
  readonly execLine: (pid: number, command: readonly string[]) => readonly string[];
}

/** What a container needs from its Pod. */
export interface ContainerHost {
  readonly podUid: string;
  readonly podIP: () => string;
  readonly graceMs: number;
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
  #process: ContainerProcess | undefined;
  #prepared: PreparedContainer | undefined;

  /** `restartCount`: how often the container was started by an earlier kubelet. */
  constructor(container: V1Container, host: ContainerHost, restartCount: number) {
    this.#container = container;
    this.#host = host;
    this.#restartCount = restartCount;
  }

  /** Process id while the container runs. */
  get pid(): number | undefined {
    return "running" in this.#state ? this.#process?.pid : undefined;
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
    const running = this.#process;
    if (running === undefined) {
      return;
    }
    const exited = running.exit;
    const deadline = systemClock.now() + graceMs;
    if (preStop?.sleep !== undefined) {
      await Promise.race([
        systemClock.sleep(Math.min(graceMs, 1000 * preStop.sleep.seconds)),
        exited,
      ]);
    } else if (preStop !== undefined) {
      await this.#host.prober.try(preStop, this.#target(running), graceMs);
    }
    running.terminate();
    const timer = new AbortController();
    await Promise.race([
      exited,
      systemClock.sleep(Math.max(0, deadline - systemClock.now()), timer.signal),
    ]);
    timer.abort();
    running.kill();
    await exited;
  }

  /** Kills the process and its children at once. */
  kill(): void {
    this.#process?.kill();
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
    const { podUid, logPath } = this.#host;
    if (this.#containerID !== undefined) {
      this.#restartCount++;
    }
    const { name } = this.#container;
    this.#containerID = `steelyard-sandbox://${podUid}/${name}/${this.#restartCount}`;
    this.#prepared = prepared;
    const startedAt = apiTime(systemClock.wallTime());
    const started = startContainer(prepared.commandLine, prepared.environment, logPath);
    this.#process = started;
    const probes = new AbortController();
    const hasBegun = await started.begun;
    if (hasBegun) {
      this.#state = { running: { startedAt } };
      this.#started = this.#container.startupProbe === undefined;
      this.#ready = this.#started && this.#container.readinessProbe === undefined;
      this.#watchProbes(started, probes.signal);
      this.#host.changed();
    }
    const exit = await started.exit;
    probes.abort();
    this.#process = undefined;
    this.#end(exit, startedAt, hasBegun);
    return exit.code;
  }

  #end({ code, signal }: ContainerExit, startedAt: string, hadBegun: boolean): void {
    const { changed, log, logPath } = this.#host;
    const reason = !hadBegun ? "StartError" : code === 0 ? "Completed" : "Error";
    this.#started = false;
    this.#ready = false;
    this.#state = {
      terminated: {
        exitCode: code,
        ...(signal === undefined ? {} : { signal }),
        reason,
        startedAt,
        finishedAt: apiTime(systemClock.wallTime()),
        containerID: this.#containerID ?? "",
      },
    };
    log(`container ${this.#container.name} ended: ${reason}, exit code ${code}; see ${logPath}`);
    changed();
  }

  async #backOff(delayMs: number, signal: AbortSignal): Promise<void> {
    this.#lastState = this.#state;
    if (delayMs > 0) {
      const message = `back-off ${delayMs / 1000} s restarting container ${this.#container.name}`;
      this.wait("CrashLoopBackOff", message);
      await systemClock.sleep(delayMs, signal);
    }
  }

  #watchProbes(running: ContainerProcess, signal: AbortSignal): void {
    const { startupProbe } = this.#container;
    if (startupProbe === undefined) {
      this.#watchRunningProbes(running, signal);
      return;
    }
    this.#watch(running, startupProbe, signal, (healthy, reason) => {
      if (!healthy) {
        this.#killUnhealthy(running, "startup", startupProbe, reason);
      } else if (!this.#started) {
        this.#started = true;
        this.#ready = this.#container.readinessProbe === undefined;
        this.#host.changed();
        this.#watchRunningProbes(running, signal);
      }
    });
  }

  #watchRunningProbes(running: ContainerProcess, signal: AbortSignal): void {
    const { readinessProbe, livenessProbe } = this.#container;
    if (readinessProbe !== undefined) {
      this.#watch(running, readinessProbe, signal, (healthy, reason) => {
        this.#ready = healthy;
        if (!healthy) {
          this.#host.log(`container ${this.#container.name} is not ready: ${reason}`);
        }
        this.#host.changed();
      });
    }
    if (livenessProbe !== undefined) {
      this.#watch(running, livenessProbe, signal, (healthy, reason) => {
        if (!healthy) {
          this.#killUnhealthy(running, "liveness", livenessProbe, reason);
        }
      });
    }
  }

  #watch(
    running: ContainerProcess,
    probe: V1Probe,
    signal: AbortSignal,
    report: (healthy: boolean, reason: string) => void,
  ): void {
    const target = this.#target(running);
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

  #killUnhealthy(running: ContainerProcess, kind: string, probe: V1Probe, reason: string): void {
    this.#host.log(`container ${this.#container.name} fails its ${kind} probe: ${reason}`);
    const grace = probe.terminationGracePeriodSeconds;
    if (this.#process === running) {
      void this.stop(grace === undefined ? this.#host.graceMs : 1000 * grace);
    }
  }

  #target(running: ContainerProcess): ProbeTarget {
    return {
      podIP: this.#host.podIP(),
      container: this.#container,
      exec: (command) => {
        const prepared = this.#prepared;
        if (running.pid === undefined || prepared === undefined) {
          throw new Error("A probe needs a process");
        }
        const [program = "", ...args] = prepared.execLine(running.pid, command);
        return spawn(program, args, {
          stdio: ["ignore", "pipe", "pipe"],
          env: prepared.environment,
        });
      },
    };
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
