import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync, readlinkSync } from "node:fs";
import { constants } from "node:os";
import { systemClock } from "../src/runtime/clock.ts";

/** The environment variable that carries the wrapper's pid namespace to everything inside. */
const marker = "STEELYARD_SANDBOX";

/** How long a command has to end by itself after Ctrl-C before its namespaces are killed. */
const graceMs = 5_000;

/**
 * What pid 1 of the wrapper does: private mounts for state, loopback, then the command itself.
 *
 * Descriptor 3 is one end of a socket whose other end only the outer process holds. When that
 * one is gone, however it went, everything here is killed and with pid 1 the namespaces go. The
 * command stays in the foreground, so that the shell reaps orphans and Ctrl-C reaches the command.
 */
const firstProcess = `
${marker}=$(readlink /proc/self/ns/pid) && export ${marker} || exit 1
{ read -r _; kill -KILL -1; } <&3 3<&- &
mount -t tmpfs -o mode=0755 steelyard /run && mkdir /run/netns /run/lock && ip link set lo up || exit 1
"$@" 3<&-
exit $?`;

/** Options of {@link runWrapped}. */
export interface WrapOptions {
  /** The command's environment. Default: this process's. */
  readonly env?: NodeJS.ProcessEnv;
  /** End the command when the process that started us ends (npm, a shell). Default: true. */
  readonly endWithParent?: boolean;
}

/** True in a process that runs inside a wrapper, as opposed to one that only inherited its environment. */
export function insideWrapper(): boolean {
  const namespace = process.env[marker];
  return namespace !== undefined && namespace === readlinkSync("/proc/self/ns/pid");
}

/**
 * True when a user namespace is needed because this process lacks the privileges to make the
 * others. Then only uid 0 exists inside.
 */
export function needsUserNamespace(): boolean {
  const status = readFileSync("/proc/self/status", "utf8");
  const capabilities = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)/m.exec(status)?.[1] ?? "0"}`);
  const netAdmin = 1n << 12n;
  const sysAdmin = 1n << 21n;
  return (capabilities & netAdmin) === 0n || (capabilities & sysAdmin) === 0n;
}

/** True inside a wrapper that was made without root: then no uid but 0 is mapped. */
export function onlyRootIsMapped(): boolean {
  const [line, ...more] = readFileSync("/proc/self/uid_map", "utf8").trim().split("\n");
  return more.length === 0 && line?.trim().split(/\s+/)[2] === "1";
}

/** The command line that runs `argv` as pid 1's only child in fresh namespaces. */
export function wrapperCommand(argv: readonly string[]): readonly string[] {
  const user = needsUserNamespace() ? ["--user", "--map-root-user"] : [];
  return [
    ...["setpriv", "--pdeathsig", "KILL", "--"],
    ...["unshare", ...user, "--mount", "--net", "--pid"],
    ...["--fork", "--kill-child", "--mount-proc", "--"],
    ...["sh", "-c", firstProcess, "sh", ...argv],
  ];
}

/**
 * Runs a command inside mount, network and pid namespaces of its own, with an empty tmpfs on
 * `/run`, and resolves to its exit code (128 + n when signal n ended it, as in a shell).
 *
 * Nothing survives this process: kill it with any signal, at any moment, or kill its parent, and
 * every process, namespace and mount of the command goes too. Ctrl-C, SIGTERM and SIGHUP reach
 * the command, which then has five seconds. Rejects when `setpriv` cannot be started.
 */
export async function runWrapped(
  argv: readonly string[],
  options: WrapOptions = {},
): Promise<number> {
  const [program = "", ...args] = wrapperCommand(argv);
  const env = options.env ?? process.env;
  const child = spawn(program, args, { stdio: ["inherit", "inherit", "inherit", "pipe"], env });
  const undo = [forwardSignals(child)];
  if (options.endWithParent ?? true) {
    undo.push(endWithParent(child));
  }
  try {
    return await exitCode(child);
  } finally {
    // An `unshare` that was killed in the instant after its fork leaves pid 1 alone; this ends it.
    child.stdio[3]?.destroy();
    for (const step of undo) {
      step();
    }
  }
}

/** Runs this very command again inside a wrapper; see {@link runWrapped}. */
export async function rerunWrapped(options: WrapOptions = {}): Promise<number> {
  const argv = [process.execPath, ...process.execArgv, ...process.argv.slice(1)];
  return await runWrapped(argv, options);
}

/** The exit code of a child in the shell's terms. Rejects when it could not be started. */
function exitCode(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once("error", (error) => {
      reject(new Error(`cannot start ${child.spawnfile} (util-linux): ${error.message}`));
    });
    child.once("exit", (code, signal) => {
      resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal]));
    });
  });
}

/** Passes the usual ending signals on; a terminal has sent Ctrl-C to the command already. */
function forwardSignals(child: ChildProcess): () => void {
  const end = (signal: NodeJS.Signals): void => {
    if (signal !== "SIGINT" || !process.stdin.isTTY) {
      signalCommand(child, signal);
    }
    setTimeout(() => child.kill("SIGKILL"), graceMs).unref();
  };
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  for (const signal of signals) {
    process.on(signal, end);
  }
  return () => {
    for (const signal of signals) {
      process.off(signal, end);
    }
  };
}

/**
 * Pid 1 of the wrapper that a process holds, in the caller's numbering; undefined when there is
 * none (yet, or any more). `outerPid` is a process in {@link runWrapped}.
 */
export function firstProcessOf(outerPid: number): number | undefined {
  const unshare = childrenOf(outerPid).find((pid) => nameOf(pid) === "unshare");
  return unshare === undefined ? undefined : childrenOf(unshare)[0];
}

/** `unshare` forwards no signals and pid 1 ignores them, so they go to the command itself. */
function signalCommand(child: ChildProcess, signal: NodeJS.Signals): void {
  const first = firstProcessOf(process.pid);
  // The first child waits for our end, the second is the command, later ones are its orphans.
  const command = first === undefined ? undefined : childrenOf(first)[1];
  if (command === undefined) {
    // It has ended of the same signal, and its exit code is on the way; or it has yet to start.
    setTimeout(() => child.kill("SIGKILL"), 500).unref();
    return;
  }
  process.kill(command, signal);
}

/** The children of a process; none when it is gone. */
function childrenOf(pid: number): readonly number[] {
  try {
    const text = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim();
    return text === "" ? [] : text.split(" ").map(Number);
  } catch {
    return [];
  }
}

/** Kills the child once our parent, or npm behind the shell that it put between, has gone. */
function endWithParent(child: ChildProcess): () => void {
  const ancestors = watchedAncestors();
  const stop = new AbortController();
  const watch = async (): Promise<void> => {
    let alone = isOrphaned(ancestors);
    while (!stop.signal.aborted && !alone) {
      await systemClock.sleep(100, stop.signal);
      alone = ancestors.some(({ pid, parent }) => lineageOf(pid)?.parent !== parent);
    }
    if (alone) {
      child.kill("SIGKILL");
    }
  };
  void watch();
  return () => stop.abort();
}

/** Where a process belongs, as `/proc/<pid>/stat` has it. */
interface Lineage {
  readonly pid: number;
  readonly parent: number;
  readonly group: number;
  readonly session: number;
}

/** Us and our parent, and on through shells that only run one command (`sh -c`). */
function watchedAncestors(): readonly Lineage[] {
  const ancestors: Lineage[] = [];
  let at = lineageOf(process.pid);
  while (at !== undefined && at.parent !== 0) {
    ancestors.push(at);
    at = isOneCommandShell(at.parent) ? lineageOf(at.parent) : undefined;
  }
  return ancestors;
}

/**
 * True when the parent had gone before we looked: we were handed to a process of another session,
 * and the leader of our job is no more.
 */
function isOrphaned(ancestors: readonly Lineage[]): boolean {
  const last = ancestors.at(-1);
  if (last === undefined || last.group === 0 || lineageOf(last.group) !== undefined) {
    return false;
  }
  return lineageOf(last.parent)?.session !== last.session;
}

/** Empty when the process is gone. */
function nameOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/comm`, "utf8").trim();
  } catch {
    return "";
  }
}

function isOneCommandShell(pid: number): boolean {
  try {
    const [program = "", flag] = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
    return /(^|\/)(sh|dash|bash)$/.test(program) && flag === "-c";
  } catch {
    return false;
  }
}

/** Undefined when the process is gone, even if its own parent has not noticed yet. */
function lineageOf(pid: number): Lineage | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const [parent = 0, group = 0, session = 0] = fields.slice(1, 4).map(Number);
    const zombie = fields[0] === "Z" || fields[0] === "X";
    return zombie ? undefined : { pid, parent, group, session };
  } catch {
    return undefined;
  }
}
