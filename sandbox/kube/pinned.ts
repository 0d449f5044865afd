import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

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

/** Release of Kubernetes that the sandbox runs; `go.mod` pins the same one. */
export const kubernetesVersion = "1.37.2";
/** Release of etcd that the sandbox runs; `go.mod` pins the same one. */
export const etcdVersion = "3.7.3";

/** The release that `name` must be. */
export function pinnedVersion(name: BinaryName): string {
  return name === "etcd" ? etcdVersion : kubernetesVersion;
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
  const sums = readFileSync(new URL("./go.sum", import.meta.url));
  const hash = createHash("sha256").update(sums).digest("hex").slice(0, 12);
  return join(cacheRoot(), `${kubernetesVersion}-${hash}`);
}
