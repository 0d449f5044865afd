import { readdirSync, readFileSync, readlinkSync } from "node:fs";

/** The environment variable that marks every process of a trial. */
export const trialVariable = "STEELYARD_TRIAL";

/** What a trial can leave on the machine. */
export interface Remains {
  /** Command lines of processes that carry the trial's mark. */
  readonly processes: readonly string[];
  /** Processes in namespaces that exist only since the trial. */
  readonly namespaces: readonly string[];
  /** Mounts that were not there before. */
  readonly mounts: readonly string[];
}

/** What there is before a trial. */
export interface Before {
  readonly namespaces: ReadonlySet<string>;
  readonly mounts: ReadonlySet<string>;
}

export function lookAround(): Before {
  return { namespaces: new Set(processNamespaces().keys()), mounts: new Set(mountPoints()) };
}

/** What is there now and was not `before`, of the trial with the given mark. */
export function remainsOf(mark: string, before: Before): Remains {
  return {
    processes: processIds()
      .filter((pid) => carries(pid, mark))
      .map(commandLine),
    namespaces: [...processNamespaces()]
      .filter(([namespace]) => !before.namespaces.has(namespace))
      .map(([namespace, pid]) => `${namespace} of ${commandLine(pid)}`),
    mounts: mountPoints().filter((mount) => !before.mounts.has(mount)),
  };
}

/** Every namespace that a process is in, with one such process. */
function processNamespaces(): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const pid of processIds()) {
    for (const kind of ["mnt", "net", "pid", "user"]) {
      const namespace = read(() => readlinkSync(`/proc/${pid}/ns/${kind}`));
      if (namespace !== "") {
        found.set(namespace, pid);
      }
    }
  }
  return found;
}

function processIds(): readonly string[] {
  return readdirSync("/proc").filter((entry) => /^\d+$/.test(entry));
}

function carries(pid: string, mark: string): boolean {
  const environment = read(() => readFileSync(`/proc/${pid}/environ`, "utf8"));
  return environment.split("\0").includes(`${trialVariable}=${mark}`);
}

function commandLine(pid: string): string {
  return read(() => readFileSync(`/proc/${pid}/cmdline`, "utf8")).replaceAll("\0", " ");
}

function mountPoints(): readonly string[] {
  return readFileSync("/proc/self/mountinfo", "utf8").trim().split("\n");
}

/** Processes may end while we look at them. */
function read(look: () => string): string {
  try {
    return look();
  } catch {
    return "";
  }
}
