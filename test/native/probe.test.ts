import { execFile } from "node:child_process";
import { once } from "node:events";
import { mkdir } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { afterEach, beforeAll, describe, expect, test } from "vitest";
import { compile, nativeSource, sanitizerFlags, warningFlags } from "../../build/native.ts";
import { serveHealth } from "../../src/runtime/health-server.ts";
import { silentLog } from "../../src/runtime/log.ts";

const program = nativeSource("build/probe");
let pod = "";
let pods = 0;
let ends: (() => void)[] = [];

beforeAll(async () => {
  await mkdir(nativeSource("build"), { recursive: true });
  await compile([
    ...["-O1", "-Werror", ...warningFlags, ...sanitizerFlags],
    ...["-o", program, nativeSource("probe.c")],
  ]);
});

afterEach(() => {
  for (const end of ends) {
    end();
  }
  ends = [];
});

interface Answer {
  readonly code: number;
  readonly output: string;
}

function probe(args: readonly string[], name: string | undefined = pod): Promise<Answer> {
  const env = name === "" ? {} : { POD_NAME: name };
  return new Promise((resolve) => {
    execFile(program, args, { env, timeout: 30_000 }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), output: stdout + stderr });
    });
  });
}

/** The health of a Steelyard process in a Pod of its own, which lacks `problems`. */
async function serve(problems: readonly string[]): Promise<void> {
  pods += 1;
  pod = `steelyard-speaker-${process.pid}-${pods}`;
  const end = new AbortController();
  ends.push(() => end.abort());
  const options = { address: { podName: pod }, notReady: () => problems, log: silentLog };
  await serveHealth(options, end.signal);
}

/** Something else that listens where a Steelyard process should. */
async function listen(server: Server): Promise<void> {
  pods += 1;
  pod = `stranger-${process.pid}-${pods}`;
  server.listen({ path: `\0steelyard/${pod}` });
  ends.push(() => server.close());
  await once(server, "listening");
}

describe("the probe", { timeout: 60_000 }, () => {
  test("finds a process healthy and ready that says so", async () => {
    await serve([]);
    expect(await probe(["healthz"])).toEqual({ code: 0, output: "ok\n" });
    expect(await probe(["readyz"])).toEqual({ code: 0, output: "ok\n" });
  });

  test("tells why a process is not ready, which is healthy all the same", async () => {
    await serve(["L2Bundles are not listed yet", "this node has not reported yet"]);
    const output = "L2Bundles are not listed yet\nthis node has not reported yet\n";
    expect(await probe(["readyz"])).toEqual({ code: 1, output });
    expect(await probe(["healthz"])).toEqual({ code: 0, output: "ok\n" });
  });

  test("asks the process of its own Pod, not that of another one on the node", async () => {
    await serve(["not yet"]);
    const starting = pod;
    await serve([]);
    expect((await probe(["readyz"], starting)).code).toBe(1);
    expect((await probe(["readyz"])).code).toBe(0);
  });

  test("does not hide a reason that is longer than it can hold", async () => {
    await serve(["x".repeat(100_000)]);
    const { code, output } = await probe(["readyz"]);
    expect(code).toBe(1);
    expect(output).toMatch(/^x{7000}/);
  });

  test("fails when nobody listens", async () => {
    const { code, output } = await probe(["readyz"], "nobody");
    expect(code).toBe(1);
    expect(output).toBe("cannot reach steelyard: Connection refused\n");
  });

  test("fails when the answer is none of Steelyard's", async () => {
    await listen(createServer((socket) => socket.end("hello")));
    expect(await probe(["readyz"])).toEqual({ code: 1, output: "hello" });
    await listen(createServer((socket) => socket.end()));
    expect(await probe(["readyz"])).toEqual({ code: 1, output: "" });
  });

  test("gives up a process that hangs, however it hangs", async () => {
    const silent = createServer((socket) => socket.on("error", () => undefined));
    await listen(silent);
    expect(await probe(["healthz"])).toEqual({ code: 1, output: "steelyard does not answer\n" });
    const dripping = createServer((socket) => {
      const timer = setInterval(() => socket.write("."), 100);
      socket.on("error", () => clearInterval(timer));
      socket.on("close", () => clearInterval(timer));
    });
    await listen(dripping);
    expect(await probe(["healthz"])).toEqual({ code: 1, output: "steelyard does not answer\n" });
  });

  test("says how it is used", async () => {
    const usage = { code: 1, output: "usage: POD_NAME=<pod> steelyard-probe healthz|readyz\n" };
    expect(await probe([])).toEqual(usage);
    expect(await probe(["metrics"])).toEqual(usage);
    expect(await probe(["readyz"], "")).toEqual(usage);
    expect((await probe(["readyz"], "x".repeat(200))).output).toContain("File name too long");
  });
});

describe("the health server", () => {
  test("refuses a name that another process has, and one that no socket can have", async () => {
    await serve([]);
    const log = silentLog;
    const start = (podName: string): Promise<void> =>
      serveHealth({ address: { podName }, notReady: () => [], log }, new AbortController().signal);
    await expect(start(pod)).rejects.toThrow("another process has this --pod-name");
    await expect(start("x".repeat(97))).rejects.toThrow("longer than 96 bytes");
    const end = new AbortController();
    const longest = "y".repeat(96);
    ends.push(() => end.abort());
    await serveHealth({ address: { podName: longest }, notReady: () => [], log }, end.signal);
    expect((await probe(["readyz"], longest)).code).toBe(0);
  });
});
