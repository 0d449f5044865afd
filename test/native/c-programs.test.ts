import { execFile } from "node:child_process";
import { randomInt } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { beforeAll, describe, expect, test } from "vitest";
import { compile, nativeSource, sanitizerFlags, warningFlags } from "../../build/native.ts";
import { isLong } from "../long.ts";

const run = promisify(execFile);
const here = fileURLToPath(new URL(".", import.meta.url));
const buildDir = nativeSource("build");

/** Each program of this folder with the files of `native/` that it is about. */
const programs = {
  arp_test: ["arp.c", "ethernet.c"],
  ndp_test: ["ndp.c", "ethernet.c"],
  responder_test: ["responder.c", "entry.c", "table.c", "burst.c", "arp.c", "ndp.c", "ethernet.c"],
  burst_test: ["burst.c"],
  claims_test: [
    "claim_limit.c",
    "observed.c",
    "inquiry.c",
    "table.c",
    "arp.c",
    "ndp.c",
    "ethernet.c",
  ],
  event_queue_test: ["event_queue.c"],
  directed_test: ["directed.c", "requesters.c", "arp.c", "ndp.c", "ethernet.c"],
  interfaces_test: ["interfaces.c", "ethernet.c"],
  netlink_messages_test: ["netlink.c", "interfaces.c", "ethernet.c"],
} as const;

/** The fuzzer's own files, and what it is about. */
const fuzzer = ["fuzz.c", "fuzz_table.c", "fuzz_ndp.c", "fuzz_burst.c", "fuzz_netlink.c"];
const fuzzed = [...programs.responder_test, "netlink.c", "interfaces.c"];

function compileProgram(name: keyof typeof programs): Promise<string> {
  return compileSanitized(name, [`${here}${name}.c`, ...programs[name].map(nativeSource)]);
}

/** Compiles the fuzzer, over `sources` instead of {@link fuzzed} if given. */
function compileFuzzer(name: string, sources = fuzzed.map(nativeSource)): Promise<string> {
  return compileSanitized(name, [...fuzzer.map((file) => `${here}${file}`), ...sources]);
}

async function compileSanitized(name: string, sources: readonly string[]): Promise<string> {
  const output = `${buildDir}/${name}`;
  await compile(["-O1", "-Werror", ...warningFlags, ...sanitizerFlags, "-o", output, ...sources]);
  return output;
}

/** A mistake that somebody might make: `right`, which stands in `file` once, becomes `wrong`. */
interface Mistake {
  readonly file: string;
  readonly right: string;
  readonly wrong: string;
}

/** Compiles the fuzzer over the native code with one mistake in it. */
async function compileWithMistake({ file, right, wrong }: Mistake): Promise<string> {
  const source = await readFile(nativeSource(file), "utf8");
  expect(source.split(right).length, `"${right}" stands in ${file}`).toBe(2);
  const changed = `${buildDir}/mistaken_${file}`;
  await writeFile(changed, source.replace(right, wrong));
  const sources = fuzzed.map((name) => (name === file ? changed : nativeSource(name)));
  return compileFuzzer(`mistaken_${file.replace(".c", "")}`, sources);
}

async function failureOf(program: string, ...args: readonly string[]): Promise<string> {
  try {
    await run(program, args);
  } catch (error) {
    return (error as { stderr: string }).stderr;
  }
  throw new Error(`${program} ${args.join(" ")} found nothing`);
}

beforeAll(async () => {
  await mkdir(buildDir, { recursive: true });
});

describe("the native code's own tests, with sanitizers", () => {
  test("every frame that is no ARP for IPv4 over Ethernet is refused, and ours are right to the byte", async () => {
    await run(await compileProgram("arp_test"), []);
  });

  test("every frame that is no valid solicitation or advertisement is refused, and ours are right to the byte", async () => {
    await run(await compileProgram("ndp_test"), []);
  });

  test("requests for our addresses are answered, claims noticed, all else ignored", async () => {
    await run(await compileProgram("responder_test"), []);
  });

  test("who asked for an address, and the gateways, are told of it one by one, as many as there is room for", async () => {
    await run(await compileProgram("directed_test"), []);
  });

  test("an announcement is five rounds, paced over all addresses", async () => {
    await run(await compileProgram("burst_test"), []);
  });

  test("claims are told at a bounded rate, and asking whether an address is in use tells nothing", async () => {
    await run(await compileProgram("claims_test"), []);
  });

  test("a flood of forged claims hides nothing of what this host has to tell of itself", async () => {
    await run(await compileProgram("event_queue_test"), []);
  });

  test("the picture of the interfaces follows every change and forgets what was lost", async () => {
    await run(await compileProgram("interfaces_test"), []);
  });

  test("bonds that fail over, carriers back unseen, radios, macvlans and default routes are understood as the kernel tells them", async () => {
    await run(await compileProgram("netlink_messages_test"), []);
  });
});

describe("the fuzzer", () => {
  test(
    "finds nothing in frames, netlink messages, tables and schedules",
    async () => {
      const seed = process.env["SEED"] ?? String(randomInt(2 ** 32));
      const seconds = process.env["FUZZ_SECONDS"] ?? (isLong ? "1800" : "10");
      const { stdout } = await run(await compileFuzzer("fuzz"), [seed, seconds]);
      console.log(`fuzz from seed ${seed}: ${stdout.trim()}`);
    },
    isLong ? 2_000_000 : 120_000,
  );

  test.each<Mistake & { readonly what: string }>([
    {
      what: "a frame that is one byte short",
      file: "arp.c",
      right: "length < PACKET_END ||",
      wrong: "length < PACKET_END - 1 ||",
    },
    {
      what: "a claim taken from the wrong field",
      file: "responder.c",
      right: "verdict->sender = address_from_ipv4(packet->sender_address)",
      wrong: "verdict->sender = address_from_ipv4(packet->target_address)",
    },
    {
      what: "an option longer than the packet",
      file: "ndp.c",
      right: "this_one == 0 || this_one > length",
      wrong: "this_one == 0",
    },
    {
      what: "a solicitation from behind a router",
      file: "ndp.c",
      right: "frame[OFFSET_HOP_LIMIT] != HOP_LIMIT_OF_THIS_LINK",
      wrong: "frame[OFFSET_HOP_LIMIT] == 0",
    },
    {
      what: "an entry that is lost when another one leaves",
      file: "table.c",
      right: "from_home >= from_gap",
      wrong: "from_home > from_gap",
    },
    {
      what: "padding that is taken for a message",
      file: "netlink.c",
      right: "int left = (int)length;",
      wrong: "size_t left = length;",
    },
  ])("would find $what, and its seed finds it again", async (mistake) => {
    const program = await compileWithMistake(mistake);
    const said = await failureOf(program, "1", "10");
    const seed = /^SEED=(\d+)$/m.exec(said)?.[1] ?? "";
    const again = await failureOf(program, seed, "0");
    expect(again).toContain(`SEED=${seed}`);
    expect(placeOf(again)).toBe(placeOf(said));
  });
});

/** Where it failed: a check's file and line, or the innermost line of ours in a sanitizer's report. */
function placeOf(said: string): string {
  const place = /(?:^| )\S*?([\w]+\.c:\d+)/m.exec(said)?.[1];
  expect(place, said).toBeDefined();
  return place ?? "";
}
