import type { Clock } from "../runtime/clock.ts";
import { readNodeFacts } from "./node-facts.ts";
import { type Finding, judgeNode } from "./node-needs.ts";

/** How findings are printed. */
export type CheckOutput = "text" | "json";

/**
 * Looks whether this node has all that a speaker needs, and prints one line for each need to
 * stdout. Resolves to the exit code: 1 if a need is not met.
 */
export async function checkNode(options: {
  readonly kubeconfig: string | undefined;
  readonly excludedInterfacesFile: string;
  readonly output: CheckOutput;
  readonly clock: Clock;
}): Promise<number> {
  const findings = judgeNode(await readNodeFacts(options));
  const text =
    options.output === "json"
      ? JSON.stringify(findings, undefined, 2)
      : findings.map(formatFinding).join("\n");
  process.stdout.write(`${text}\n`);
  return findings.some(({ state }) => state === "fail") ? 1 : 0;
}

/** One line: state, need, what was found, and what to do. */
export function formatFinding({ state, need, found, remedy }: Finding): string {
  const advice = remedy === undefined ? "" : ` -> ${remedy}`;
  return `${state.padEnd(4)}  ${need.padEnd(16)}  ${found}${advice}`;
}
