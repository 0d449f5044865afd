import { execFile } from "node:child_process";
import { randomInt } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { Worker } from "node:worker_threads";
import { describe, expect, test, vi } from "vitest";
import { compile, nativeSource, sanitizerFlags } from "../../build/native.ts";
import { isLong } from "../long.ts";
import { ip } from "./lan.ts";
import { useLink } from "./link-fixture.ts";
import { linkScript } from "./link-script.ts";

const run = promisify(execFile);

describe("the life of a link", () => {
  const at = useLink();

  function inProcess(rest: string, wrapper: readonly string[] = []): Promise<{ stdout: string }> {
    const command = [
      ...wrapper,
      process.execPath,
      "--input-type=module",
      "--eval",
      linkScript(at, rest),
    ];
    return run(command[0] as string, command.slice(1), { timeout: 60_000 });
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
        linkScript(
          at,
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
    "thread and owner share the engine without harm while tables and interfaces change: %s",
    async (sanitizer) => {
      const output = await compileTest("engine_test", engineSources(), [
        `-fsanitize=${sanitizer}`,
        "-fno-sanitize-recover=all",
      ]);
      const seed = process.env["SEED"] ?? String(randomInt(2 ** 32));
      const args = ["-n", output, seed, isLong ? "300" : "5"];
      const { stdout } = await run("unshare", args).catch((error: { stderr: string }) => {
        throw new Error(`SEED=${seed}: ${error.stderr}`);
      });
      console.log(`seed ${seed}, ${sanitizer} sanitizer: ${stdout.trim()}`);
    },
    isLong ? 400_000 : 90_000,
  );

  test("links that are opened and closed leave no descriptor and no thread behind", async () => {
    const { stdout } = await inProcess(`
      import { readdirSync } from "node:fs";
      const count = () => [readdirSync("/proc/self/fd").length, readdirSync("/proc/self/task").length];
      await link.close();
      const before = count();
      for (let round = 0; round < 200; round++) {
        link = open();
        if (round % 2 === 0) {
          link.withdraw(entries);
        }
        await link.close();
      }
      console.log(JSON.stringify([before, count()]));
    `);
    const [before, after] = JSON.parse(stdout) as unknown[];
    expect(after).toEqual(before);
  });

  test("interfaces that come and go leave no descriptor behind", async () => {
    const { stdout } = await inProcess(`
      import { execFileSync } from "node:child_process";
      import { readdirSync, readlinkSync } from "node:fs";
      import { setTimeout } from "node:timers/promises";
      const packetSockets = () => readdirSync("/proc/self/fd").filter((fd) => {
        try {
          return readlinkSync("/proc/self/fd/" + fd).startsWith("socket:");
        } catch {
          return false;
        }
      }).length;
      const ip = (input) => execFileSync("ip", ["-batch", "-"], { input });
      async function until(holds) {
        while (!holds()) {
          await setTimeout(1);
        }
      }
      await until(() => link.stats()[0].gratuitousSent > 0);
      const before = packetSockets();
      for (let round = 0; round < 12; round++) {
        const names = Array.from({ length: 5 }, (_, i) => "c" + ((round + i) % 12));
        ip(names.map((name) => "link add " + name + " up group 9 type veth peer name " + name + "-far").join("\\n"));
        const more = names.map((name) => ({ address: "192.0.2.5", interface: name }));
        link.answer(more);
        await until(() => packetSockets() === before + names.length);
        if (round % 2 === 0) {
          link.withdraw(more);
        }
        ip("link del group 9");
        await until(() => packetSockets() === before);
        link.withdraw(more);
      }
      console.log(packetSockets() - before);
      await link.close();
    `);
    expect(stdout).toBe("0\n");
  });

  test("sockets, groups and netlink that fail for a moment are told of when they work again, and nobody waits for them in vain", async () => {
    const output = await compileTest("recovery_test", engineSources(), sanitizerFlags);
    await run("unshare", ["-n", output]);
  });

  test("after lost netlink events the whole picture is asked for again", async () => {
    const ours = ["netlink.c", "interfaces.c", "ethernet.c"];
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

/** All of the addon but its translation for Node; the probe is a program of its own. */
function engineSources(): readonly string[] {
  const others = ["binding.c", "values.c", "probe.c"];
  return readdirSync(nativeSource(".")).filter(
    (name) => name.endsWith(".c") && !others.includes(name),
  );
}

function nativeThreads(): number {
  return readdirSync("/proc/self/task").filter(
    (id) => readFileSync(`/proc/self/task/${id}/comm`, "utf8").trim() === "steelyard-link",
  ).length;
}
