import { spawn } from "node:child_process";
import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";

const patienceMs = 300;

/**
 * Waits until this process alone holds the lock file at `path`; `waiting` is
 * called once when somebody else has it. Returns what gives it back.
 *
 * The kernel holds the lock for a child that lives as long as the pipe from
 * this process: a dead holder never leaves a stale lock.
 */
export async function takeLock(path: string, waiting: () => void): Promise<() => void> {
  await mkdir(dirname(path), { recursive: true });
  const child = spawn("flock", [path, "sh", "-c", "echo locked; exec cat"], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const timer = setTimeout(waiting, patienceMs);
  try {
    await new Promise<void>((resolve, reject) => {
      child.stdout.once("data", () => resolve());
      child.on("error", reject);
      child.on("exit", (code) => reject(new Error(`flock ${path} ended with code ${code}`)));
    });
  } finally {
    clearTimeout(timer);
  }
  child.unref();
  return () => child.stdin.end();
}
