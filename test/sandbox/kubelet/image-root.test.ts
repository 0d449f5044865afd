import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { provideContainerEntry } from "../../../sandbox/kubelet/container-entry.ts";
import { startContainer } from "../../../sandbox/kubelet/container-process.ts";
import { execCommand, type Launch, launchCommand } from "../../../sandbox/kubelet/launch.ts";
import { nodeWithLibraries } from "../../../sandbox/steelyard-image.ts";
import { onlyRootIsMapped } from "../../../sandbox/wrapper.ts";

const netns = "image-root-test";
const node = "/nodejs/bin/node";
const rootless = onlyRootIsMapped();
let directory: string;
let launch: Launch;

beforeAll(async () => {
  execFileSync("ip", ["netns", "add", netns]);
  directory = mkdtempSync(join(tmpdir(), "image-root-"));
  mkdirSync(join(directory, "app"));
  writeFileSync(join(directory, "app", "hello.js"), "console.log('hello');");
  mkdirSync(join(directory, "volume"));
  writeFileSync(join(directory, "volume", "token"), "secret");
  launch = {
    netns,
    mounts: [
      { source: join(directory, "volume"), target: "/var/run/secrets/here", readOnly: true },
    ],
    credentials: {
      uid: 65_532,
      gid: 65_533,
      groups: [7],
      capabilities: [],
      noNewPrivileges: true,
    },
    readOnlyRoot: true,
    rootless,
    workingDirectory: "/",
    command: [node, "/app/hello.js"],
    tree: new Map([...nodeWithLibraries(), ["/app", join(directory, "app")]]),
    entry: await provideContainerEntry(directory),
    scratch: "",
  };
});

afterAll(() => {
  execFileSync("ip", ["netns", "delete", netns]);
  rmSync(directory, { recursive: true, force: true });
});

let containers = 0;

/** Runs a container to its end: its exit code and all that it said. */
async function runContainer(
  change: Partial<Launch>,
  whileRunning: (pid: number) => void = () => undefined,
): Promise<{ begun: boolean; code: number; said: string }> {
  const scratch = join(directory, `${++containers}`);
  mkdirSync(scratch);
  const log = join(scratch, "log");
  const line = launchCommand({ ...launch, ...change, scratch });
  const container = startContainer(line, { PATH: process.env["PATH"] ?? "" }, log);
  const begun = await container.begun;
  if (begun && container.pid !== undefined) {
    whileRunning(container.pid);
  }
  const { code } = await container.exit;
  return { begun, code, said: readFileSync(log, "utf8") };
}

/** What an expression is inside the container, evaluated by its Node. */
async function evaluate(expression: string, change: Partial<Launch> = {}): Promise<unknown> {
  const script = `const fs = require("node:fs"); console.log(JSON.stringify(${expression}));`;
  const { said } = await runContainer({ ...change, command: [node, "-e", script] });
  return JSON.parse(said);
}

const codeOf = (action: string): string =>
  `(() => { try { ${action}; return "done"; } catch (e) { return e.code; } })()`;

test("a container of a tree runs, and its first word comes when it stands", async () => {
  expect(await runContainer({})).toEqual({ begun: true, code: 0, said: "hello\n" });
});

test("it sees the image, its volumes and what a runtime adds, and nothing of the machine", async () => {
  const top = await evaluate(`fs.readdirSync("/").sort()`);
  expect(top).toEqual(
    expect.arrayContaining(["app", "dev", "etc", "nodejs", "proc", "run", "sys", "tmp", "var"]),
  );
  const machine = ["/usr/bin", "/bin/sh", "/root", "/home", process.execPath, directory];
  expect(
    await evaluate(`${JSON.stringify(machine)}.filter((path) => fs.existsSync(path))`),
  ).toEqual([]);
  for (const folder of ["/var/run", "/run"]) {
    const token = `fs.readFileSync("${folder}/secrets/here/token", "utf8")`;
    expect(await evaluate(token)).toBe("secret");
  }
  expect(await evaluate(`fs.readdirSync("/dev").sort()`)).toEqual(
    expect.arrayContaining(["fd", "null", "random", "urandom", "zero"]),
  );
});

test("its root is read-only when the manifest says so, and its image always", async () => {
  const write = (path: string): string => codeOf(`fs.writeFileSync("${path}", "")`);
  const root = { credentials: { ...launch.credentials, uid: 0, gid: 0 } };
  expect(await evaluate(write("/x"), root)).toBe("EROFS");
  expect(await evaluate(write("/x"), { ...root, readOnlyRoot: false })).toBe("done");
  expect(await evaluate(write("/app/x"), { ...root, readOnlyRoot: false })).toBe("EROFS");
  const setting = "/proc/sys/net/ipv4/ip_forward";
  expect(await evaluate(codeOf(`fs.openSync("${setting}", "r+")`), root)).toMatch(
    // Without root the file is not even ours.
    rootless ? "EACCES" : "EROFS",
  );
});

test("it is whom the manifest names, with no more than the capabilities that it names", async () => {
  const facts = `Object.fromEntries(fs.readFileSync("/proc/self/status", "utf8").split("\\n")
    .filter((line) => /^(Uid|Gid|Groups|Cap|NoNewPrivs)/.test(line))
    .map((line) => [line.split(":")[0], line.split(/\\s+/)[1]]))`;
  const none = "0000000000000000";
  const netRaw = "0000000000002000";
  expect(await evaluate(facts)).toMatchObject({
    ...(rootless ? { Uid: "0", Gid: "0" } : { Uid: "65532", Gid: "65533", Groups: "7" }),
    ...{ CapInh: none, CapPrm: none, CapEff: none, CapBnd: none, CapAmb: none, NoNewPrivs: "1" },
  });
  const credentials = {
    ...{ uid: 0, gid: 0, groups: [], capabilities: ["net_raw"], noNewPrivileges: false },
  };
  expect(await evaluate(facts, { credentials })).toMatchObject({
    ...{ Uid: "0", Gid: "0" },
    ...{ CapInh: none, CapPrm: netRaw, CapEff: netRaw, CapBnd: netRaw, NoNewPrivs: "0" },
  });
});

test("a file that the image lacks is lacking, and the container fails with its words", async () => {
  const missing = await runContainer({ command: [node, "/app/other.js"] });
  expect(missing).toMatchObject({ begun: true, code: 1 });
  expect(missing.said).toContain("Cannot find module '/app/other.js'");
  const noSuchProgram = await runContainer({ command: ["/bin/sh"] });
  expect(noSuchProgram).toMatchObject({ code: 128 });
  expect(noSuchProgram.said).toContain("/bin/sh: No such file or directory");
  const noLibrary = [...(launch.tree ?? [])].filter(([path]) => !path.includes("libstdc++"));
  expect((await runContainer({ tree: new Map(noLibrary) })).said).toContain("libstdc++.so.6");
});

test("a command beside it, such as a probe's, has its files, network and user", async () => {
  const wait = `setTimeout(() => {}, 20_000); console.log("up")`;
  let said = "";
  await runContainer({ command: [node, "-e", wait] }, (pid) => {
    const look = `console.log(process.getuid(), require("node:fs").readlinkSync("/proc/self/ns/net"), require("node:fs").existsSync("/app/hello.js"), require("node:fs").existsSync("/usr/bin"))`;
    const [program = "", ...args] = execCommand(launch, pid, [node, "-e", look]);
    said = execFileSync(program, args, { encoding: "utf8" });
    const net = execFileSync("readlink", [`/proc/${pid}/ns/net`], { encoding: "utf8" }).trim();
    expect(said).toBe(`${rootless ? 0 : 65_532} ${net} true false\n`);
    process.kill(pid, "SIGKILL");
  });
  expect(said).not.toBe("");
});
