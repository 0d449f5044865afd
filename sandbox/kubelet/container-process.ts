import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { constants } from "node:os";
import { startErrorExitCode } from "./launch.ts";

/** How a container's process ended; the code of one that a signal ended is 128 + the signal. */
export interface ContainerExit {
  readonly code: number;
  readonly signal: number | undefined;
}

/** A container's process, from the first step of its set-up on; the pid stays the same. */
export interface ContainerProcess {
  readonly pid: number | undefined;
  /** Becomes true when mounts and namespaces stand and the command starts; false when they failed. */
  readonly begun: Promise<boolean>;
  readonly exit: Promise<ContainerExit>;
  /** Sends SIGTERM to the process, not to its children. */
  terminate(): void;
  /** Kills the process and its children at once. */
  kill(): void;
}

/** Starts a command line of `launchCommand`, with its output appended to the file at `logPath`. */
export function startContainer(
  commandLine: readonly string[],
  environment: Readonly<Record<string, string>>,
  logPath: string,
): ContainerProcess {
  const child = spawnLogged(commandLine, environment, logPath);
  const exit = new Promise<ContainerExit>((resolve) => {
    child.on("error", () => resolve({ code: startErrorExitCode, signal: undefined }));
    child.on("exit", (code, name) => {
      const signal = name === null ? undefined : constants.signals[name];
      resolve({ code: code ?? 128 + (signal ?? 0), signal });
    });
  });
  const begun = new Promise<boolean>((resolve) => {
    const pipe = child.stdio[3];
    pipe?.once("data", () => resolve(true));
    // After the word, if there was one, however soon the process ended.
    pipe?.once("close", () => resolve(false));
    child.on("error", () => resolve(false));
  });
  const kill = (): void => killGroup(child.pid);
  // What the process leaves behind in its group goes with it, as in a container.
  child.on("exit", kill);
  return { pid: child.pid, begun, exit, terminate: () => child.kill("SIGTERM"), kill };
}

function spawnLogged(
  commandLine: readonly string[],
  environment: Readonly<Record<string, string>>,
  logPath: string,
): ChildProcess {
  const output = openSync(logPath, "a", 0o600);
  try {
    const [program = "", ...args] = commandLine;
    return spawn(program, args, {
      // A session of its own: its process group is what is killed.
      detached: true,
      stdio: ["ignore", output, output, "pipe"],
      env: environment,
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
