import { execFile } from "node:child_process";
import { constants } from "node:fs";
import { access, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { takeLock } from "./kube/build-lock.ts";
import { buildBinaries, expectedMinutes, findGo } from "./kube/go-build.ts";
import {
  type BinaryName,
  binaryNames,
  cacheFolder,
  cacheRoot,
  pinnedVersion,
} from "./kube/pinned.ts";
import { ReleaseFiles } from "./kube/release-files.ts";

/** Paths of the programs that make a cluster. */
export interface KubeBinaries {
  readonly etcd: string;
  readonly "kube-apiserver": string;
  readonly "kube-controller-manager": string;
  readonly "kube-scheduler": string;
  readonly "kube-proxy": string;
  readonly kubectl: string;
}

/** What is on this machine already. */
export interface LocatedBinaries {
  readonly found: Readonly<Partial<Record<BinaryName, string>>>;
  readonly missing: readonly BinaryName[];
}

const execute = promisify(execFile);

/**
 * Looks for the binaries without network: in `$KUBEBUILDER_ASSETS` those of the
 * pinned version, then in the cache folder.
 */
export async function locateBinaries(): Promise<LocatedBinaries> {
  const places = await Promise.all(binaryNames.map(locate));
  const found: Partial<Record<BinaryName, string>> = {};
  for (const [index, name] of binaryNames.entries()) {
    const path = places[index];
    if (path !== undefined) {
      found[name] = path;
    }
  }
  return { found, missing: binaryNames.filter((name) => found[name] === undefined) };
}

/**
 * Returns the binaries of the pinned versions, each from the first of:
 * `$KUBEBUILDER_ASSETS`, the cache folder, the projects' release files, a build
 * with Go. `report` gets a line before each step that takes long. Throws when
 * a binary cannot be had, with what would help.
 */
export async function provideBinaries(report: (line: string) => void): Promise<KubeBinaries> {
  let located = await locateBinaries();
  if (located.missing.length > 0) {
    const release = await takeLock(join(cacheRoot(), "lock"), () =>
      report("waiting for another process that provides the Kubernetes binaries"),
    );
    try {
      // Whoever had the lock before may have provided them.
      located = await locateBinaries();
      await obtain(located.missing, report);
    } finally {
      release();
    }
    located = await locateBinaries();
  }
  return located.found as KubeBinaries;
}

async function obtain(names: readonly BinaryName[], report: (line: string) => void): Promise<void> {
  if (names.length === 0) {
    return;
  }
  const folder = cacheFolder();
  await mkdir(folder, { recursive: true });
  const releases = new ReleaseFiles(report);
  const missing: BinaryName[] = [];
  for (const name of names) {
    if (!(await releases.download(name, join(folder, name)))) {
      missing.push(name);
    }
  }
  await releases.close();
  if (missing.length === 0) {
    return;
  }
  const go = await findGo();
  if (go === undefined) {
    throw new Error(
      `${missing.join(", ")} can neither be downloaded nor built: install Go 1.21 or newer (https://go.dev/dl), or point KUBEBUILDER_ASSETS at a folder with these binaries`,
    );
  }
  const minutes = expectedMinutes(missing);
  report(
    `building ${missing.length} Kubernetes binaries with Go ${go.version}, once: about ${minutes} min`,
  );
  await buildBinaries(go, missing, folder, report);
}

async function locate(name: BinaryName): Promise<string | undefined> {
  const assets = process.env["KUBEBUILDER_ASSETS"];
  if (assets !== undefined && assets !== "") {
    const path = join(assets, name);
    if ((await isExecutable(path)) && (await isPinned(name, path))) {
      return path;
    }
  }
  const cached = join(cacheFolder(), name);
  return (await isExecutable(cached)) ? cached : undefined;
}

async function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}

async function isPinned(name: BinaryName, path: string): Promise<boolean> {
  const question = name === "kubectl" ? ["version", "--client"] : ["--version"];
  return execute(path, question).then(
    ({ stdout }) =>
      new RegExp(`\\bv?${pinnedVersion(name).replaceAll(".", "\\.")}\\s`).test(stdout),
    () => false,
  );
}
