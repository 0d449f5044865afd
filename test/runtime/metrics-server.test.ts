import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, request as httpRequest, type Server } from "node:http";
import { request as httpsRequest } from "node:https";
import { type AddressInfo, connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { SecureVersion, TLSSocket } from "node:tls";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { CertificateAuthority } from "../../sandbox/certificates.ts";
import type { Log } from "../../src/runtime/log.ts";
import { silentLog } from "../../src/runtime/log.ts";
import {
  type MetricsServerOptions,
  type ScrapeVerdict,
  serveMetrics,
} from "../../src/runtime/metrics-server.ts";
import { HandClock } from "../kube/hand-clock.ts";
import { handshake } from "./handshake.ts";

let clock: HandClock;
let end: AbortController;
let directory: string;
let warnings: string[];
let logged: string[];
const log: Log = {
  ...silentLog,
  info: (_, message) => logged.push(message),
  warn: (_, message) => warnings.push(message),
};

beforeEach(() => {
  clock = new HandClock();
  end = new AbortController();
  directory = mkdtempSync(join(tmpdir(), "steelyard-metrics-"));
  warnings = [];
  logged = [];
});

afterEach(() => {
  end.abort();
  rmSync(directory, { recursive: true });
});

/** Starts a server; `life` is over when it is. */
function serve(options: Partial<MetricsServerOptions>): { readonly life: Promise<void> } {
  const pieces = (): readonly string[] => ["m", " 1\n"];
  const all = { port: 0, host: undefined, tls: undefined, pieces, clock, log, ...options };
  return { life: serveMetrics(all, end.signal) };
}

interface Answer {
  readonly status: number | undefined;
  readonly type: string | undefined;
  readonly body: string;
  readonly fingerprint: string | undefined;
}

function get(url: string, token?: string): Promise<Answer> {
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const options = { headers, agent: false, rejectUnauthorized: false };
  const ask = url.startsWith("https") ? httpsRequest : httpRequest;
  return new Promise((resolve, reject) => {
    ask(url, options, (answer) => {
      const fingerprint =
        "getPeerCertificate" in answer.socket
          ? (answer.socket as TLSSocket).getPeerCertificate().fingerprint256
          : undefined;
      const chunks: Buffer[] = [];
      answer.once("error", reject);
      answer.on("data", (chunk: Buffer) => chunks.push(chunk));
      answer.on("end", () => {
        const body = Buffer.concat(chunks).toString();
        const type = answer.headers["content-type"];
        resolve({ status: answer.statusCode, type, body, fingerprint });
      });
    })
      .once("error", reject)
      .end();
  });
}

/** A server on a port that was free, as another process would have it. */
async function holdPort(): Promise<{ readonly port: number; readonly holder: Server }> {
  const holder = createServer((_, response) => response.end("the old one\n"));
  await new Promise<void>((resolve) => holder.listen(0, "127.0.0.1", resolve));
  return { port: (holder.address() as AddressInfo).port, holder };
}

async function freePort(): Promise<number> {
  const { port, holder } = await holdPort();
  await new Promise((resolve) => holder.close(resolve));
  return port;
}

describe("serving /metrics", () => {
  test("is on loopback by default, in the format that Prometheus asks for", async () => {
    const port = await freePort();
    serve({ port });
    const answer = await vi.waitFor(() => get(`http://127.0.0.1:${port}/metrics`));
    expect(answer).toMatchObject({
      status: 200,
      type: "text/plain; version=0.0.4; charset=utf-8",
      body: "m 1\n",
    });
    expect((await get(`http://127.0.0.1:${port}/other`)).status).toBe(404);
  });

  test("on port 0 is not done at all", async () => {
    const servers = (): readonly string[] =>
      process.getActiveResourcesInfo().filter((resource) => resource === "TCPServerWrap");
    const before = servers();
    await serve({ port: 0, host: "127.0.0.1" }).life;
    await serve({ port: 0, tls: { directory, judge: async () => "allowed" } }).life;
    expect(servers()).toEqual(before);
    expect(logged).toEqual([]);
  });

  test("to other machines without TLS is refused at once", () => {
    for (const host of ["0.0.0.0", "::", "192.0.2.1", "node-1.example.com", "127.evil.example"]) {
      expect(() => serve({ port: 1, host })).toThrow(/by HTTPS only/);
    }
  });

  test("takes the port over from the process before, and complains of it once", async () => {
    const { port, holder } = await holdPort();
    serve({ port });
    const url = `http://127.0.0.1:${port}/metrics`;
    await vi.waitFor(() => expect(warnings).toHaveLength(1));
    for (const _ of [1, 2, 3]) {
      await clock.advance(1_000);
    }
    expect((await get(url)).body).toBe("the old one\n");
    await new Promise((resolve) => holder.close(resolve));
    await vi.waitFor(async () => {
      await clock.advance(1_000);
      expect((await get(url)).body).toBe("m 1\n");
    });
    expect(warnings).toHaveLength(1);
  });

  test("ends with the process, also while it waits for its port", async () => {
    const { port, holder } = await holdPort();
    const { life } = serve({ port });
    await vi.waitFor(() => expect(warnings).toHaveLength(1));
    end.abort();
    await life;
    holder.close();
  });

  test("frees the port at its end though a reader holds a connection", async () => {
    const port = await freePort();
    serve({ port });
    await vi.waitFor(() => get(`http://127.0.0.1:${port}/metrics`));
    const reader = connect(port, "127.0.0.1");
    await new Promise((resolve) => reader.once("connect", resolve));
    end.abort();
    await new Promise((resolve) => reader.once("close", resolve));
  });

  test("says 500 and goes on when a metric cannot be read", async () => {
    const port = await freePort();
    const pieces = vi.fn((): Iterable<string> => ["m 1\n"]);
    pieces.mockImplementationOnce(() => {
      throw new Error("broken");
    });
    serve({ port, pieces });
    const url = `http://127.0.0.1:${port}/metrics`;
    expect((await vi.waitFor(() => get(url))).status).toBe(500);
    expect((await get(url)).status).toBe(200);
  });

  test("breaks off when a metric in the middle cannot be read: half a page is none", async () => {
    const port = await freePort();
    serve({
      port,
      *pieces() {
        yield "m 1\n";
        throw new Error("broken");
      },
    });
    await vi.waitFor(() => get(`http://127.0.0.1:${port}/other`));
    await expect(get(`http://127.0.0.1:${port}/metrics`)).rejects.toThrow(/aborted|hang up|RESET/);
  });
});

describe("serving /metrics by HTTPS", () => {
  async function writeCertificate(): Promise<void> {
    const authority = await CertificateAuthority.create();
    const { cert, key } = await authority.issueApiServer();
    writeFileSync(join(directory, "tls.crt"), cert);
    writeFileSync(join(directory, "tls.key"), key);
  }

  const judge = async (token: string): Promise<ScrapeVerdict> =>
    (({ good: "allowed", known: "forbidden", away: "unknown" }) as const)[token] ??
    "unauthenticated";

  test("lets in those whom the judge lets, and nobody without a token", async () => {
    await writeCertificate();
    const port = await freePort();
    serve({ port, host: "127.0.0.1", tls: { directory, judge } });
    const url = `https://127.0.0.1:${port}/metrics`;
    expect((await vi.waitFor(() => get(url))).status).toBe(401);
    expect((await get(url, "guess")).status).toBe(401);
    expect((await get(url, "known")).status).toBe(403);
    expect((await get(url, "away")).status).toBe(503);
    expect(await get(url, "good")).toMatchObject({ status: 200, body: "m 1\n" });
  });

  test("takes a certificate that replaces the first, and keeps the last good one", async () => {
    await writeCertificate();
    const port = await freePort();
    serve({ port, host: "127.0.0.1", tls: { directory, judge } });
    const url = `https://127.0.0.1:${port}/metrics`;
    const first = (await vi.waitFor(() => get(url))).fingerprint;
    writeFileSync(join(directory, "tls.crt"), "rubbish");
    await vi.waitFor(async () => {
      await clock.advance(10_000);
      expect(warnings).not.toHaveLength(0);
    });
    expect((await get(url)).fingerprint).toBe(first);
    await writeCertificate();
    await vi.waitFor(async () => {
      await clock.advance(10_000);
      expect((await get(url)).fingerprint).not.toBe(first);
    });
  });

  test("speaks TLS 1.3 and no older one, also with a certificate that came later", async () => {
    await writeCertificate();
    const port = await freePort();
    serve({ port, host: "127.0.0.1", tls: { directory, judge } });
    const url = `https://127.0.0.1:${port}/metrics`;
    const first = (await vi.waitFor(() => get(url))).fingerprint;
    const shaken = (version: SecureVersion): Promise<string> =>
      handshake(version, { port, rejectUnauthorized: false });
    const agreed = async (): Promise<readonly string[]> =>
      await Promise.all([shaken("TLSv1.3"), shaken("TLSv1.2"), shaken("TLSv1.1")]);
    expect(await agreed()).toEqual(["TLSv1.3 false", "refused", "refused"]);
    await writeCertificate();
    await vi.waitFor(async () => {
      await clock.advance(10_000);
      expect((await get(url)).fingerprint).not.toBe(first);
    });
    expect(await agreed()).toEqual(["TLSv1.3 false", "refused", "refused"]);
  });

  test("waits for a certificate that is not there yet", async () => {
    const port = await freePort();
    serve({ port, host: "127.0.0.1", tls: { directory, judge } });
    await vi.waitFor(() => expect(warnings).toContain("cannot serve /metrics yet: trying on"));
    await writeCertificate();
    await vi.waitFor(async () => {
      await clock.advance(1_000);
      expect((await get(`https://127.0.0.1:${port}/metrics`, "good")).status).toBe(200);
    });
  });
});
