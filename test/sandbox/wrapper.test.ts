import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { run } from "../../sandbox/command.ts";
import { insideWrapper } from "../../sandbox/wrapper.ts";
import { systemClock } from "../../src/runtime/clock.ts";
import { type Before, lookAround, remainsOf, trialVariable } from "./remains.ts";

const wrapped = fileURLToPath(new URL("./wrapped-command.ts", import.meta.url));
const cluster = fileURLToPath(new URL("./running-cluster.ts", import.meta.url));

/** Leaves as much as it can: an orphan, a namespace with a process in it, a mount, a daemon. */
const litter = `
mkdir /run/steelyard && mount -t tmpfs tmpfs /run/steelyard && ip netns add litter || exit 1
nsenter --net=/run/netns/litter setsid sleep 1000 &
(setsid sh -c 'trap "" TERM INT HUP; while :; do sleep 1; done' &)
echo ready; while :; do sleep 1; done`;
const litterCommand = ["sh", "-c", litter];

/** What npm does: a shell between itself and the command. */
const likeNpm = `
const { spawn } = require("node:child_process");
spawn("sh", ["-c", '"$@"; exit $?', "sh", ...process.argv.slice(1)], { stdio: "inherit" });
setInterval(() => {}, 1000);`;

interface Trial {
  readonly mark: string;
  readonly before: Before;
  readonly process: ChildProcess;
  readonly ended: Promise<unknown>;
}

/** Starts a command that is marked, and so is everything it starts, as a job of its own. */
function start(argv: readonly string[]): Trial {
  const mark = randomUUID();
  const before = lookAround();
  const [program = "", ...args] = argv;
  const process_ = spawn(program, args, {
    detached: true,
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, [trialVariable]: mark },
  });
  return { mark, before, process: process_, ended: once(process_, "exit") };
}

function startWrapped(argv: readonly string[]): Trial {
  return start([process.execPath, wrapped, ...argv]);
}

function startLikeNpm(argv: readonly string[]): Trial {
  return start([process.execPath, "-e", likeNpm, process.execPath, wrapped, ...argv]);
}

async function ready(trial: Trial): Promise<void> {
  for await (const chunk of trial.process.stdout ?? []) {
    if (String(chunk).includes("ready")) {
      return;
    }
  }
  throw new Error("the command ended before it was ready");
}

/** The trial's remains once there are none, or after ten seconds. */
async function remains(trial: Trial): Promise<ReturnType<typeof remainsOf>> {
  const deadline = systemClock.now() + 10_000;
  for (;;) {
    const found = remainsOf(trial.mark, trial.before);
    if (Object.values(found).flat().length === 0 || systemClock.now() > deadline) {
      return found;
    }
    await systemClock.sleep(50);
  }
}

const nothing = { processes: [], namespaces: [], mounts: [] };

describe("a wrapped command", () => {
  test("sees namespaces of its own, an empty /run, loopback, and itself inside", () => {
    const look = `import("${new URL("../../sandbox/wrapper.ts", import.meta.url).href}").then((it) =>
      console.log(it.insideWrapper(), require("fs").readdirSync("/run").join(), process.ppid))`;
    const argv = [wrapped, process.execPath, "-e", look];
    const { stdout } = spawnSync(process.execPath, argv, { encoding: "utf8" });
    expect(stdout).toBe("true lock,netns 1\n");
  });

  test("cannot be mistaken for one by an inherited environment", async () => {
    expect(insideWrapper()).toBe(true);
    const url = new URL("../../sandbox/wrapper.ts", import.meta.url).href;
    const look = `import("${url}").then((it) => console.log(it.insideWrapper()))`;
    const argv = ["unshare", "--pid", "--fork", "--mount-proc", process.execPath, "-e", look];
    expect((await run(argv)).stdout).toBe("false\n");
  });

  test.each([
    ["its exit code", "exit 7", 7],
    ["128 and the signal that ended it", "kill -KILL $$", 137],
  ])("gives back %s", (_, script, code) => {
    const { status } = spawnSync(process.execPath, [wrapped, "sh", "-c", script]);
    expect(status).toBe(code);
  });

  test("takes everything along that it leaves behind when it ends by itself", async () => {
    const trial = startWrapped(["sh", "-c", litter.replace(/while :; do sleep 1; done$/, "")]);
    await trial.ended;
    expect(await remains(trial)).toEqual(nothing);
  });
});

describe("nothing is left after", () => {
  const moments = [0, 10, 20, 40, 60, 80, 100, 150, 200];

  test("kill -9 once it runs", { timeout: 30_000 }, async () => {
    const trial = startWrapped(litterCommand);
    await ready(trial);
    expect(remainsOf(trial.mark, trial.before).processes.length).toBeGreaterThan(3);
    trial.process.kill("SIGKILL");
    expect(await remains(trial)).toEqual(nothing);
  });

  test.each(moments)("kill -9 after %i ms", { timeout: 30_000 }, async (ms) => {
    const trial = startWrapped(litterCommand);
    await systemClock.sleep(ms);
    trial.process.kill("SIGKILL");
    expect(await remains(trial)).toEqual(nothing);
  });

  test("kill -9 of npm once it runs", { timeout: 30_000 }, async () => {
    const trial = startLikeNpm(litterCommand);
    await ready(trial);
    trial.process.kill("SIGKILL");
    expect(await remains(trial)).toEqual(nothing);
  });

  test.each(moments)("kill -9 of npm after %i ms", { timeout: 30_000 }, async (ms) => {
    const trial = startLikeNpm(litterCommand);
    await systemClock.sleep(ms);
    trial.process.kill("SIGKILL");
    expect(await remains(trial)).toEqual(nothing);
  });

  test.each(["SIGINT", "SIGTERM", "SIGHUP"] as const)("%s", { timeout: 30_000 }, async (signal) => {
    const trial = startWrapped(litterCommand);
    await ready(trial);
    trial.process.kill(signal);
    await trial.ended;
    expect(await remains(trial)).toEqual(nothing);
  });

  test("Ctrl-C, which the whole job gets", { timeout: 30_000 }, async () => {
    const trial = startWrapped(litterCommand);
    await ready(trial);
    process.kill(-(trial.process.pid ?? 0), "SIGINT");
    expect(await trial.ended).toEqual([130, null]);
    expect(await remains(trial)).toEqual(nothing);
  });

  test("a command that ignores every polite signal", { timeout: 30_000 }, async () => {
    const deaf = 'trap "" INT TERM HUP; echo ready; while :; do sleep 1; done';
    const trial = startWrapped(["sh", "-c", deaf]);
    await ready(trial);
    trial.process.kill("SIGTERM");
    expect(await trial.ended).toEqual([137, null]);
    expect(await remains(trial)).toEqual(nothing);
  });

  test.each([500, 1_500, 3_000])(
    "kill -9 of a cluster that starts, after %i ms",
    { timeout: 60_000 },
    async (ms) => {
      const trial = startWrapped([process.execPath, cluster]);
      await systemClock.sleep(ms);
      trial.process.kill("SIGKILL");
      expect(await remains(trial)).toEqual(nothing);
    },
  );

  test("kill -9 of a cluster that runs", { timeout: 120_000 }, async () => {
    const trial = startWrapped([process.execPath, cluster]);
    await ready(trial);
    expect(remainsOf(trial.mark, trial.before).processes.length).toBeGreaterThan(6);
    trial.process.kill("SIGKILL");
    expect(await remains(trial)).toEqual(nothing);
  });
});
