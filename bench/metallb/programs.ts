import { execFile } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { copyFile, mkdir, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { takeLock } from "../../sandbox/kube/build-lock.ts";
import { buildProgram, findGo, withBuildCache } from "../../sandbox/kube/go-build.ts";
import { cacheBase } from "../../sandbox/kube/pinned.ts";

const moduleFolder = fileURLToPath(new URL(".", import.meta.url));
const modulePath = "go.universe.tf/metallb";

/** MetalLB as it can be run: built from the modules that `go.mod` pins. */
export interface MetalLb {
  /** Without the `v`. */
  readonly version: string;
  readonly controller: string;
  readonly speaker: string;
  /** The folder of its CustomResourceDefinitions. */
  readonly definitions: string;
}

/**
 * Returns MetalLB, from the cache or, once, by a build with Go. `report` gets a
 * line before what takes long. Throws without Go, or with the compiler's words.
 */
export async function provideMetalLb(report: (line: string) => void): Promise<MetalLb> {
  const version = pinnedVersion();
  const root = join(cacheBase(), "metallb");
  const folder = join(root, version);
  const metalLb: MetalLb = {
    version,
    controller: join(folder, "metallb-controller"),
    speaker: join(folder, "metallb-speaker"),
    definitions: join(folder, "definitions"),
  };
  if (isThere(metalLb)) {
    return metalLb;
  }
  const release = await takeLock(join(root, "lock"), () =>
    report("waiting for another process that builds MetalLB"),
  );
  try {
    if (!isThere(metalLb)) {
      await mkdir(folder, { recursive: true });
      await build(metalLb, root, report);
    }
  } finally {
    release();
  }
  return metalLb;
}

async function build(
  metalLb: MetalLb,
  root: string,
  report: (line: string) => void,
): Promise<void> {
  const go = await findGo();
  if (go === undefined) {
    throw new Error("MetalLB is built with Go 1.21 or newer: install it from https://go.dev/dl");
  }
  report(`building MetalLB ${metalLb.version} with Go ${go.version}, once: a few minutes`);
  await withBuildCache(root, async (cache) => {
    for (const name of ["controller", "speaker"] as const) {
      const program = {
        name: `MetalLB's ${name}`,
        moduleFolder,
        package: `${modulePath}/${name}`,
        linkerFlags: `-s -w -X ${modulePath}/internal/version.version=v${metalLb.version}`,
      };
      await buildProgram(go, program, metalLb[name], cache);
    }
  });
  await takeDefinitions(go.path, metalLb.definitions);
}

/** The API is part of the module that was just built. */
async function takeDefinitions(go: string, target: string): Promise<void> {
  const { stdout } = await promisify(execFile)(go, ["list", "-m", "-f", "{{.Dir}}", modulePath], {
    cwd: moduleFolder,
  });
  const aside = `${target}.${process.pid}`;
  try {
    const source = join(stdout.trim(), "config", "crd", "bases");
    // File by file: as a whole it would be as read-only as Go's module cache is.
    await mkdir(aside, { recursive: true });
    for (const file of await readdir(source)) {
      await copyFile(join(source, file), join(aside, file));
    }
    await rename(aside, target);
  } finally {
    await rm(aside, { recursive: true, force: true });
  }
}

function isThere({ controller, speaker, definitions }: MetalLb): boolean {
  return [controller, speaker, definitions].every((path) => existsSync(path));
}

function pinnedVersion(): string {
  const text = readFileSync(join(moduleFolder, "go.mod"), "utf8");
  const version = /^\s*go\.universe\.tf\/metallb v(\S+)/m.exec(text)?.[1];
  if (version === undefined) {
    throw new Error(`${moduleFolder}go.mod names no version of ${modulePath}`);
  }
  return version;
}
