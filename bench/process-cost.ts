import { readFileSync } from "node:fs";

/** What a process has cost so far. */
export interface ProcessCost {
  /** Resident, shared files too, MiB. */
  readonly rssMiB: number;
  /** Its own memory, which no file backs, MiB. */
  readonly anonymousMiB: number;
  /** User and system time of all threads, seconds. */
  readonly cpuSeconds: number;
}

/** In one second, on every architecture that Node runs on. */
const clockTicks = 100;

/** Reads the cost of a process from /proc. Throws when it has ended. */
export function processCost(pid: number): ProcessCost {
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
  const mebibytes = (field: string): number =>
    Number(new RegExp(`^${field}:\\s+(\\d+) kB`, "m").exec(rollup)?.[1]) / 1_024;
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const ticks = Number(fields[11]) + Number(fields[12]);
  return {
    rssMiB: mebibytes("Rss"),
    anonymousMiB: mebibytes("Anonymous"),
    cpuSeconds: ticks / clockTicks,
  };
}
