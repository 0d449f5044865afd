import { spawn } from "node:child_process";

/** What a command did. */
export interface CommandResult {
  /** The exit code; 128 + n when signal n ended it, 127 when it could not be started. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Options of {@link run}. */
export interface CommandOptions {
  /** Text for standard input. Default: none. */
  readonly input?: string;
  readonly env?: NodeJS.ProcessEnv;
}

/** Runs a command to its end. Its failure is a value: look at `code`. */
export function run(argv: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
  const [program = "", ...args] = argv;
  return new Promise((resolve) => {
    const child = spawn(program, args, { env: options.env ?? process.env });
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    child.stdout.on("data", (chunk: Buffer) => stdout.push(chunk));
    child.stderr.on("data", (chunk: Buffer) => stderr.push(chunk));
    child.once("error", (error) => {
      resolve({ code: 127, stdout: "", stderr: error.message });
    });
    child.once("close", (code) => {
      const text = (chunks: readonly Buffer[]): string => Buffer.concat(chunks).toString();
      resolve({ code: code ?? 128, stdout: text(stdout), stderr: text(stderr) });
    });
    // A command that ends without reading its input is no error of ours.
    child.stdin.on("error", () => {});
    child.stdin.end(options.input ?? "");
  });
}

/** Runs a command that must succeed and returns its output; throws with what it said otherwise. */
export async function runOrThrow(
  argv: readonly string[],
  options: CommandOptions = {},
): Promise<string> {
  const { code, stdout, stderr } = await run(argv, options);
  if (code !== 0) {
    throw new Error(`${argv.join(" ")} ended with code ${code}: ${stderr.trim() || stdout.trim()}`);
  }
  return stdout;
}

/**
 * The command line that runs `argv` in a named network namespace and nothing else of it: unlike
 * `ip netns exec` it mounts no sysfs, which a user namespace inside a container may not.
 */
export function inNetns(netns: string, argv: readonly string[]): readonly string[] {
  return ["nsenter", `--net=/run/netns/${netns}`, "--", ...argv];
}
