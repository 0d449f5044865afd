import { spawn } from "node:child_process";

/**
 * Runs `program` to its end and returns what it wrote to stdout. Throws, with
 * what it wrote to stderr, when it cannot start or exits with another code than 0.
 */
export function runCommand(
  program: string,
  args: readonly string[],
  input?: string,
): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ["pipe", "pipe", "pipe"] });
    let stdout = "";
    let stderr = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr += text;
    });
    // A program that ends without reading its input closes the pipe: its exit code says why.
    child.stdin.on("error", () => undefined);
    child.on("error", reject);
    child.on("close", (code, signal) => {
      if (code === 0) {
        resolve(stdout);
      } else {
        const command = [program, ...args].join(" ");
        reject(new Error(`${command}: ${stderr.trim()} (${signal ?? `exit code ${code}`})`));
      }
    });
    child.stdin.end(input ?? "");
  });
}
