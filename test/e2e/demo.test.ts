import { type ChildProcess, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { kubernetesVersion } from "../../sandbox/kube/pinned.ts";
import { systemClock } from "../../src/runtime/clock.ts";
import { lookAround, remainsOf, trialVariable } from "../sandbox/remains.ts";

const demo = fileURLToPath(new URL("../../sandbox/demo.ts", import.meta.url));

interface Run {
  readonly process: ChildProcess;
  /** What it printed so far, colours removed. */
  readonly output: () => string;
  readonly ended: Promise<unknown>;
  readonly mark: string;
}

/** Starts the demo as a job of its own, in a wrapper inside ours. */
function startDemo(...args: readonly string[]): Run {
  const mark = randomUUID();
  const child = spawn(process.execPath, [demo, ...args], {
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, [trialVariable]: mark, STEELYARD_SANDBOX: "", NO_COLOR: "1" },
  });
  let text = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (chunk: string) => {
      text += chunk;
    });
  }
  return { process: child, output: () => text, ended: once(child, "close"), mark };
}

async function printed(run: Run, words: string): Promise<void> {
  while (!run.output().includes(words)) {
    if (run.process.exitCode !== null) {
      throw new Error(`it ended without "${words}":\n${run.output()}`);
    }
    await systemClock.sleep(20);
  }
}

const steps = ["cluster", "install", "address", "announce", "http", "refused", "failover"];

describe("npm run demo", () => {
  test("tells seven steps, each seen, and exits with 0", async () => {
    const run = startDemo();
    await run.ended;
    const lines = run.output().trimEnd().split("\n");
    expect(lines.at(-1), run.output()).toBe("7 passed, 0 failed");
    const told = lines.slice(-8, -1).map((line) => /^ok +[\d.]+m?s {2}(\w+) +(.*)$/.exec(line));
    expect(told.map((match) => match?.[1])).toEqual(steps);
    const sentences = told.map((match) => match?.[2] ?? "");
    expect(sentences[0]).toMatch(
      /^Kubernetes 1\.\d+\.\d+, 3 nodes with kube-proxy \(nftables\), 1 client on the LAN/,
    );
    expect(sentences[2]).toBe("my-example-service has 192.0.2.4 from pool production");
    expect(sentences[5]).toContain(
      "192.0.2.4: AllocationFailed: AddressInUse: 192.0.2.4 is in use by Service",
    );
    const [, before = ""] = /192\.0\.2\.4 is at \S+ \((node-\d)\)/.exec(sentences[3] ?? "") ?? [];
    expect(sentences[6]).toMatch(
      new RegExp(`^${before} powered off; (?!${before})node-\\d answers`),
    );
    expect(sentences[0]).toContain(`Kubernetes ${kubernetesVersion()},`);
    expect(run.process.exitCode).toBe(0);
  });

  test("tells the same over IPv6 when asked", async () => {
    const run = startDemo("--ipv6");
    await run.ended;
    const lines = run.output().trimEnd().split("\n");
    expect(lines.at(-1), run.output()).toBe("7 passed, 0 failed");
    const address = "2001:db8:0:2::4";
    expect(run.output()).toContain(`my-example-service has ${address} from pool production`);
    expect(run.output()).toContain(`client saw an unsolicited neighbor advertisement: ${address}`);
    expect(run.process.exitCode).toBe(0);
  });

  test("shows how to use it when asked", async () => {
    const run = startDemo("--help");
    await run.ended;
    expect(run.output()).toMatch(/^Usage: npm run demo --/);
    expect(run.output()).toContain("--keep");
    expect(run.process.exitCode).toBe(0);
  });

  test("cannot start with a flag that it does not know, and shows those that it knows", async () => {
    const run = startDemo("--bogus");
    await run.ended;
    expect(run.output()).toMatch(/unknown option '--bogus'[\s\S]*--keep/);
    expect(run.process.exitCode).toBe(2);
  });

  test.each([
    ["Ctrl-C while it installs", "ok", "SIGINT", 130],
    ["kill -9 while a Service is served", "http", "SIGKILL", null],
  ] as const)("leaves nothing behind after %s", async (_, words, signal, code) => {
    const before = lookAround();
    const run = startDemo();
    await printed(run, words === "ok" ? "  cluster  " : "  http  ");
    expect(remainsOf(run.mark, before).processes.length).toBeGreaterThan(6);
    // A terminal gives Ctrl-C to the whole job; kill -9 hits one process.
    const pid = run.process.pid ?? 0;
    process.kill(signal === "SIGINT" ? -pid : pid, signal);
    await run.ended;
    expect(run.process.exitCode).toBe(code);
    const nothing = { processes: [], namespaces: [], mounts: [] };
    await expect.poll(() => remainsOf(run.mark, before), { timeout: 30_000 }).toEqual(nothing);
  });
});
