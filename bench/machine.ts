import { readFileSync } from "node:fs";
import { cpus, loadavg, release } from "node:os";

/** One line that says what figures were taken on; they mean nothing without it. */
export function describeMachine(): string {
  const model = cpus()[0]?.model.trim() ?? "unknown CPU";
  const memory = Number(/^MemTotal:\s+(\d+)/m.exec(readFileSync("/proc/meminfo", "utf8"))?.[1]);
  return (
    `${cpus().length} x ${model}, ${Math.round(memory / 1_048_576)} GiB, Linux ${release()}, ` +
    `Node ${process.versions.node}`
  );
}

/** How busy the machine was in the last minute; on a busy one only ratios of one run mean much. */
export function describeLoad(): string {
  return `load average ${(loadavg()[0] ?? 0).toFixed(1)}`;
}
