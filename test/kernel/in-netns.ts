import { execFile } from "node:child_process";
import { promisify } from "node:util";

const run = promisify(execFile);

/** Runs a program in a network namespace and returns what it printed. Rejects when it fails. */
export async function inNetns(
  name: string,
  program: string,
  ...args: readonly string[]
): Promise<string> {
  const { stdout } = await run("ip", ["netns", "exec", name, program, ...args]);
  return stdout;
}
