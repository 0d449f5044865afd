import { execFile } from "node:child_process";
import { randomInt } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { beforeAll, describe, expect, test } from "vitest";
import { compile, nativeSource, sanitizerFlags, warningFlags } from "../../build/native.ts";

const run = promisify(execFile);
const here = fileURLToPath(new URL(".", import.meta.url));
const buildDir = nativeSource("build");

/** Each program of this folder with the files of `native/` that it is about. */
const programs = {
  arp_test: ["arp.c"],
  responder_test: ["responder.c", "table.c", "burst.c", "arp.c"],
  burst_test: ["burst.c"],
  interfaces_test: ["interfaces.c", "arp.c"],
  fuzz: ["responder.c", "table.c", "burst.c", "arp.c"],
} as const;

async function compileProgram(name: keyof typeof programs): Promise<string> {
  const output = `${buildDir}/${name}`;
  const sources = [`${here}${name}.c`, ...programs[name].map(nativeSource)];
  await compile(["-O1", "-Werror", ...warningFlags, ...sanitizerFlags, "-o", output, ...sources]);
  return output;
}

beforeAll(async () => {
  await mkdir(buildDir, { recursive: true });
});

describe("the native code's own tests, with sanitizers", () => {
  test("every frame that is no ARP for IPv4 over Ethernet is refused, and ours are right to the byte", async () => {
    await run(await compileProgram("arp_test"), []);
  });

  test("requests for our addresses are answered, claims noticed, all else ignored", async () => {
    await run(await compileProgram("responder_test"), []);
  });

  test("an announcement is five rounds, paced over all addresses", async () => {
    await run(await compileProgram("burst_test"), []);
  });

  test("the picture of the interfaces follows every change and forgets what was lost", async () => {
    await run(await compileProgram("interfaces_test"), []);
  });

  test("random frames, tables and schedules break nothing", async () => {
    const seed = process.env["SEED"] ?? String(randomInt(2 ** 32));
    const rounds = process.env["FUZZ_ROUNDS"] ?? "300000";
    console.log(
      `fuzz seed ${seed}, ${rounds} rounds (SEED= and FUZZ_ROUNDS= repeat or lengthen it)`,
    );
    const program = await compileProgram("fuzz");
    await expect(run(program, [seed, rounds]), `SEED=${seed}`).resolves.toBeDefined();
  }, 120_000);
});
