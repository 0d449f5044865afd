import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const run = promisify(execFile);
const nativeDir = fileURLToPath(new URL("../native/", import.meta.url));

/** A program of its own; all other sources make up the addon. */
const probe = "probe.c";

/** Warnings that our C must not cause; tests make them errors. */
export const warningFlags = ["-Wall", "-Wextra", "-Wpedantic"] as const;

/** Finds out of bounds, use after free, leaks and undefined behaviour while a program runs. */
export const sanitizerFlags = [
  "-g",
  "-fsanitize=address,undefined",
  "-fno-sanitize-recover=all",
  "-fno-omit-frame-pointer",
] as const;

/**
 * Compiles the native responder to `<outDir>/steelyard.node` and returns that path.
 *
 * One call of the C compiler (`CC`, or `cc`); nothing happens when sources and
 * flags are those of the last call. The file is replaced in one step, so a
 * process that has it loaded is not disturbed. With `sanitize` the addon only
 * loads into a process that preloads the sanitizer's library.
 *
 * Throws when there is no compiler or it refuses the sources, with what to do
 * or what it said.
 */
export async function buildNative(options: {
  outDir: string;
  sanitize?: boolean;
}): Promise<string> {
  const flags = addonFlags(options.sanitize ?? false);
  return await buildOnce(join(options.outDir, "steelyard.node"), await addonSources(), flags);
}

/**
 * Compiles the program that asks a Pod's process for its health, `native/probe.c`,
 * to `<outDir>/steelyard-probe` and returns that path. It needs nothing but the C
 * library. As {@link buildNative} otherwise.
 */
export async function buildProbe(options: { outDir: string }): Promise<string> {
  const flags = ["-O2", ...warningFlags];
  return await buildOnce(join(options.outDir, "steelyard-probe"), [nativeSource(probe)], flags);
}

async function buildOnce(
  output: string,
  sources: readonly string[],
  flags: readonly string[],
): Promise<string> {
  const stamp = join(dirname(output), `.${basename(output)}.sha256`);
  const digest = await digestOf(sources, flags);
  if (await isUpToDate(output, stamp, digest)) {
    return output;
  }
  await mkdir(dirname(output), { recursive: true });
  const aside = `${output}.${process.pid}`;
  try {
    await compile([...flags, "-o", aside, ...sources.filter((path) => path.endsWith(".c"))]);
    await rename(aside, output);
  } finally {
    await rm(aside, { force: true });
  }
  await writeFile(stamp, digest);
  return output;
}

/**
 * Runs the C compiler with `args` after the flags that all of our C is compiled with.
 *
 * Throws when there is no compiler, or with what it said.
 */
export async function compile(args: readonly string[]): Promise<void> {
  const compiler = process.env["CC"] ?? "cc";
  try {
    await run(compiler, ["-std=c11", "-D_GNU_SOURCE", "-pthread", `-I${nativeDir}`, ...args]);
  } catch (error) {
    throw explain(compiler, error);
  }
}

/** Returns the path of a file in `native/`. */
export function nativeSource(name: string): string {
  return join(nativeDir, name);
}

function explain(compiler: string, error: unknown): Error {
  const { code, stderr } = error as { code?: unknown; stderr?: string };
  if (code === "ENOENT") {
    return new Error(
      `No C compiler: "${compiler}" was not found. Install one (apt-get install gcc libc6-dev) or name yours with CC=.`,
      { cause: error },
    );
  }
  return new Error(`${compiler} failed:\n${stderr ?? String(error)}`, { cause: error });
}

function addonFlags(sanitize: boolean): string[] {
  const { include_dir: nodeApiHeaders } = createRequire(import.meta.url)("node-api-headers") as {
    include_dir: string;
  };
  return [
    "-O2",
    "-shared",
    "-fPIC",
    "-fvisibility=hidden",
    "-DNAPI_VERSION=8",
    ...warningFlags,
    ...(sanitize ? sanitizerFlags : []),
    "-isystem",
    nodeApiHeaders,
  ];
}

async function addonSources(): Promise<string[]> {
  const names = await readdir(nativeDir);
  return names
    .filter((name) => /\.[ch]$/.test(name) && name !== probe)
    .sort()
    .map((name) => join(nativeDir, name));
}

/** Also covers compiler and processor: `dist/` may lie on a disk that several machines use. */
async function digestOf(sources: readonly string[], flags: readonly string[]): Promise<string> {
  const hash = createHash("sha256");
  hash.update(JSON.stringify([process.env["CC"] ?? "cc", process.arch, ...flags]));
  for (const path of sources) {
    hash.update(path).update(await readFile(path));
  }
  return hash.digest("hex");
}

async function isUpToDate(output: string, stamp: string, digest: string): Promise<boolean> {
  try {
    const [known] = await Promise.all([readFile(stamp, "utf8"), readFile(output)]);
    return known === digest;
  } catch {
    return false;
  }
}
