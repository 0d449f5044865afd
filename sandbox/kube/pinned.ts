import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** The programs that make a cluster, in the order in which they are built (later ones reuse packages). */
export const binaryNames = [
  "etcd",
  "kubectl",
  "kube-apiserver",
  "kube-proxy",
  "kube-scheduler",
  "kube-controller-manager",
] as const;

export type BinaryName = (typeof binaryNames)[number];

/** The newest release of Kubernetes that is supported: what the sandbox runs. */
export const newestRelease = "1.37";
/** The oldest one that is supported. */
export const oldestRelease = "1.33";

/**
 * The folder whose `go.mod` pins what this process runs: of the release that
 * `$STEELYARD_KUBERNETES` names, or of the newest. Throws for one that is not pinned.
 */
export function releaseFolder(): string {
  const release = process.env["STEELYARD_KUBERNETES"] || newestRelease;
  if (release !== newestRelease && release !== oldestRelease) {
    throw new Error(
      `STEELYARD_KUBERNETES is ${release}: the sandbox has ${newestRelease} and ${oldestRelease}`,
    );
  }
  return fileURLToPath(new URL(release, import.meta.url));
}

/** The version that `name` must be, such as `1.37.2`: what `go.mod` pins. */
export function pinnedVersion(name: BinaryName): string {
  const module = name === "etcd" ? "go.etcd.io/etcd/server/v3" : "k8s.io/kubernetes";
  const text = readFileSync(join(releaseFolder(), "go.mod"), "utf8");
  const line = text.split("\n").find((candidate) => candidate.startsWith(`\t${module} v`));
  const version = line?.split(" ")[1]?.slice(1);
  assert(version !== undefined, `${module} is not in go.mod of ${releaseFolder()}`);
  return version;
}

/** Version of Kubernetes that the sandbox runs, such as `1.37.2`. */
export function kubernetesVersion(): string {
  return pinnedVersion("kube-apiserver");
}

/** Where everything of ours is cached: `$XDG_CACHE_HOME/steelyard`. */
export function cacheBase(): string {
  return join(process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache"), "steelyard");
}

/** Where the Kubernetes binaries of all versions are cached. */
export function cacheRoot(): string {
  return join(cacheBase(), "kubernetes");
}

/** The folder of exactly these versions, dependencies included. */
export function cacheFolder(): string {
  const sums = readFileSync(join(releaseFolder(), "go.sum"));
  const hash = createHash("sha256").update(sums).digest("hex").slice(0, 12);
  return join(cacheRoot(), `${kubernetesVersion()}-${hash}`);
}
