import { existsSync, realpathSync, statSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { entryWords } from "./container-entry.ts";
import { type Credentials, setprivCommand } from "./credentials.ts";
import { imageRootScript } from "./image-root.ts";
import { bindCommands, type Mount, placeCommands } from "./mount.ts";
import { quote } from "./shell-quote.ts";

/** Everything that makes a process a container. */
export interface Launch {
  /** Name of the network namespace. */
  readonly netns: string;
  readonly mounts: readonly Mount[];
  readonly credentials: Credentials;
  readonly readOnlyRoot: boolean;
  readonly rootless: boolean;
  readonly workingDirectory: string;
  readonly command: readonly string[];
  /** The image's files, which are all that the container has; without: the machine's own. */
  readonly tree: ReadonlyMap<string, string> | undefined;
  /** The program `container-entry`. */
  readonly entry: string;
  /** An empty directory of this container's own, to assemble mounts in. */
  readonly scratch: string;
}

/** Exit code of a container that could not be set up; container runtimes use the same. */
export const startErrorExitCode = 128;

/** A directory of the machine that the container sees changed: hidden below a tmpfs, or overlaid. */
interface Base {
  readonly path: string;
  readonly kind: "tmpfs" | "overlay";
  readonly binds: Mount[];
  /** Directories at or below `path` that everybody may enter, whatever the machine says. */
  readonly opened: Set<string>;
}

/**
 * The command line that starts a container: it enters the network namespace,
 * makes a mount namespace, arranges the mounts, takes on the credentials and
 * executes the command, all in one process, so that its pid stays the same.
 * When everything stands it writes a word to descriptor 3.
 *
 * With a tree the container's root is that and nothing else. Without, it sees the
 * machine's own files; then `/run` is empty for each container, and a mount point
 * that does not exist appears on an overlay, so that nothing is ever created on
 * the machine. Throws on a mount point directly below `/`, which no overlay can provide.
 */
export function launchCommand(launch: Launch): readonly string[] {
  const steps = launch.tree === undefined ? onMachineFiles(launch) : inTree(launch, launch.tree);
  const script = [
    `trap 'exit ${startErrorExitCode}' EXIT`,
    "set -eu",
    "umask 022",
    ...steps.script,
  ];
  return [
    "nsenter",
    `--net=/run/netns/${launch.netns}`,
    "unshare",
    "--mount",
    "--propagation",
    "private",
    "sh",
    "-c",
    script.join("\n"),
    "container",
    ...steps.command,
    ...launch.command,
  ];
}

/** What the shell does, and the program with which it ends, before the container's own command. */
interface Steps {
  readonly script: readonly string[];
  readonly command: readonly string[];
}

function inTree(launch: Launch, tree: ReadonlyMap<string, string>): Steps {
  const { mounts, scratch, readOnlyRoot, credentials, rootless, workingDirectory } = launch;
  const root = join(scratch, "root");
  const words = entryWords(credentials, rootless, workingDirectory);
  return {
    script: [...imageRootScript(root, tree, mounts, readOnlyRoot), 'exec "$@"'],
    command: [launch.entry, "root", root, ...words, "--"],
  };
}

function onMachineFiles(launch: Launch): Steps {
  const script = [
    ...mountScript(launch),
    // A sysfs shows the network interfaces of the namespace that mounted it. Not vital.
    "mount -n -t sysfs -o ro sysfs /sys 2>/dev/null || :",
    ...(launch.readOnlyRoot ? ["mount -n -o remount,bind,ro / || :"] : []),
    `cd ${quote(launch.workingDirectory)}`,
    // Whoever started this learns that the container stands.
    "echo begun >&3",
    "exec 3>&-",
    'exec "$@"',
  ];
  return { script, command: setprivCommand(launch.credentials, launch.rootless) };
}

/**
 * Runs `command` in the namespaces of the container whose process is `pid`, as the
 * same user and on the same files.
 */
export function execCommand(
  launch: Pick<Launch, "credentials" | "rootless" | "tree" | "entry" | "workingDirectory">,
  pid: number,
  command: readonly string[],
): readonly string[] {
  const { credentials, rootless, tree, entry, workingDirectory } = launch;
  if (tree !== undefined) {
    const words = entryWords(credentials, rootless, workingDirectory);
    return [entry, "join", `${pid}`, ...words, "--", ...command];
  }
  const enter = ["nsenter", `--target=${pid}`, "--mount", "--net"];
  return [...enter, ...setprivCommand(credentials, rootless), ...command];
}

/** `mount -n`: libmount would keep a table in `/run`, which is changed under its feet. */
function mountScript(launch: Launch): readonly string[] {
  const { bases, direct } = arrange(launch);
  const lines: string[] = [];
  for (const [index, base] of bases.entries()) {
    lines.push(...stageBase(base, join(launch.scratch, `${index}`)));
  }
  for (const mount of direct) {
    lines.push(...bindCommands(mount, mount.target));
  }
  // Moved last: a base may hide the directory that the sources lie in.
  for (const [index, base] of bases.entries()) {
    lines.push(
      `mount -n --move ${quote(join(launch.scratch, `${index}`, "root"))} ${quote(base.path)}`,
    );
  }
  return lines;
}

function stageBase(base: Base, stage: string): readonly string[] {
  const root = join(stage, "root");
  const lines = [`mkdir -p ${quote(root)}`];
  if (base.kind === "tmpfs") {
    lines.push(`mount -n -t tmpfs -o mode=755 tmpfs ${quote(root)}`);
  } else {
    const upper = join(stage, "upper");
    const options = `lowerdir=${base.path},upperdir=${upper}/files,workdir=${upper}/work`;
    lines.push(
      `mkdir -p ${quote(upper)}`,
      `mount -n -t tmpfs -o mode=755 tmpfs ${quote(upper)}`,
      `mkdir ${quote(`${upper}/files`)} ${quote(`${upper}/work`)}`,
      // An overlay's directory has the mode of its upper layer: 755 by the umask.
      ...[...base.opened].map(
        (path) => `mkdir -p ${quote(join(upper, "files", relative(base.path, path)))}`,
      ),
      `mount -n -t overlay -o ${quote(options)} overlay ${quote(root)}`,
    );
  }
  for (const mount of base.binds) {
    lines.push(...placeCommands(mount, join(root, relative(base.path, mount.target))));
  }
  return lines;
}

interface Arrangement {
  readonly bases: Base[];
  readonly direct: Mount[];
}

function arrange(launch: Launch): Arrangement {
  const arrangement = { bases: [newBase(realpathSync("/run"), "tmpfs")], direct: [] };
  for (const file of launch.rootless ? [] : launch.command.filter((word) => word.startsWith("/"))) {
    for (const path of blockedDirectories(file, launch.credentials.uid)) {
      baseFor(path, path, arrangement).opened.add(path);
    }
  }
  for (const mount of launch.mounts) {
    place(mount, arrangement);
  }
  // The one that hides the scratch directory is moved into place last.
  const hides = (base: Base): number => (contains(base, launch.scratch) ? 1 : 0);
  arrangement.bases.sort((a, b) => hides(a) - hides(b) || a.path.length - b.path.length);
  return arrangement;
}

function place(wanted: Mount, arrangement: Arrangement): void {
  const { ancestor, path } = resolveTarget(wanted.target);
  const mount = { ...wanted, target: path };
  const isBelowBase = arrangement.bases.some((base) => contains(base, path));
  if (!isBelowBase && ancestor === path) {
    arrangement.direct.push(mount);
  } else if (!isBelowBase && ancestor === "/") {
    throw new Error(
      `mountPath ${wanted.target}: the sandbox can mount only below a directory that the machine has, such as /run, /tmp, /etc or /var`,
    );
  } else {
    baseFor(path, ancestor, arrangement).binds.push(mount);
  }
}

/** The base that holds `path`, if need be a new overlay on `directory`. */
function baseFor(path: string, directory: string, { bases }: Arrangement): Base {
  const known = bases.find((base) => contains(base, path));
  if (known !== undefined) {
    return known;
  }
  const base = newBase(directory, "overlay");
  bases.push(base);
  return base;
}

function contains(base: Base, path: string): boolean {
  return path === base.path || path.startsWith(`${base.path}/`);
}

function newBase(path: string, kind: Base["kind"]): Base {
  return { path, kind, binds: [], opened: new Set() };
}

/** Resolves symbolic links in the part of `target` that exists; `ancestor` is that part. */
function resolveTarget(target: string): { ancestor: string; path: string } {
  let existing = target.replace(/\/+$/, "") || "/";
  const missing: string[] = [];
  while (!existsSync(existing)) {
    missing.unshift(existing.slice(existing.lastIndexOf("/") + 1));
    existing = dirname(existing);
  }
  const ancestor = realpathSync(existing);
  return { ancestor, path: join(ancestor, ...missing) };
}

/**
 * A clone in root's home or in a `mktemp -d` lies below directories that only
 * root may enter. Returns those above `file`, outermost first.
 */
function blockedDirectories(file: string, uid: number): readonly string[] {
  const blocked: string[] = [];
  if (uid !== 0 && existsSync(file)) {
    for (let path = dirname(realpathSync(file)); path !== "/"; path = dirname(path)) {
      const { mode, uid: owner } = statSync(path);
      if (owner !== uid && (mode & 0o001) === 0) {
        blocked.unshift(path);
      }
    }
  }
  return blocked;
}
