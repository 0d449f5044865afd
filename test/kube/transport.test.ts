import { once } from "node:events";
import {
  constants,
  createSecureServer,
  type Http2SecureServer,
  type ServerHttp2Stream,
} from "node:http2";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { CertificateAuthority } from "../../sandbox/certificates.ts";
import { Transport } from "../../src/kube/transport.ts";
import { systemClock } from "../../src/runtime/clock.ts";
import { silentLog } from "../../src/runtime/log.ts";

let server: Http2SecureServer;
let transport: Transport;
/** The answer to a watch, and to a write, is left to the test. */
let held: Promise<ServerHttp2Stream>;

beforeEach(async () => {
  const authority = await CertificateAuthority.create();
  server = createSecureServer(await authority.issueApiServer());
  held = new Promise((resolve) => {
    server.on("stream", (stream, { ":path": path }) => {
      if (path === "/version") {
        stream.respond({ ":status": 200 });
        stream.end("{}");
      } else {
        resolve(stream);
      }
    });
  });
  server.listen(0, "localhost");
  await once(server, "listening");
  const access = {
    url: `https://localhost:${(server.address() as AddressInfo).port}`,
    tls: async () => ({ ca: authority.certificate }),
    authorization: async () => undefined,
    refused: () => undefined,
  };
  transport = new Transport({ access, log: silentLog, clock: systemClock });
  await transport.request({ method: "GET", path: "/version" });
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
});
