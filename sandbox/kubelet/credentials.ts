import type { V1Container, V1PodSpec } from "@kubernetes/client-node";

/** Whom a container runs as. */
export interface Credentials {
  readonly uid: number;
  readonly gid: number;
  readonly groups: readonly number[];
  /** The bounding set; `"all"` for a privileged container. Names as Linux has them, lower case: `net_raw`. */
  readonly capabilities: readonly string[] | "all";
  readonly noNewPrivileges: boolean;
}

/** What every container runtime leaves a container that asks for nothing. */
const runtimeDefaults = [
  "audit_write",
  "chown",
  "dac_override",
  "fowner",
  "fsetid",
  "kill",
  "mknod",
  "net_bind_service",
  "net_raw",
  "setfcap",
  "setgid",
  "setpcap",
  "setuid",
  "sys_chroot",
] as const;

/**
 * Whom the manifest wants `container` to run as; a string says why it may not run.
 * An image's own user is unknown here, so a container without `runAsUser` is root.
 */
export function credentialsOf(pod: V1PodSpec, container: V1Container): Credentials | string {
  const podContext = pod.securityContext ?? {};
  const context = container.securityContext ?? {};
  const uid = context.runAsUser ?? podContext.runAsUser ?? 0;
  if (uid === 0 && (context.runAsNonRoot ?? podContext.runAsNonRoot) === true) {
    return "runAsNonRoot is set, and no runAsUser other than 0 (the sandbox knows no user of an image)";
  }
  const groups = [...(podContext.supplementalGroups ?? [])];
  if (podContext.fsGroup !== undefined) {
    groups.push(podContext.fsGroup);
  }
  return {
    uid,
    gid: context.runAsGroup ?? podContext.runAsGroup ?? 0,
    groups,
    capabilities: context.privileged === true ? "all" : boundingSet(context.capabilities),
    noNewPrivileges: context.allowPrivilegeEscalation === false,
  };
}

function boundingSet(wanted: { add?: string[]; drop?: string[] } = {}): readonly string[] | "all" {
  const names = (list: readonly string[] = []): string[] =>
    list.map((name) => name.toLowerCase().replace(/^cap_/, ""));
  const [add, drop] = [names(wanted.add), names(wanted.drop)];
  if (add.includes("all")) {
    return "all";
  }
  const kept = runtimeDefaults.filter((name) => !drop.includes("all") && !drop.includes(name));
  return [...new Set([...kept, ...add])].sort();
}

/**
 * The setpriv command that turns root into `credentials` and then executes what
 * follows. Root's permitted and effective sets are what the bounding set leaves;
 * another user has none at all.
 *
 * Rootless, only uid 0 is mapped: everything runs as it, and what was not to run
 * as root has at least no capability.
 */
export function setprivCommand(credentials: Credentials, rootless: boolean): readonly string[] {
  const { uid, gid, groups, noNewPrivileges } = credentials;
  const capabilities = rootless && uid !== 0 ? [] : credentials.capabilities;
  const command = ["setpriv", "--pdeathsig", "KILL", "--inh-caps=-all"];
  if (!rootless) {
    command.push("--reuid", `${uid}`, "--regid", `${gid}`);
    command.push(...(groups.length === 0 ? ["--clear-groups"] : ["--groups", groups.join(",")]));
  }
  if (capabilities !== "all") {
    command.push(`--bounding-set=${["-all", ...capabilities.map((name) => `+${name}`)].join(",")}`);
  }
  if (noNewPrivileges) {
    command.push("--no-new-privs");
  }
  return [...command, "--"];
}
