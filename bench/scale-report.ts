import { type ComponentCost, costOf } from "./contender.ts";
import { describeLoad, describeMachine } from "./machine.ts";
import { type Figure, printMedians } from "./medians.ts";
import { quantile } from "./quantile.ts";
import type { ScaleOptions, ScaleRound } from "./scale.ts";
import type { ServiceTimes } from "./service-fleet.ts";

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
      `Kubernetes ${first.kubernetes}, ${options.nodes} nodes, each in a fresh cluster, ` +
      `kube-proxy gathers changes for ${options.proxyMinSyncSeconds} s`,
  );
  print(`${describeMachine()}; ${describeLoad()}`);
  print("");
  printMedians(rounds, figures, { eachRound: false }, print);
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

const figures: readonly Figure<ScaleRound>[] = [
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

function latency(what: "assigned" | "announced", q: number): Figure<ScaleRound>["of"] {
  return ({ more = [] }) =>
    quantile(
      more.map((times: ServiceTimes) => times[what] - times.created),
      q,
    );
}

function cost(
  component: string,
  what: Exclude<keyof ComponentCost, "component">,
): Figure<ScaleRound>["of"] {
  return ({ costs }) => costOf(costs, component)[what];
}

function seconds(ms: number | undefined): number {
  return ms === undefined ? Number.NaN : ms / 1_000;
}
