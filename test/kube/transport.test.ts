import { execFile } from "node:child_process";
import { once } from "node:events";
import { constants, type Http2SecureServer, type ServerHttp2Stream } from "node:http2";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Transport } from "../../src/kube/transport.ts";
import { openTransport } from "./http2-server.ts";

let server: Http2SecureServer;
let transport: Transport;
/** The answer to a watch, and to a write, is left to the test. */
let held: Promise<ServerHttp2Stream>;

beforeEach(async () => {
  let hold: (stream: ServerHttp2Stream) => void;
  held = new Promise((resolve) => {
    hold = resolve;
  });
  ({ server, transport } = await openTransport((stream) => hold(stream)));
});

afterEach(async () => {
  await transport.close();
  server.close();
});

describe("what is given up while it is sent", () => {
  const asked: Record<string, (signal: AbortSignal) => Promise<unknown>> = {
    "a watch": (signal) => transport.stream("/api/v1/pods", { watch: true }, signal),
    "a write": (signal) =>
      transport.request({ method: "PUT", path: "/api/v1/pods/x", body: {}, signal }),
    "a write larger than the server takes at once": (signal) =>
      transport.request({ method: "PUT", path: "/api/v1/pods/x", body: "x".repeat(2e5), signal }),
  };

  test.each(Object.keys(asked))("ends at the server too when it answers: %s", async (what) => {
    const stop = new AbortController();
    const asking = asked[what]?.(stop.signal);
    // The request goes out once it is known who asks; here it has gone, but not all of it was written.
    await Promise.resolve();
    await Promise.resolve();
    stop.abort(new Error("given up"));
    await expect(asking).rejects.toThrow("given up");
    const stream = await held;
    const closed = once(stream, "close");
    stream.on("error", () => undefined);
    stream.respond({ ":status": 200 });
    stream.write("{}\n");
    await closed;
    expect(stream.rstCode).toBe(constants.NGHTTP2_CANCEL);
  });

  test("does not disturb what is asked afterwards, nor the end of the connection", async () => {
    const stop = new AbortController();
    const asking = asked["a watch"]?.(stop.signal);
    await Promise.resolve();
    await Promise.resolve();
    stop.abort(new Error("given up"));
    await expect(asking).rejects.toThrow("given up");
    const stream = await held;
    stream.respond({ ":status": 200 });
    expect(await transport.request({ method: "GET", path: "/version" })).toEqual({});
    // Whatever is open now must not take the process along; the test runner reports it.
    await transport.close();
  });

  test("leaves the process alive, in whichever moment it is a write", async () => {
    const program = fileURLToPath(new URL("given-up-writes.ts", import.meta.url));
    // A process that stands still cannot tell so itself.
    const told = await promisify(execFile)(process.execPath, [program], { timeout: 20_000 });
    expect(told.stdout).toMatch(/writes given up, and the process is alive\n$/);
  }, 30_000);
});
