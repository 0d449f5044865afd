import { execFileSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Instruction, imageEntrypoint, readDockerfile } from "../../build/dockerfile.ts";

const instructions = readDockerfile();
const start = (stage: string): number =>
  instructions.findIndex(({ name, text }) => name === "FROM" && text.endsWith(` AS ${stage}`));
const build = instructions.slice(start("build"), start("runtime"));
const runtime = instructions.slice(start("runtime"));
const all = (name: string, stage: readonly Instruction[]): readonly string[] =>
  stage.filter((it) => it.name === name).map(({ text }) => text);

/** What the build stage takes from the project. */
const sources = all("COPY", build).flatMap((text) => text.split(" ").slice(0, -1));

describe("the Dockerfile", () => {
  test("has two stages with names, and bases that can be pinned from outside", () => {
    const stages = all("FROM", instructions);
    expect(stages.map((text) => text.replaceAll(/[${}]/g, ""))).toEqual([
      "BUILD_BASE AS build",
      "RUNTIME_BASE AS runtime",
    ]);
    const [first = "", second = ""] = all("ARG", instructions);
    expect(first).toMatch(/^BUILD_BASE=\S+\/node:24-[a-z]+$/);
    expect(second).toMatch(/^RUNTIME_BASE=gcr\.io\/distroless\/nodejs24-debian\d+:nonroot$/);
  });

  test("builds on a Debian that is not newer than the one that runs it", () => {
    const debians: Readonly<Record<string, number>> = { bookworm: 12, trixie: 13 };
    const [first = "", second = ""] = all("ARG", instructions);
    const builds = debians[/-([a-z]+)$/.exec(first)?.[1] ?? ""];
    const runs = Number(/debian(\d+)/.exec(second)?.[1]);
    expect(builds).toBeLessThanOrEqual(runs);
  });

  test("only copies the tree into the last stage, and runs nothing there", () => {
    expect(runtime.map(({ name }) => name)).toEqual([
      ...["FROM", "COPY", "USER", "WORKDIR", "ENTRYPOINT"],
    ]);
    expect(all("COPY", runtime)).toEqual(["--from=build /src/dist/image/ /"]);
  });

  test("names a user by number who is not root, and an entrypoint without a shell", () => {
    expect(all("USER", runtime)).toEqual(["65532:65532"]);
    const entrypoint = imageEntrypoint();
    expect(entrypoint[0]).toBe("/nodejs/bin/node");
    expect(entrypoint.at(-1)).toBe("/steelyard/steelyard.js");
    // They cost 20 MB in every process.
    expect(entrypoint).not.toContain("--enable-source-maps");
  });

  test("finds everything that it copies, and .dockerignore lets that through and no more", () => {
    expect(sources.filter((path) => !existsSync(path))).toEqual([]);
    const lines = readFileSync(".dockerignore", "utf8").split("\n");
    const allowed = lines.filter((line) => line.startsWith("!")).map((line) => line.slice(1));
    expect(lines).toContain("*");
    expect(allowed.toSorted()).toEqual(sources.toSorted());
  });
});

describe("the build stage", () => {
  let directory: string;

  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), "build-stage-"));
    for (const path of sources) {
      const filter = (it: string): boolean => resolve(it) !== resolve("native/build");
      cpSync(path, join(directory, path), { recursive: true, filter });
    }
    symlinkSync(resolve("node_modules"), join(directory, "node_modules"));
  });

  afterAll(() => {
    rmSync(directory, { recursive: true });
  });

  test("makes the tree of what it has copied, with modes for everybody", {
    timeout: 60_000,
  }, () => {
    expect(all("RUN", build)).toEqual(["npm ci --no-audit --no-fund", "npm run image:tree"]);
    const { scripts } = JSON.parse(readFileSync("package.json", "utf8"));
    const [, ...args] = scripts["image:tree"].split(" ") as string[];
    execFileSync("sh", ["-c", 'umask 077; exec "$@"', "sh", process.execPath, ...args], {
      cwd: directory,
      stdio: "pipe",
    });
    const tree = join(directory, "dist", "image");
    const said = execFileSync(
      process.execPath,
      [join(tree, "steelyard", "steelyard.js"), "--version"],
      { encoding: "utf8", cwd: "/" },
    );
    const { version } = JSON.parse(readFileSync("package.json", "utf8"));
    expect(said).toBe(`${version}\n`);
    const modeOf = (path: string): string => (statSync(join(tree, path)).mode & 0o777).toString(8);
    expect(["steelyard", "steelyard/steelyard.node", "steelyard-probe"].map(modeOf)).toEqual([
      ...["755", "644", "755"],
    ]);
    const licences = readFileSync(join(tree, "steelyard", "THIRD-PARTY-LICENSES"), "utf8");
    expect(licences).toMatch(/^undici \S+ \(MIT\)$/m);
    const compiled = ["steelyard/steelyard.node", "steelyard-probe"].map((path) =>
      readFileSync(join(tree, path), "latin1"),
    );
    const wanted = compiled.flatMap((text) =>
      [...text.matchAll(/GLIBC_2\.(\d+)/g)].map(([, minor]) => Number(minor)),
    );
    // Debian 13 has 2.41.
    expect(Math.max(...wanted)).toBeLessThanOrEqual(41);
  });
});
