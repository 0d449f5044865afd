import { type ComponentCost, costOf } from "./contender.ts";
import { describeLoad, describeMachine } from "./machine.ts";
import { quantile } from "./quantile.ts";
import type { ScaleOptions, ScaleRound } from "./scale.ts";
import type { ServiceTimes } from "./service-fleet.ts";
import { formatFigure, formatRatio, printTable } from "./table.ts";

/** One figure of a round, and what it is called. NaN: there is none. */
interface Figure {
  readonly name: string;
  readonly of: (round: ScaleRound) => number;
}

/** Prints the medians of all rounds, and ours against theirs: the median of the rounds' ratios. */
export function reportScale(
  rounds: readonly (readonly ScaleRound[])[],
  options: ScaleOptions,
  print: (line: string) => void,
): void {
  const [first] = rounds.flat();
  if (first === undefined) {
    return;
  }
  print("");
  print(
    `${options.services} Services at once, then ${options.more} one after the other; ` +
      `Kubernetes ${first.kubernetes}, ${options.nodes} nodes, each in a fresh cluster`,
  );
  print(`${describeMachine()}; ${describeLoad()}`);
  print("");
  const contenders = (rounds[0] ?? []).map(({ contender }) => contender);
  const rows = figures.map(({ name, of }) => {
    const values = contenders.map((_, at) =>
      rounds.flatMap((round) => (round[at] === undefined ? [] : [of(round[at])])),
    );
    return [name, ...values.map((some) => formatFigure(quantile(some, 0.5))), ...versus(values)];
  });
  const head = ["median of rounds", ...contenders, ...(contenders.length === 2 ? ["ratio"] : [])];
  printTable(head, rows, print);
  for (const { contender, filling } of rounds.flat()) {
    if (filling.allAnnouncedMs === undefined) {
      const minutes = Math.round(options.limitMs / 60_000);
      print(
        `${contender}: not run to the end; after ${minutes} minutes ${filling.assigned} were in status ` +
          `and ${filling.announced} announced`,
      );
    }
  }
}

function versus(values: readonly (readonly number[])[]): readonly string[] {
  const [ours, theirs] = values;
  if (ours === undefined || theirs === undefined) {
    return [];
  }
  const ratios = ours.map((value, at) => value / (theirs[at] ?? Number.NaN));
  return [formatRatio(quantile(ratios, 0.5))];
}

const figures: readonly Figure[] = [
  { name: "all created, s", of: ({ filling }) => seconds(filling.allCreatedMs) },
  { name: "all in status, s", of: ({ filling }) => seconds(filling.allAssignedMs) },
  { name: "all announced, s", of: ({ filling }) => seconds(filling.allAnnouncedMs) },
  { name: "one more -> status, p50, ms", of: latency("assigned", 0.5) },
  { name: "one more -> status, p99, ms", of: latency("assigned", 0.99) },
  { name: "one more -> gratuitous ARP, p50, ms", of: latency("announced", 0.5) },
  { name: "one more -> gratuitous ARP, p99, ms", of: latency("announced", 0.99) },
  {
    name: "API writes per Service",
    of: ({ writes, filling }) => writes.length / filling.assigned,
  },
  {
    name: "API writes of a second pass",
    of: ({ secondPass }) => secondPass?.length ?? Number.NaN,
  },
  ...["controller", "speaker"].flatMap((component) => [
    { name: `${component}, RSS, MiB`, of: cost(component, "rssMiB") },
    { name: `${component}, anonymous, MiB`, of: cost(component, "anonymousMiB") },
    { name: `${component}, CPU, s`, of: cost(component, "cpuSeconds") },
  ]),
];

function latency(what: "assigned" | "announced", q: number): Figure["of"] {
  return ({ more = [] }) =>
    quantile(
      more.map((times: ServiceTimes) => times[what] - times.created),
      q,
    );
}

function cost(component: string, what: Exclude<keyof ComponentCost, "component">): Figure["of"] {
  return ({ costs }) => costOf(costs, component)[what];
}

function seconds(ms: number | undefined): number {
  return ms === undefined ? Number.NaN : ms / 1_000;
}
