import { costOf } from "./contender.ts";
import { type LatencyOptions, type LatencyRound, spread } from "./latency.ts";
import { describeLoad, describeMachine } from "./machine.ts";
import { type Figure, printMedians } from "./medians.ts";

/** Prints every round's figures, then ours against theirs: the median of the rounds' ratios. */
export function reportLatency(
  rounds: readonly (readonly LatencyRound[])[],
  options: LatencyOptions,
  print: (line: string) => void,
): void {
  const [first] = rounds.flat();
  if (first === undefined) {
    return;
  }
  print("");
  print(
    `${options.count} Services ${options.storm ? "at once" : "one after the other"}, ` +
      `${options.services} there before; Kubernetes ${first.kubernetes}, ${options.nodes} nodes, each in a fresh cluster`,
  );
  print(`${describeMachine()}; ${describeLoad()}`);
  print("");
  printMedians(rounds, figures(options), { eachRound: true }, print);
}

function figures(options: LatencyOptions): readonly Figure<LatencyRound>[] {
  return [
    { name: "created -> status, p50, ms", of: (round) => spread(round.assigned)[0] },
    { name: "created -> status, p99, ms", of: (round) => spread(round.assigned)[1] },
    { name: "created -> gratuitous ARP, p50, ms", of: (round) => spread(round.announced)[0] },
    { name: "created -> gratuitous ARP, p99, ms", of: (round) => spread(round.announced)[1] },
    ...(options.storm
      ? [
          { name: "all in status, s", of: (round: LatencyRound) => round.allAssigned / 1_000 },
          { name: "all announced, s", of: (round: LatencyRound) => round.allAnnounced / 1_000 },
        ]
      : []),
    ...["controller", "speaker"].flatMap((component) => [
      {
        name: `${component}, RSS, MiB`,
        of: (round: LatencyRound) => costOf(round.costs, component).rssMiB,
      },
      {
        name: `${component}, anonymous, MiB`,
        of: (round: LatencyRound) => costOf(round.costs, component).anonymousMiB,
      },
      {
        name: `${component}, CPU, s`,
        of: (round: LatencyRound) => costOf(round.costs, component).cpuSeconds,
      },
    ]),
    { name: "ARP reply, p50, µs", of: ({ arp }) => arp.p50 },
    { name: "ARP reply, p99, µs", of: ({ arp }) => arp.p99 },
    { name: "the kernel's own, p50, µs", of: ({ kernelArp }) => kernelArp.p50 },
  ];
}
