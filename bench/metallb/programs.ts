import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { copyFile, cp, mkdir, readdir, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { takeLock } from "../../sandbox/kube/build-lock.ts";
import {
  buildProgram,
  findGo,
  type GoToolchain,
  withBuildCache,
} from "../../sandbox/kube/go-build.ts";
import { cacheBase } from "../../sandbox/kube/pinned.ts";
import { metalLbSources, metalLbVersion, modulePath } from "./sources.ts";

const moduleFolder = fileURLToPath(new URL(".", import.meta.url));

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
  const version = metalLbVersion();
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

/**
 * Returns the path of the program that times MetalLB's allocator, from the cache or, after a
 * change of it, by a build with Go. Throws without Go, or with the compiler's words.
 */
export async function provideAllocator(report: (line: string) => void): Promise<string> {
  const source = join(moduleFolder, "allocator", "main.go");
  const digest = createHash("sha256").update(readFileSync(source)).digest("hex").slice(0, 12);
  const root = join(cacheBase(), "metallb");
  const program = join(root, metalLbVersion(), `allocator-${digest}`);
  if (existsSync(program)) {
    return program;
  }
  const release = await takeLock(join(root, "lock"), () =>
    report("waiting for another process that builds MetalLB"),
  );
  try {
    await buildAllocator(source, program, root, report);
  } finally {
    release();
  }
  return program;
}

/**
 * MetalLB's packages are internal: only what lies inside the module may import them. So the
 * program is put into a copy of the module, which takes the place of the pinned one.
 */
async function buildAllocator(
  source: string,
  program: string,
  root: string,
  report: (line: string) => void,
): Promise<void> {
  const go = await requireGo();
  report(`building MetalLB's allocator with Go ${go.version}, once: a few minutes`);
  await withBuildCache(root, async (cache) => {
    const work = join(cache, "work");
    const copy = join(work, "metallb");
    await copyModule(await metalLbSources(), copy);
    const folder = join(copy, "internal", "allocator", "bench");
    await mkdir(folder);
    await copyFile(source, join(folder, "main.go"));
    for (const file of ["go.mod", "go.sum"]) {
      await copyFile(join(moduleFolder, file), join(work, file));
    }
    const edit = ["mod", "edit", "-replace", `${modulePath}=./metallb`];
    await promisify(execFile)(go.path, edit, { cwd: work });
    await mkdir(dirname(program), { recursive: true });
    const goProgram = {
      name: "MetalLB's allocator",
      moduleFolder: work,
      package: `${modulePath}/internal/allocator/bench`,
      linkerFlags: "-s -w",
    };
    await buildProgram(go, goProgram, program, cache);
  });
}

/** The module's Go code, without what else is in it, writable. */
async function copyModule(from: string, to: string): Promise<void> {
  await mkdir(to, { recursive: true });
  for (const name of ["api", "internal"]) {
    await cp(join(from, name), join(to, name), { recursive: true });
  }
  await copyFile(join(from, "go.mod"), join(to, "go.mod"));
  await promisify(execFile)("chmod", ["-R", "u+w", to]);
}

async function build(
  metalLb: MetalLb,
  root: string,
  report: (line: string) => void,
): Promise<void> {
  const go = await requireGo();
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
  await takeDefinitions(metalLb.definitions);
}

async function requireGo(): Promise<GoToolchain> {
  const go = await findGo();
  if (go === undefined) {
    throw new Error("MetalLB is built with Go 1.21 or newer: install it from https://go.dev/dl");
  }
  return go;
}

/** The API is part of the module that was just built. */
async function takeDefinitions(target: string): Promise<void> {
  const aside = `${target}.${process.pid}`;
  try {
    const source = join(await metalLbSources(), "config", "crd", "bases");
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
