import { existsSync, readFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { takeLock } from "../kube/build-lock.ts";
import { buildProgram, findGo, withBuildCache } from "../kube/go-build.ts";
import { cacheBase } from "../kube/pinned.ts";

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

/**
 * Returns the path of the `helm` program, from the cache or, once, by a build
 * with Go. `report` gets a line before what takes long. Throws without Go, or
 * with the compiler's words.
 */
export async function provideHelm(report: (line: string) => void): Promise<string> {
  const root = join(cacheBase(), "helm");
  const folder = join(root, helmVersion());
  const path = join(folder, "helm");
  if (existsSync(path)) {
    return path;
  }
  const release = await takeLock(join(root, "lock"), () =>
    report("waiting for another process that builds Helm"),
  );
  try {
    // Whoever had the lock before may have built it.
    if (!existsSync(path)) {
      await mkdir(folder, { recursive: true });
      await build(path, root, report);
    }
  } finally {
    release();
  }
  return path;
}

async function build(path: string, root: string, report: (line: string) => void): Promise<void> {
  const go = await findGo();
  if (go === undefined) {
    throw new Error("Helm is built with Go 1.21 or newer: install it from https://go.dev/dl");
  }
  const version = helmVersion();
  report(`building Helm ${version} with Go ${go.version}, once: about two minutes`);
  const program = {
    name: "helm",
    moduleFolder,
    package: `${modulePath}/cmd/helm`,
    linkerFlags: `-s -w -X ${modulePath}/internal/version.version=v${version}`,
  };
  await withBuildCache(root, (cache) => buildProgram(go, program, path, cache));
}
