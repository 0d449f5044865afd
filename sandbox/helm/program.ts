import { existsSync, readFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { takeLock } from "../kube/build-lock.ts";
import { buildProgram, findGo, withBuildCache } from "../kube/go-build.ts";
import { cacheBase } from "../kube/pinned.ts";
import { ReleaseFiles } from "../kube/release-files.ts";

const moduleFolder = fileURLToPath(new URL(".", import.meta.url));
const modulePath = "helm.sh/helm/v4";

/** The release of Helm that `go.mod` pins, without the `v`. */
export function helmVersion(): string {
  const text = readFileSync(join(moduleFolder, "go.mod"), "utf8");
  const version = /^\s*(?:require )?helm\.sh\/helm\/v4 v(\S+)/m.exec(text)?.[1];
  if (version === undefined) {
    throw new Error(`${moduleFolder}go.mod names no version of ${modulePath}`);
  }
  return version;
}

/** Where the `helm` program is, or will be, and whether it is there. */
export function locateHelm(): { readonly path: string; readonly isThere: boolean } {
  const path = join(root(), helmVersion(), "helm");
  return { path, isThere: existsSync(path) };
}

/**
 * Returns the path of the `helm` program: from the cache, or once from the project's
 * release files or by a build with Go. `report` gets a line before what takes long.
 * Throws when it cannot be had, with what would help.
 */
export async function provideHelm(report: (line: string) => void): Promise<string> {
  const { path, isThere } = locateHelm();
  if (isThere) {
    return path;
  }
  const release = await takeLock(join(root(), "lock"), () =>
    report("waiting for another process that provides Helm"),
  );
  try {
    // Whoever had the lock before may have provided it.
    if (!locateHelm().isThere) {
      await obtain(path, report);
    }
  } finally {
    release();
  }
  return path;
}

function root(): string {
  return join(cacheBase(), "helm");
}

async function obtain(path: string, report: (line: string) => void): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const releases = new ReleaseFiles(report);
  const isDownloaded = await releases.downloadHelm(helmVersion(), path);
  await releases.close();
  if (!isDownloaded) {
    await build(path, report);
  }
}

async function build(path: string, report: (line: string) => void): Promise<void> {
  const go = await findGo();
  if (go === undefined) {
    throw new Error(
      "Helm can neither be downloaded nor built: install Go 1.21 or newer (https://go.dev/dl)",
    );
  }
  const version = helmVersion();
  report(`building Helm ${version} with Go ${go.version}, once: about two minutes`);
  const program = {
    name: "helm",
    moduleFolder,
    package: `${modulePath}/cmd/helm`,
    linkerFlags: `-s -w -X ${modulePath}/internal/version.version=v${version}`,
  };
  await withBuildCache(root(), (cache) => buildProgram(go, program, path, cache));
}
