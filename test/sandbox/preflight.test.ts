import { mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { run } from "../../sandbox/command.ts";
import { thisMachine } from "../../sandbox/needs.ts";
import { preflight } from "../../sandbox/preflight.ts";

let programs: string;

beforeAll(async () => {
  programs = mkdtempSync(join(tmpdir(), "programs-"));
  for (const name of ["unshare", "nsenter", "setpriv", "flock", "mount", "ip", "tcpdump", "sh"]) {
    const env = { ...process.env, PATH: thisMachine().searchPath };
    const found = await run(["sh", "-c", `command -v ${name}`], { env });
    symlinkSync(found.stdout.trim(), join(programs, name));
  }
});

afterAll(() => {
  rmSync(programs, { recursive: true });
});

describe("preflight", () => {
  test("without nft, and not allowed to install it, refuses with one line that does", async () => {
    const lines: string[] = [];
    const machine = { searchPath: programs, isRoot: false };
    const result = await preflight("demo", (line) => lines.push(line), machine);
    expect(result).toEqual({ ok: false });
    expect(lines.filter((line) => /^missing\s+nft\s/.test(line))).toHaveLength(1);
    const toGoOn = lines.filter((line) => line.startsWith("to go on: "));
    expect(toGoOn).toHaveLength(1);
    expect(toGoOn[0]).toContain("nftables");
    expect(toGoOn[0]).toContain("gcc");
    expect(toGoOn[0]).not.toContain("tcpdump");
    expect(lines.at(-1)).toBe(toGoOn[0]);
  });

  test("names every need once, those of the tests only for the tests", async () => {
    const lines: string[] = [];
    const machine = { searchPath: programs, isRoot: false };
    await preflight("test", (line) => lines.push(line), machine);
    for (const name of ["Node", "Linux", "namespaces", "nft", "C compiler", "arping", "ndisc6"]) {
      const row = new RegExp(`^(ok|missing) +${name} `);
      expect(lines.filter((line) => row.test(line))).toHaveLength(1);
    }
  });

  test("looks where an ordinary user's PATH does not", () => {
    expect(thisMachine().searchPath.split(delimiter)).toContain("/usr/sbin");
  });
});
