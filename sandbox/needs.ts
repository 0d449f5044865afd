import { execFile } from "node:child_process";
import { constants } from "node:fs";
import { access, readFile } from "node:fs/promises";
import { release } from "node:os";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import { isAtLeast } from "./kube/go-build.ts";
import { needsUserNamespace } from "./wrapper.ts";

/** What the sandbox is wanted for: tests use more peers than the demo. */
export type Purpose = "demo" | "test";

/** Something that the sandbox needs, and what this machine has of it. */
export interface Need {
  readonly name: string;
  /** What is there, or what is wrong. */
  readonly state: string;
  readonly ok: boolean;
  /** Debian packages that provide it. */
  readonly packages?: readonly string[];
  /** A line to paste, where no package helps. */
  readonly remedy?: string;
}

/** The machine as far as it can be looked at differently in a test. */
export interface Machine {
  /** Where programs are looked for, as in `$PATH`. */
  readonly searchPath: string;
  readonly isRoot: boolean;
}

/** This machine. Ordinary users often lack the directories of `ip` and `nft` in their `$PATH`. */
export function thisMachine(): Machine {
  const path = (process.env["PATH"] ?? "").split(delimiter);
  const more = ["/usr/local/sbin", "/usr/sbin", "/sbin"].filter((it) => !path.includes(it));
  return {
    searchPath: [...path, ...more].filter((it) => it !== "").join(delimiter),
    isRoot: process.getuid?.() === 0,
  };
}

const execute = promisify(execFile);
const oldestNode = "22.19";
const trialTimeoutMs = 900;

const tools: readonly { name: string; packages: readonly string[]; testsOnly?: boolean }[] = [
  { name: "unshare", packages: ["util-linux"] },
  { name: "nsenter", packages: ["util-linux"] },
  { name: "setpriv", packages: ["util-linux"] },
  { name: "flock", packages: ["util-linux"] },
  { name: "mount", packages: ["mount"] },
  { name: "ip", packages: ["iproute2"] },
  { name: "nft", packages: ["nftables"] },
  { name: "tcpdump", packages: ["tcpdump"] },
  { name: "ping", packages: ["iputils-ping"], testsOnly: true },
  { name: "ndisc6", packages: ["ndisc6"], testsOnly: true },
  { name: "curl", packages: ["curl"], testsOnly: true },
];

/** Looks at everything but the Kubernetes binaries, all at once, without network. */
export async function lookAtNeeds(purpose: Purpose, machine: Machine): Promise<readonly Need[]> {
  const wanted = tools.filter(({ testsOnly }) => purpose === "test" || testsOnly !== true);
  const needs = await Promise.all([
    node(),
    linux(),
    namespaces(machine),
    network(machine),
    ...wanted.map(({ name, packages }) => tool(name, packages, machine)),
    ...(purpose === "test" ? [arping(machine)] : []),
    compiler(machine),
  ]);
  return needs;
}

function node(): Need {
  const { node: version } = process.versions;
  const ok = isAtLeast(version, oldestNode);
  return {
    name: "Node",
    state: ok ? version : `${version} is older than ${oldestNode}`,
    ok,
    remedy: "npm ci && npm run demo   # npm brings Node 24 along; do not call node yourself",
  };
}

function linux(): Need {
  const ok = process.platform === "linux";
  return {
    name: "Linux",
    state: ok ? release() : `this is ${process.platform}`,
    ok,
    remedy: "run this on a Linux machine, or in a Linux VM",
  };
}

/** Tried, not guessed: there are half a dozen ways to forbid them. */
async function namespaces(machine: Machine): Promise<Need> {
  const failure = await tryIn(machine, ["sh", "-c", ":"]);
  const how = needsUserNamespace() ? "through a user namespace, without root" : "as root";
  return {
    name: "namespaces",
    state: failure === undefined ? how : `${how}: ${failure}`,
    ok: failure === undefined,
    remedy: await namespaceRemedy(),
  };
}

async function namespaceRemedy(): Promise<string> {
  const settings: readonly (readonly [name: string, bad: string, good: string])[] = [
    ["kernel.apparmor_restrict_unprivileged_userns", "1", "0"],
    ["kernel.unprivileged_userns_clone", "0", "1"],
    ["user.max_user_namespaces", "0", "10000"],
  ];
  const changes: string[] = [];
  for (const [name, bad, good] of settings) {
    const path = `/proc/sys/${name.replace(".", "/")}`;
    const value = await readFile(path, "utf8").catch(() => "");
    if (value.trim() === bad) {
      changes.push(`${name}=${good}`);
    }
  }
  return changes.length > 0
    ? `sudo sysctl -w ${changes.join(" ")}`
    : "sudo -E npm run demo   # or, in a container, start it with --privileged";
}

/** What the kernel must have beyond namespaces. */
async function network(machine: Machine): Promise<Need> {
  const script = "ip link add name br0 type bridge && ip link add name a0 type veth peer name a1";
  const failure = await tryIn(machine, ["sh", "-c", script]);
  return {
    name: "bridge, veth",
    state: failure ?? "the kernel has them",
    ok: failure === undefined,
    remedy: "sudo modprobe -a bridge veth nf_tables",
  };
}

async function tool(name: string, packages: readonly string[], machine: Machine): Promise<Need> {
  const path = await findProgram(name, machine);
  return { name, state: path ?? "missing", ok: path !== undefined, packages };
}

/** iputils has an arping too, with other options. */
async function arping(machine: Machine): Promise<Need> {
  const need = await tool("arping", ["arping"], machine);
  if (!need.ok) {
    return need;
  }
  const said = await execute(need.state, ["--help"]).catch((error: { stdout?: string }) => error);
  const ok = (said.stdout ?? "").includes("Habets");
  return ok ? need : { ...need, ok, state: `${need.state} is not Thomas Habets's arping` };
}

async function compiler(machine: Machine): Promise<Need> {
  const packages = ["gcc", "libc6-dev"];
  const candidates = [process.env["CC"] ?? "", "cc", "gcc", "clang"].filter((it) => it !== "");
  for (const name of candidates) {
    const path = await findProgram(name, machine);
    if (path !== undefined) {
      const failure = await tryCompiler(path);
      const ok = failure === undefined;
      return { name: "C compiler", state: failure ?? path, ok, packages };
    }
  }
  return { name: "C compiler", state: "missing", ok: false, packages };
}

/** A compiler without the C library's and the kernel's headers is of no use. */
function tryCompiler(path: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const child = execFile(path, ["-x", "c", "-fsyntax-only", "-"], (error) => {
      resolve(error === null ? undefined : `${path} lacks the headers of libc and Linux`);
    });
    child.stdin?.end("#include <stdio.h>\n#include <linux/if_packet.h>\n");
  });
}

async function findProgram(name: string, { searchPath }: Machine): Promise<string | undefined> {
  if (name.includes("/")) {
    return name;
  }
  for (const directory of searchPath.split(delimiter)) {
    const path = join(directory, name);
    const isThere = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (isThere) {
      return path;
    }
  }
  return undefined;
}

/** Runs a command in namespaces like the sandbox's; `undefined` when it went well, else what it said. */
async function tryIn(machine: Machine, argv: readonly string[]): Promise<string | undefined> {
  const user = needsUserNamespace() ? ["--user", "--map-root-user"] : [];
  const flags = ["--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"];
  return execute("unshare", [...user, ...flags, "--", ...argv], {
    env: { ...process.env, PATH: machine.searchPath },
    timeout: trialTimeoutMs,
    killSignal: "SIGKILL",
  }).then(
    () => undefined,
    (error: { stderr?: string; message: string }) => {
      const words = error.stderr?.trim() || error.message;
      return words.split("\n", 1)[0] ?? words;
    },
  );
}
