import { lstatSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sandboxKubeconfig, sandboxKubectl } from "./sandbox.ts";
import { firstProcessOf, needsUserNamespace } from "./wrapper.ts";

/** A sandbox of this user's that other commands may enter: the process that holds its wrapper. */
interface Registration {
  readonly pid: number;
  /** In clock ticks since boot: tells the process from a later one of the same number. */
  readonly startTime: string;
}

/** The user's own folder for the registration and the log of a sandbox in the background. */
export function stateDirectory(): string {
  const uid = process.getuid?.() ?? 0;
  const runtime = process.env["XDG_RUNTIME_DIR"];
  const directory =
    runtime === undefined
      ? join(tmpdir(), `steelyard-sandbox-${uid}`)
      : join(runtime, "steelyard-sandbox");
  mkdirSync(directory, { mode: 0o700, recursive: true });
  const found = lstatSync(directory);
  if (!found.isDirectory() || found.uid !== uid) {
    throw new Error(`${directory} is not a folder of yours: remove it, or set XDG_RUNTIME_DIR`);
  }
  return directory;
}

/**
 * Makes this process, which is about to hold a wrapper, the user's sandbox for the commands of
 * `npm run sandbox`. Returns what undoes it. Throws when another one is registered and alive.
 */
export function registerSandbox(): () => void {
  const other = findSandbox();
  if (other !== undefined) {
    throw new Error(`a sandbox is up already (process ${other}): npm run sandbox -- down`);
  }
  const startTime = startTimeOf(process.pid) ?? "";
  const registration: Registration = { pid: process.pid, startTime };
  writeFileSync(registrationFile(), JSON.stringify(registration), { mode: 0o600 });
  return () => rmSync(registrationFile(), { force: true });
}

/** The process that holds the user's registered sandbox; undefined when none is alive. */
export function findSandbox(): number | undefined {
  try {
    const registration: Registration = JSON.parse(readFileSync(registrationFile(), "utf8"));
    const { pid, startTime } = registration;
    return startTimeOf(pid) === startTime ? pid : undefined;
  } catch {
    return undefined;
  }
}

/**
 * The command line that runs `argv` inside a registered sandbox's wrapper, in this process's
 * folder, in the namespace of a host (`node-1`, `client-1`, …) or else the control plane's.
 * Throws when the wrapper has ended.
 */
export function insideSandbox(
  sandboxPid: number,
  argv: readonly string[],
  host?: string,
): readonly string[] {
  const target = firstProcessOf(sandboxPid);
  if (target === undefined) {
    throw new Error("the sandbox has just ended");
  }
  const user = needsUserNamespace() ? ["--user", "--preserve-credentials"] : [];
  const network = host === undefined ? [] : ["nsenter", `--net=/run/netns/${host}`, "--"];
  return [
    ...["nsenter", `--target=${target}`, ...user, "--mount", "--net", "--"],
    // Another mount namespace starts at its root.
    ...["sh", "-c", 'cd "$1" && shift && exec "$@"', "sh", process.cwd()],
    ...[...network, "env", `KUBECONFIG=${sandboxKubeconfig}`, ...argv],
  ];
}

/** The command line of the sandbox's own kubectl, as admin; see {@link insideSandbox}. */
export function kubectlInside(sandboxPid: number, args: readonly string[]): readonly string[] {
  return insideSandbox(sandboxPid, [sandboxKubectl, ...args]);
}

function registrationFile(): string {
  return join(stateDirectory(), "sandbox.json");
}

function startTimeOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
  } catch {
    return undefined;
  }
}
