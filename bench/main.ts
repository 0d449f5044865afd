import { Command, InvalidArgumentError } from "commander";
import { preflight } from "../sandbox/preflight.ts";
import { insideWrapper, rerunWrapped } from "../sandbox/wrapper.ts";
import { type AllocationOptions, benchAllocation } from "./allocation.ts";
import { benchAnswers } from "./answers.ts";
import { type Contender, metalLbContender, steelyard } from "./contender.ts";
import { benchInterfaces } from "./interfaces.ts";
import { benchIntruder } from "./intruder.ts";
import { type LatencyOptions, type LatencyRound, measureLatency, spread } from "./latency.ts";
import { reportLatency } from "./latency-report.ts";
import { provideMetalLb } from "./metallb/programs.ts";
import { measureScale, type ScaleOptions, type ScaleRound } from "./scale.ts";
import { reportScale } from "./scale-report.ts";
import { formatFigure } from "./table.ts";

/** `npm run bench -- <what>`: figures, side by side with MetalLB's; see README.md. */

const print = (line: string): void => console.log(line);

interface ContestOptions extends Omit<LatencyOptions, "storm"> {
  readonly rounds: number;
  readonly only?: "steelyard" | "metallb";
}

/** Measures both, one after the other, as many rounds as wanted, and prints the table. */
async function contest(options: ContestOptions, storm: boolean): Promise<void> {
  const contenders = await contendersOf(options.only);
  const latency: LatencyOptions = { ...options, storm };
  const rounds: LatencyRound[][] = [];
  for (let round = 1; round <= options.rounds; round += 1) {
    const figures: LatencyRound[] = [];
    for (const contender of contenders) {
      const measured = await measureLatency(contender, latency, print);
      figures.push(measured);
      const told = [measured.assigned, measured.announced].flatMap(spread).map(formatFigure);
      const [s50, s99, a50, a99] = told;
      print(
        `round ${round}  ${contender.name}: status ${s50} / ${s99} ms, gratuitous ARP ${a50} / ${a99} ms`,
      );
    }
    rounds.push(figures);
  }
  reportLatency(rounds, latency, print);
}

interface ScaleFlags {
  readonly nodes: number;
  readonly services: number;
  readonly more: number;
  readonly limit: number;
  readonly proxySync: number;
  readonly rounds: number;
  readonly only?: "steelyard" | "metallb";
}

/** Fills clusters with both, one after the other, and prints the table. */
async function benchScale(flags: ScaleFlags): Promise<void> {
  const contenders = await contendersOf(flags.only);
  const options: ScaleOptions = {
    ...flags,
    limitMs: flags.limit * 60_000,
    proxyMinSyncSeconds: flags.proxySync,
  };
  const rounds: ScaleRound[][] = [];
  for (let round = 1; round <= flags.rounds; round += 1) {
    print(`round ${round}`);
    const figures: ScaleRound[] = [];
    rounds.push(figures);
    for (const contender of contenders) {
      figures.push(await measureScale(contender, options, print));
      // A contender may take an hour: what there is by then is not lost.
      reportScale(rounds, options, print);
    }
  }
}

async function contendersOf(only: ContestOptions["only"]): Promise<readonly Contender[]> {
  const theirs = only === "steelyard" ? [] : [metalLbContender(await provideMetalLb(print))];
  return only === "metallb" ? theirs : [steelyard, ...theirs];
}

/** Runs `act` inside a wrapper, after everything that needs the network has been provided outside. */
async function inWrapper(needsMetalLb: boolean, act: () => Promise<void>): Promise<void> {
  if (insideWrapper()) {
    await act();
    return;
  }
  const { ok } = await preflight("demo", print);
  if (!ok) {
    process.exitCode = 2;
    return;
  }
  await import("../build/build.ts");
  if (needsMetalLb) {
    await provideMetalLb(print);
  }
  process.exitCode = await rerunWrapped();
}

function positive(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0) {
    throw new InvalidArgumentError("a whole number is needed");
  }
  return value;
}

function only(text: string): string {
  if (text !== "steelyard" && text !== "metallb") {
    throw new InvalidArgumentError("steelyard or metallb");
  }
  return text;
}

function against(text: string): string {
  if (text !== "metallb") {
    throw new InvalidArgumentError("metallb");
  }
  return text;
}

function contestCommand(name: string, count: number): Command {
  return new Command(name)
    .option("--count <n>", "Services that are measured", positive, count)
    .option("--services <n>", "Services that are there before", positive, 0)
    .option("--nodes <n>", "nodes of the cluster", positive, 3)
    .option("--rounds <n>", "how often, each in fresh clusters", positive, 1)
    .option("--only <name>", "measure one: steelyard or metallb", only);
}

const program = new Command("npm run bench --").description(
  "Measures Steelyard, and MetalLB beside it, on this machine",
);
program.addCommand(
  contestCommand("latency", 200)
    .description("Services one after the other: time to address and to gratuitous ARP, memory, CPU")
    .action((options: ContestOptions) =>
      inWrapper(options.only !== "steelyard", () => contest(options, false)),
    ),
);
program.addCommand(
  contestCommand("storm", 3_000)
    .description("Services all at once: time until all are served, memory, CPU")
    .action((options: ContestOptions) =>
      inWrapper(options.only !== "steelyard", () => contest(options, true)),
    ),
);
program.addCommand(
  new Command("scale")
    .description("Fills a cluster: time, one more Service, a restart, API writes, memory, CPU")
    .option("--services <n>", "Services that are created at once", positive, 3_000)
    .option("--more <n>", "Services that are created after them, one by one", positive, 50)
    .option("--limit <minutes>", "how long all may take to be announced", positive, 25)
    .option("--proxy-sync <seconds>", "how long kube-proxy gathers changes", positive, 1)
    .option("--nodes <n>", "nodes of the cluster", positive, 3)
    .option("--rounds <n>", "how often, each in fresh clusters", positive, 1)
    .option("--only <name>", "measure one: steelyard or metallb", only)
    .action((flags: ScaleFlags) => inWrapper(flags.only !== "steelyard", () => benchScale(flags))),
);
for (const [protocol, answers] of [
  ["arp", "ARP replies"],
  ["ndp", "Neighbor advertisements"],
] as const) {
  program.addCommand(
    new Command(protocol)
      .description(`${answers}, idle and with JavaScript busy, against the kernel's own`)
      .option("--count <n>", "requests per round", positive, 5_000)
      .option("--rounds <n>", "how often", positive, 3)
      .action((options: { count: number; rounds: number }) =>
        inWrapper(false, () => benchAnswers({ protocol, ...options }, print)),
      ),
  );
}
program.addCommand(
  new Command("interfaces")
    .description("Outage at a client when the announcing interface comes, goes or changes")
    .option("--rounds <n>", "how often each", positive, 5)
    .action((options: { rounds: number }) =>
      inWrapper(false, () => benchInterfaces(options, print)),
    ),
);
program.addCommand(
  new Command("intruder")
    .description(
      "What a node and a client see of a host that takes an announced address and leaves",
    )
    .option("--rounds <n>", "how often", positive, 3)
    .action((options: { rounds: number }) => inWrapper(false, () => benchIntruder(options, print))),
);
program.addCommand(
  new Command("allocation")
    .description("Decisions a second, without a cluster, at any fill and over many pools")
    .option("--against <name>", "measure beside: metallb", against)
    .option("--rounds <n>", "how often", positive, 3)
    .option("--only <text>", "only the situations with this in their names")
    .action((options: AllocationOptions) => benchAllocation(options, print)),
);
await program.parseAsync();
process.exit();
