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

  test("after lost netlink events the whole picture is asked for again", async () => {
    const output = nativeSource("build/netlink_test");
    await mkdir(nativeSource("build"), { recursive: true });
    const source = fileURLToPath(new URL("netlink_test.c", import.meta.url));
    const ours = ["netlink.c", "interfaces.c", "arp.c"].map(nativeSource);
    await compile(["-O1", ...sanitizerFlags, "-o", output, source, ...ours]);
    await at.lan.inPeer(output);
  });
});

function nativeThreads(): number {
  return readdirSync("/proc/self/task").filter(
    (id) => readFileSync(`/proc/self/task/${id}/comm`, "utf8").trim() === "steelyard-link",
  ).length;
}
