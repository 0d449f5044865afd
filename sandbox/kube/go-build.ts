import { execFile, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { mkdir, readdir, rename, rm } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { basename, dirname, join } from "node:path";
import { promisify } from "node:util";
import { type BinaryName, cacheRoot, kubernetesVersion, releaseFolder } from "./pinned.ts";

/** A Go that can build the binaries. */
export interface GoToolchain {
  readonly path: string;
  /** Such as `1.26.8`. */
  readonly version: string;
  /** True when it must fetch the toolchain that `go.mod` asks for. */
  readonly needsNewer: boolean;
}

const execute = promisify(execFile);

/** A program of the modules that a folder's `go.mod` pins. */
export interface GoProgram {
  /** What to call it in messages. */
  readonly name: string;
  /** The folder of `go.mod`. */
  readonly moduleFolder: string;
  /** The path to import its main package by. */
  readonly package: string;
  readonly linkerFlags: string;
}

/** Go fetches other toolchains since 1.21. */
const oldestGo = "1.21";

const packages: Readonly<Record<BinaryName, string>> = {
  etcd: "go.etcd.io/etcd/server/v3",
  kubectl: "k8s.io/kubernetes/cmd/kubectl",
  "kube-apiserver": "k8s.io/kubernetes/cmd/kube-apiserver",
  "kube-proxy": "k8s.io/kubernetes/cmd/kube-proxy",
  "kube-scheduler": "k8s.io/kubernetes/cmd/kube-scheduler",
  "kube-controller-manager": "k8s.io/kubernetes/cmd/kube-controller-manager",
};

/** Seconds on two cores, each after those before it. */
const secondsOnTwoCores: Readonly<Record<BinaryName, number>> = {
  etcd: 50,
  kubectl: 80,
  "kube-apiserver": 215,
  "kube-proxy": 20,
  "kube-scheduler": 55,
  "kube-controller-manager": 60,
};

/** How long building `names` takes on this machine, in whole minutes. */
export function expectedMinutes(names: readonly BinaryName[]): number {
  const seconds = names.reduce((sum, name) => sum + secondsOnTwoCores[name], 0);
  return Math.max(1, Math.round((seconds * 2) / availableParallelism() / 60));
}

/** Returns the Go of `$PATH`, or of the place where go.dev's installer puts it; `undefined` without a new enough one. */
export async function findGo(): Promise<GoToolchain | undefined> {
  for (const path of ["go", "/usr/local/go/bin/go"]) {
    const version = await execute(path, ["env", "GOVERSION"], {
      env: { ...process.env, GOTOOLCHAIN: "local" },
      cwd: "/",
    }).then(
      ({ stdout }) => /^go(\d+\.\d+(?:\.\d+)?)/.exec(stdout)?.[1],
      () => undefined,
    );
    if (version !== undefined && isAtLeast(version, oldestGo)) {
      return { path, version, needsNewer: !isAtLeast(version, goLine()) };
    }
  }
  return undefined;
}

/**
 * Builds `names` into `folder`, each written aside and renamed. Calls `report`
 * before each. The build cache, several GB, lies beside the folder and is
 * removed at the end. Throws with the compiler's last words.
 *
 * The caller holds the lock: caches that a killed build left are removed first.
 */
export async function buildBinaries(
  go: GoToolchain,
  names: readonly BinaryName[],
  folder: string,
  report: (line: string) => void,
): Promise<void> {
  await withBuildCache(cacheRoot(), async (cache) => {
    for (const [index, name] of names.entries()) {
      const minutes = expectedMinutes([name]);
      const place = `${index + 1} of ${names.length}`;
      report(`building ${name}, ${place}, about ${minutes} minute${minutes === 1 ? "" : "s"}`);
      const program = {
        name,
        moduleFolder: releaseFolder(),
        package: packages[name],
        linkerFlags: linkerFlags(),
      };
      await buildProgram(go, program, join(folder, name), cache);
    }
  });
}

/** Lets `use` build with an empty build cache in `root`, and removes that and whatever killed builds left. */
export async function withBuildCache(
  root: string,
  use: (cache: string) => Promise<void>,
): Promise<void> {
  const cache = join(root, `build-${process.pid}`);
  await mkdir(cache, { recursive: true });
  await removeBuildCaches(root, cache);
  try {
    await use(cache);
  } finally {
    await removeBuildCaches(root);
  }
}

async function removeBuildCaches(root: string, except?: string): Promise<void> {
  for (const name of await readdir(root)) {
    if (/^build-\d+$/.test(name) && join(root, name) !== except) {
      await rm(join(root, name), { recursive: true, force: true });
    }
  }
}

/** Builds one program, written aside and renamed. Throws with the compiler's last words. */
export async function buildProgram(
  go: GoToolchain,
  program: GoProgram,
  output: string,
  cache: string,
): Promise<void> {
  const aside = join(dirname(output), `.${basename(output)}.${process.pid}`);
  try {
    await compile(go, program, aside, cache);
    await rename(aside, output);
  } finally {
    await rm(aside, { force: true });
  }
}

async function compile(
  go: GoToolchain,
  program: GoProgram,
  output: string,
  cache: string,
): Promise<void> {
  const flags = ["-trimpath", "-ldflags", program.linkerFlags, "-o", output, program.package];
  // A pid namespace that ends with this process, so that even kill -9 leaves no compiler running.
  const namespace = ["unshare", "--pid", "--fork", "--kill-child"];
  const asRoot = process.getuid?.() === 0 ? [] : ["--user", "--map-root-user"];
  const command = [...namespace, ...asRoot, go.path, "build", ...flags];
  const child = spawn("setpriv", ["--pdeathsig", "KILL", "--", ...command], {
    cwd: program.moduleFolder,
    stdio: ["ignore", "ignore", "pipe"],
    env: {
      ...process.env,
      CGO_ENABLED: "0",
      GOCACHE: cache,
      GOTMPDIR: cache,
      GOFLAGS: "-mod=readonly -buildvcs=false",
      GOWORK: "off",
      GOTOOLCHAIN: go.needsNewer ? "auto" : "local",
    },
  });
  let words = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    words = (words + text).slice(-2_000);
  });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", resolve);
  });
  if (code !== 0) {
    throw new Error(`building ${program.name} with Go ${go.version} failed:\n${words.trim()}`);
  }
}

/** What Kubernetes' own release build writes into its binaries. */
function linkerFlags(): string {
  const version = kubernetesVersion();
  const [major, minor] = version.split(".");
  const values = {
    gitVersion: `v${version}`,
    gitMajor: major,
    gitMinor: minor,
    gitTreeState: "clean",
    gitCommit: "unknown",
    buildDate: "1970-01-01T00:00:00Z",
  };
  const variables = Object.entries(values).map(
    ([name, value]) => `-X k8s.io/component-base/version.${name}=${value}`,
  );
  return ["-s", "-w", ...variables].join(" ");
}

/** The oldest Go that `go.mod` accepts. */
function goLine(): string {
  const text = readFileSync(join(releaseFolder(), "go.mod"), "utf8");
  return /^go (\S+)$/m.exec(text)?.[1] ?? oldestGo;
}

/** Compares dotted versions by number: 1.9 is older than 1.21. */
export function isAtLeast(version: string, oldest: string): boolean {
  const [have, want] = [version, oldest].map((text) => text.split(".").map(Number));
  for (const [index, number] of (want ?? []).entries()) {
    const difference = (have?.[index] ?? 0) - number;
    if (difference !== 0) {
      return difference > 0;
    }
  }
  return true;
}
