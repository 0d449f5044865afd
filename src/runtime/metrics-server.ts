import { readFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createTlsServer, type Server as TlsServer } from "node:https";
import { isIP } from "node:net";
import { join } from "node:path";
import type { Clock } from "./clock.ts";
import type { Log } from "./log.ts";
import { serverTls } from "./server-tls.ts";

/** Whether who asks may read the metrics. `unknown`: it could not be found out. */
export type ScrapeVerdict = "allowed" | "unauthenticated" | "forbidden" | "unknown";

export interface MetricsServerOptions {
  /** 0: no server. */
  readonly port: number;
  /** Absent: 127.0.0.1, and every address with TLS. */
  readonly host: string | undefined;
  /** Absent: HTTP for everybody who reaches it, which must be this machine alone. */
  readonly tls:
    | {
        /** Holds `tls.crt` and `tls.key`, as a mounted Secret does. Read again when they change. */
        readonly directory: string;
        /** Judges a bearer token. */
        readonly judge: (token: string) => Promise<ScrapeVerdict>;
      }
    | undefined;
  /** The page, piece by piece. */
  readonly pieces: () => Iterable<string>;
  readonly clock: Clock;
  readonly log: Log;
}

const bindRetryMs = 1_000;
const certificateRereadMs = 10_000;
const statusOf = { unauthenticated: 401, forbidden: 403, unknown: 503 } as const;

/**
 * Serves `/metrics` until `signal` aborts. Never rejects once it runs.
 *
 * During a rolling update two speakers live on one node, and the old one still has
 * the port: then it is tried again each second, and nothing else waits for it.
 *
 * @throws Error at once when the options would show metrics to the network without TLS
 */
export function serveMetrics(options: MetricsServerOptions, signal: AbortSignal): Promise<void> {
  const host = options.host ?? (options.tls === undefined ? "127.0.0.1" : "::");
  if (options.tls === undefined && !isLoopback(host)) {
    throw new Error(
      `Metrics are served to other machines by HTTPS only: give --metrics-cert-dir, or leave out --host ${host}`,
    );
  }
  return options.port === 0 ? Promise.resolve() : serve(options, host, signal);
}

async function serve(
  options: MetricsServerOptions,
  host: string,
  signal: AbortSignal,
): Promise<void> {
  const { tls, log, clock, port } = options;
  const certificate = tls === undefined ? undefined : new CertificateFiles(tls.directory);
  const answer = (request: IncomingMessage, response: ServerResponse): void => {
    void respond(options, request, response);
  };
  let server: Server | TlsServer | undefined;
  let told = false;
  while (server === undefined && !signal.aborted) {
    try {
      const secrets = await certificate?.read();
      server = await listen(
        secrets === undefined
          ? createServer(answer)
          : createTlsServer({ ...secrets, ...serverTls }, answer),
        { host, port },
      );
    } catch (error) {
      if (!told) {
        log.warn({ host, port, err: String(error) }, "cannot serve /metrics yet: trying on");
      }
      told = true;
      await clock.sleep(bindRetryMs, signal);
    }
  }
  if (server === undefined) {
    return;
  }
  log.info({ host, port, tls: tls !== undefined }, "serving /metrics");
  const close = (): void => {
    server?.close();
    server?.closeAllConnections();
  };
  signal.addEventListener("abort", close);
  if (signal.aborted) {
    close();
  }
  while (certificate !== undefined && !signal.aborted) {
    await clock.sleep(certificateRereadMs, signal);
    await certificate.renew(server as TlsServer, log);
  }
}

function listen<T extends Server | TlsServer>(
  server: T,
  place: { readonly host: string; readonly port: number },
): Promise<T> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(place, () => {
      server.off("error", reject);
      resolve(server);
    });
  });
}

async function respond(
  { tls, pieces, log }: MetricsServerOptions,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const say = (status: number, body: string): void => {
    response.writeHead(status, { "content-type": "text/plain" }).end(body);
  };
  try {
    if (request.url?.split("?")[0] !== "/metrics") {
      say(404, "not found\n");
      return;
    }
    if (tls !== undefined) {
      const token = /^Bearer (\S+)$/.exec(request.headers.authorization ?? "")?.[1];
      const verdict = token === undefined ? "unauthenticated" : await tls.judge(token);
      if (verdict !== "allowed") {
        say(statusOf[verdict], `${verdict}\n`);
        return;
      }
    }
    response.setHeader("content-type", "text/plain; version=0.0.4; charset=utf-8");
    for (const piece of pieces()) {
      response.write(piece);
    }
    response.end();
  } catch (error) {
    log.error({ err: String(error) }, "/metrics failed");
    if (response.headersSent) {
      // Half a page must not look like a whole one.
      response.destroy();
    } else {
      say(500, "failed; the log says why\n");
    }
  }
}

/** A certificate and its key in files that somebody replaces now and then. */
class CertificateFiles {
  readonly #directory: string;
  #held = "";

  constructor(directory: string) {
    this.#directory = directory;
  }

  async read(): Promise<{ readonly cert: string; readonly key: string }> {
    const file = (name: string): Promise<string> => readFile(join(this.#directory, name), "utf8");
    const [cert, key] = [await file("tls.crt"), await file("tls.key")];
    this.#held = cert + key;
    return { cert, key };
  }

  /** Gives the server what the files hold now; one that cannot be used leaves it as it is. */
  async renew(server: TlsServer, log: Log): Promise<void> {
    const before = this.#held;
    try {
      const secrets = await this.read();
      if (this.#held !== before) {
        server.setSecureContext({ ...secrets, ...serverTls });
        log.info({ directory: this.#directory }, "certificate of /metrics replaced");
      }
    } catch (error) {
      // Certificate and key are replaced one after the other: what fits makes the next change.
      log.warn({ err: String(error) }, "certificate of /metrics unusable: keeping the last one");
    }
  }
}

function isLoopback(host: string): boolean {
  return host === "::1" || host === "localhost" || (isIP(host) === 4 && host.startsWith("127."));
}
