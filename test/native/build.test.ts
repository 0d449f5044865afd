import { cp, mkdir, mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { buildNative } from "../../build/native.ts";
import { buildRawSocket } from "../../build/raw-socket.ts";

describe("building the addon", () => {
  let outDir: string;
  const compiler = process.env["CC"];

  beforeEach(async () => {
    outDir = await mkdtemp(join(tmpdir(), "steelyard-build-"));
  });

  afterEach(async () => {
    await rm(outDir, { recursive: true });
    if (compiler === undefined) {
      delete process.env["CC"];
    } else {
      process.env["CC"] = compiler;
    }
  });

  test("happens once for the same sources", async () => {
    const path = await buildNative({ outDir });
    const first = await stat(path);
    expect(await buildNative({ outDir })).toBe(path);
    expect((await stat(path)).ino).toBe(first.ino);
  });

  test("names a missing compiler and what to do", async () => {
    process.env["CC"] = "no-such-compiler";
    await expect(buildNative({ outDir })).rejects.toThrow(
      /"no-such-compiler" was not found.*apt-get install gcc.*CC=/,
    );
  });

  test("says what the compiler said when it refuses", async () => {
    process.env["CC"] = "false";
    await expect(buildNative({ outDir })).rejects.toThrow("false failed");
  });
});

describe("building raw-socket", () => {
  const project = join(import.meta.dirname, "../..");
  let home: string;

  beforeEach(async () => {
    // A copy within the project, where it finds `nan`: other tests use the installed one meanwhile.
    await mkdir(join(project, "dist"), { recursive: true });
    home = await mkdtemp(join(project, "dist/raw-socket-"));
    await cp(join(project, "node_modules/raw-socket"), home, {
      recursive: true,
      filter: (path) => basename(path) !== "build",
    });
  });

  afterEach(async () => {
    delete process.env["npm_config_nodedir"];
    await rm(home, { recursive: true });
  });

  test("replaces an addon that this Node cannot load, whatever npm's configuration says", async () => {
    await mkdir(join(home, "build/Release"), { recursive: true });
    await writeFile(join(home, "build/Release/raw.node"), "made for another Node");
    process.env["npm_config_nodedir"] = "/no/such/headers";
    expect(await buildRawSocket({ home })).toEqual({ folder: home, told: "built raw-socket" });
    expect(await buildRawSocket({ home })).toEqual({ folder: home, told: "raw-socket is built" });
  });

  test("says why it could not", async () => {
    await writeFile(join(home, "src/raw.cc"), "no C++");
    expect(await buildRawSocket({ home })).toEqual({
      folder: undefined,
      told: expect.stringMatching(/^raw-socket could not be built \(it is optional\): \S/),
    });
  });
});
