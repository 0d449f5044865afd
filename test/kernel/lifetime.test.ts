import { execFile } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { Worker } from "node:worker_threads";
import { describe, expect, test, vi } from "vitest";
import { compile, nativeSource, sanitizerFlags } from "../../build/native.ts";
import { ip } from "./lan.ts";
import { addonPath, useLink } from "./link-fixture.ts";

const run = promisify(execFile);
const linkModule = new URL("../../src/link/link.ts", import.meta.url).href;

describe("the life of a link", () => {
  const at = useLink();

  /** A module that opens a link, answers on this test's LAN and then runs `rest`. */
  function script(rest: string): string {
    return `
      import { Link } from ${JSON.stringify(linkModule)};
      const silent = { debug() {}, info() {}, warn() {}, error() {}, child: () => silent };
      const link = new Link({ addonPath: ${JSON.stringify(addonPath)}, onEvents() {}, log: silent });
      try {
        link.open();
      } catch (error) {
        console.log(error.code, error.syscall, error.message);
        process.exit(3);
      }
      const entries = [{ address: "192.0.2.4", interface: ${JSON.stringify(at.lan.nodeInterface)} }];
      link.answer(entries);
      link.announce(entries);
      ${rest}`;
  }

  function inProcess(rest: string, wrapper: readonly string[] = []): Promise<{ stdout: string }> {
    const command = [...wrapper, process.execPath, "--input-type=module", "--eval", script(rest)];
    return run(command[0] as string, command.slice(1), { timeout: 20_000 });
  }

  test("close ends the thread; closing twice and calling afterwards do no harm", async () => {
    expect(nativeThreads()).toBe(1);
    await at.link.close();
    await at.link.close();
    expect(nativeThreads()).toBe(0);
    expect(() => at.link.stats()).toThrow("not open");
  });

  test("a process that never closes its link ends by itself and well", async () => {
    await expect(inProcess("console.log('over')")).resolves.toMatchObject({ stdout: "over\n" });
    await expect(inProcess("process.exit(0)")).resolves.toBeDefined();
  });

  test("it works in a worker, and a worker that is ended takes its thread along", async () => {
    await at.link.close();
    const source = new URL(
      `data:text/javascript,${encodeURIComponent(
        script(
          "setInterval(() => {}, 1000); (await import('node:worker_threads')).parentPort.postMessage(1)",
        ),
      )}`,
    );
    const worker = new Worker(source);
    await new Promise((resolve, reject) => {
      worker.once("message", resolve);
      worker.once("error", reject);
    });
    expect(nativeThreads()).toBe(1);
    await vi.waitFor(
      () => at.lan.inPeer("arping", "-C", "1", "-w", "1", "-i", "eth0", "192.0.2.4"),
      10_000,
    );
    await worker.terminate();
    expect(nativeThreads()).toBe(0);
  });

  test("NET_RAW is all that it needs, and its absence is named", async () => {
    const only = ["setpriv", "--inh-caps=-all", "--bounding-set=-all,+net_raw"];
    await expect(inProcess("await link.close()", only)).resolves.toBeDefined();
    const without = ["setpriv", "--inh-caps=-all", "--bounding-set=-all"];
    await expect(inProcess("", without)).rejects.toMatchObject({
      code: 3,
      stdout: expect.stringMatching(/^EPERM socket\(AF_PACKET\) .*NET_RAW/),
    });
  });

  test("no event comes after close", async () => {
    await ip("addr", "add", "198.51.100.9/24", "dev", at.lan.nodeInterface);
    await at.link.close();
    at.events.length = 0;
    await new Promise((resolve) => setImmediate(resolve));
    expect(at.events).toEqual([]);
  });

  test.each(["thread", "address,undefined"])(
    "thread and owner share the engine without harm under the sanitizer: %s",
    async (sanitizer) => {
      await at.link.close();
      const output = await compileTest("engine_test", engineSources(), [
        `-fsanitize=${sanitizer}`,
        "-fno-sanitize-recover=all",
      ]);
      const requests = at.lan.startInPeer("arping", "-W", "0.001", "-i", "eth0", "10.1.0.7");
      try {
        await run(output, [at.lan.nodeInterface, "500"], { timeout: 60_000 });
      } finally {
        requests.kill();
      }
    },
    90_000,
  );

  test("after lost netlink events the whole picture is asked for again", async () => {
    const ours = ["netlink.c", "interfaces.c", "arp.c"];
    await at.lan.inPeer(await compileTest("netlink_test", ours, sanitizerFlags));
  });
});

/** Compiles a program of this folder with files of `native/`; returns where it is. */
async function compileTest(
  name: string,
  sources: readonly string[],
  flags: readonly string[],
): Promise<string> {
  const output = nativeSource(`build/${name}`);
  await mkdir(nativeSource("build"), { recursive: true });
  const program = fileURLToPath(new URL(`${name}.c`, import.meta.url));
  await compile(["-O1", "-g", ...flags, "-o", output, program, ...sources.map(nativeSource)]);
  return output;
}

/** All of the native code but its translation for Node. */
function engineSources(): readonly string[] {
  return readdirSync(nativeSource(".")).filter(
    (name) => name.endsWith(".c") && name !== "binding.c" && name !== "values.c",
  );
}

function nativeThreads(): number {
  return readdirSync("/proc/self/task").filter(
    (id) => readFileSync(`/proc/self/task/${id}/comm`, "utf8").trim() === "steelyard-link",
  ).length;
}
