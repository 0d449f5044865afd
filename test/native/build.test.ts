import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { buildNative } from "../../build/native.ts";

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
