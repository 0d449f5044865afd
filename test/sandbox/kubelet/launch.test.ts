import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { type Launch, launchCommand } from "../../../sandbox/kubelet/launch.ts";

const directory = mkdtempSync(join(tmpdir(), "launch-"));

afterAll(() => {
  rmSync(directory, { recursive: true });
});

function scriptFor(target: string): string {
  const launch: Launch = {
    netns: "node-1",
    mounts: [{ source: directory, target, readOnly: true }],
    credentials: { uid: 0, gid: 0, groups: [], capabilities: [], noNewPrivileges: true },
    readOnlyRoot: false,
    rootless: false,
    workingDirectory: "/",
    command: ["true"],
    tree: undefined,
    entry: "/container-entry",
    scratch: join(directory, "scratch"),
  };
  return launchCommand(launch).find((word) => word.includes("set -eu")) ?? "";
}

test("a mount point that exists is mounted on, one that does not appears on an overlay", () => {
  expect(scriptFor("/tmp")).not.toContain("overlay");
  expect(scriptFor("/etc/steelyard/is/not/there")).toContain("lowerdir=/etc,");
});

test("a mount point in /run is made in the container's own, empty /run", () => {
  const script = scriptFor("/var/run/secrets/token");
  expect(script).toContain("/root/secrets/token'");
  expect(script).not.toContain("overlay");
});

test("a new directory directly below / cannot be had, and the error says what can", () => {
  expect(() => scriptFor("/no-such-directory/data")).toThrow(/only below a directory.*\/tmp/);
});
