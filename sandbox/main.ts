import { spawn, spawnSync } from "node:child_process";
import { openSync, readFileSync } from "node:fs";
import { constants } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { Command, InvalidArgumentError, Option } from "commander";
import { systemClock } from "../src/runtime/clock.ts";
import {
  findSandbox,
  insideSandbox,
  kubectlInside,
  registerSandbox,
  stateDirectory,
} from "./background.ts";
import { images } from "./installation.ts";
import type { ProxyMode } from "./kube-proxy.ts";
import { preflight } from "./preflight.ts";
import { startSandbox } from "./sandbox.ts";
import { insideWrapper, rerunWrapped } from "./wrapper.ts";

/** `npm run sandbox -- up | down | kubectl … | exec …`: a cluster in the background, for people. */

interface UpOptions {
  readonly nodes: number;
  readonly clients: number;
  readonly proxy: ProxyMode;
  readonly image: ReadonlyMap<string, readonly string[]>;
}

/** The last line that the background process prints: all before it are for people. */
const readyLine = "ready";

/** Starts the background process and tells what it says until the cluster is ready. */
async function up(): Promise<number> {
  const running = findSandbox();
  if (running !== undefined) {
    console.error(`a sandbox is up already (process ${running}); npm run sandbox -- down ends it`);
    return 1;
  }
  if (!(await preflight("demo", (line) => console.log(line))).ok) {
    return 2;
  }
  const logFile = join(stateDirectory(), "sandbox.log");
  const args = [fileURLToPath(import.meta.url), "hold", ...process.argv.slice(3)];
  const log = openSync(logFile, "w");
  const stdio: ["ignore", "pipe", number] = ["ignore", "pipe", log];
  const holder = spawn(process.execPath, args, { detached: true, stdio });
  const { stdout } = holder;
  if (stdout === null) {
    throw new Error("a pipe was asked for");
  }
  for await (const line of createInterface({ input: stdout })) {
    if (line === readyLine) {
      console.log("npm run sandbox -- kubectl get nodes        uses it");
      console.log("npm run sandbox -- exec client-1 ip address  enters a host");
      console.log("npm run sandbox -- down                     ends it");
      holder.unref();
      stdout.destroy();
      return 0;
    }
    console.log(line);
  }
  console.error(`the sandbox did not start:\n${readFileSync(logFile, "utf8")}`);
  return 1;
}

/** The background process: outside it holds the wrapper, inside the cluster. */
async function hold(options: UpOptions): Promise<number> {
  if (!insideWrapper()) {
    const unregister = registerSandbox();
    try {
      return await rerunWrapped({ endWithParent: false });
    } finally {
      unregister();
    }
  }
  const start = systemClock.now();
  const sandbox = await startSandbox({
    ...options,
    images: new Map([...images, ...options.image]),
  });
  const seconds = ((systemClock.now() - start) / 1_000).toFixed(1);
  const names = [...sandbox.nodes, ...sandbox.clients].map(({ name, ip }) => `${name} ${ip}`);
  console.log(`Kubernetes ${sandbox.version}, kube-proxy (${options.proxy}), in ${seconds} s`);
  console.log(names.join(", "));
  console.log(readyLine);
  // Ended by `down`, which is a signal.
  setInterval(() => {}, 3_600_000);
  return await new Promise(() => {});
}

/** Ends the background process and waits until it is gone. */
async function down(): Promise<number> {
  const pid = findSandbox();
  if (pid === undefined) {
    console.log("no sandbox is up");
    return 0;
  }
  process.kill(pid, "SIGTERM");
  const deadline = systemClock.now() + 10_000;
  while (findSandbox() === pid) {
    if (systemClock.now() > deadline) {
      process.kill(pid, "SIGKILL");
    }
    await systemClock.sleep(20);
  }
  return 0;
}

/** Runs a command line made for the running sandbox with our standard streams. */
function enter(commandLine: (sandboxPid: number) => readonly string[]): number {
  const pid = findSandbox();
  if (pid === undefined) {
    console.error("no sandbox is up: npm run sandbox -- up");
    return 1;
  }
  const [program = "", ...args] = commandLine(pid);
  const { status, signal, error } = spawnSync(program, args, { stdio: "inherit" });
  if (error !== undefined) {
    throw error;
  }
  return status ?? 128 + (signal === null ? 0 : constants.signals[signal]);
}

function upCommand(name: string): Command {
  return new Command(name)
    .option("--nodes <n>", "nodes, 1 to 9", wholeNumber, 3)
    .option("--clients <n>", "clients on the LAN, 0 to 3", wholeNumber, 1)
    .addOption(
      new Option("--proxy <mode>", "kube-proxy's mode")
        .choices(["nftables", "iptables"])
        .default("nftables"),
    )
    .option(
      "--image <name=command>",
      "what an image (named without tag) runs, besides Steelyard's and the demo's; may be repeated",
      addImage,
      new Map(),
    );
}

function wholeNumber(text: string): number {
  if (!/^\d+$/.test(text)) {
    throw new InvalidArgumentError("must be a whole number");
  }
  return Number(text);
}

function addImage(
  text: string,
  known: ReadonlyMap<string, readonly string[]>,
): ReadonlyMap<string, readonly string[]> {
  const [, name = "", command = ""] = /^([^=]+)=(.+)$/.exec(text) ?? [];
  if (command === "") {
    throw new InvalidArgumentError("must be name=command");
  }
  return new Map([...known, [name, command.split(" ")]]);
}

function passThrough(name: string, description: string): Command {
  return new Command(name)
    .description(description)
    .allowUnknownOption()
    .passThroughOptions()
    .helpOption(false);
}

const program = new Command("npm run sandbox --")
  .description("A real Kubernetes cluster in network namespaces of this machine")
  .enablePositionalOptions()
  .addCommand(
    upCommand("up")
      .description("start one in the background")
      .action(async () => {
        process.exitCode = await up();
      }),
  )
  .addCommand(
    upCommand("hold").action(async (options: UpOptions) => {
      process.exitCode = await hold(options);
    }),
    { hidden: true },
  )
  .addCommand(
    new Command("down").description("end it").action(async () => {
      process.exitCode = await down();
    }),
  )
  .addCommand(
    passThrough("kubectl", "run kubectl against it, as admin")
      .argument("[args...]")
      .action((args: string[]) => {
        process.exitCode = enter((pid) => kubectlInside(pid, args));
      }),
  )
  .addCommand(
    passThrough("exec", "run a command in a host's network namespace")
      .argument("<host>", "node-1, client-1, gateway, lan-switch, …")
      .argument("<command...>")
      .action((host: string, argv: string[]) => {
        process.exitCode = enter((pid) => insideSandbox(pid, argv, host));
      }),
  );

await program.parseAsync();
