import { spawn } from "node:child_process";
import { text } from "node:stream/consumers";
import { version } from "../src/runtime/version.ts";
import { type AllocationCase, allocationCases } from "./allocation/cases.ts";
import { decisionsPerSecond } from "./allocation/measure.ts";
import { describeLoad, describeMachine } from "./machine.ts";
import { provideAllocator } from "./metallb/programs.ts";
import { quantile } from "./quantile.ts";
import { formatFigure, formatRatio, printTable } from "./table.ts";

export interface AllocationOptions {
  readonly rounds: number;
  readonly against?: "metallb";
  /** Only the situations with this in their names. */
  readonly only?: string;
}

/** How long MetalLB may take for one situation, with making it. */
const limitMs = 600_000;

/** What takes longer is measured once and not in every round. */
const repeatedMs = 60_000;

/** Decisions a second in one situation, a figure for each round; none: not run to the end. */
interface Figures {
  readonly ours: number[];
  readonly theirs: number[];
}

/** Measures decisions without a cluster, ours and MetalLB's in turns, and prints the table. */
export async function benchAllocation(
  options: AllocationOptions,
  print: (line: string) => void,
): Promise<void> {
  const { rounds, against, only } = options;
  const allocator = against === undefined ? undefined : await provideAllocator(print);
  const situations = allocationCases.filter(({ name }) => name.includes(only ?? ""));
  const figures = new Map(situations.map((one) => [one, { ours: [], theirs: [] } as Figures]));
  const slow = new Set<AllocationCase>();
  for (let round = 1; round <= rounds; round += 1) {
    for (const [situation, { ours, theirs }] of figures) {
      ours.push(decisionsPerSecond(situation));
      if (allocator !== undefined && !slow.has(situation)) {
        const start = performance.now();
        theirs.push(...(await metalLbDecisions(allocator, situation)));
        if (performance.now() - start > repeatedMs) {
          slow.add(situation);
        }
      }
      const told = [ours.at(-1), ...(allocator === undefined ? [] : [theirs.at(-1)])];
      print(`round ${round}  ${situation.name}: ${told.map(figure).join(" / ")}`);
    }
  }
  report(figures, options, print);
}

/** One figure, or none if it takes too long. */
async function metalLbDecisions(
  program: string,
  { pools, held, work }: AllocationCase,
): Promise<readonly number[]> {
  const signal = AbortSignal.timeout(limitMs);
  const child = spawn(program, { stdio: ["pipe", "pipe", "inherit"], signal });
  const ended = new Promise<boolean>((resolve, reject) => {
    child.on("error", (error) => (signal.aborted ? resolve(false) : reject(error)));
    child.on("close", (code) => resolve(code === 0));
  });
  const asked = typeof work === "object" ? { work: "fill", ...work } : { work };
  child.stdin.end(JSON.stringify({ pools, held, ...asked }));
  const [said, isDone] = await Promise.all([text(child.stdout), ended]);
  if (!isDone && !signal.aborted) {
    throw new Error("MetalLB's allocator failed; see what it wrote above");
  }
  return isDone ? [Number(said)] : [];
}

function report(
  figures: ReadonlyMap<AllocationCase, Figures>,
  { rounds, against }: AllocationOptions,
  print: (line: string) => void,
): void {
  print("");
  print(`Decisions a second, each recorded, without a cluster; median of ${rounds} rounds`);
  print(`${describeMachine()}; ${describeLoad()}`);
  print("");
  const contest = against !== undefined;
  const rows = [...figures].map(([{ name }, { ours, theirs }]) => {
    const [mine, other] = [quantile(ours, 0.5), quantile(theirs, 0.5)];
    return [name, figure(mine), ...(contest ? [figure(other), formatRatio(mine / other)] : [])];
  });
  const names = [`Steelyard ${version}`, ...(contest ? ["MetalLB", "ratio"] : [])];
  printTable(["", ...names], rows, print);
  if (contest) {
    const minute = repeatedMs / 60_000;
    print("");
    print(`MetalLB where it takes more than ${minute} minute: one round; not run: over 10 minutes`);
  }
}

function figure(value: number | undefined): string {
  return value === undefined || Number.isNaN(value) ? "not run" : formatFigure(value);
}
