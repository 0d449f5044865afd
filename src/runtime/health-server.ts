import { createServer } from "node:http";
import type { Log } from "./log.ts";

/** What is not as it should be, in words; empty: ready. */
export type ReadinessCheck = () => readonly string[];

export interface HealthServerOptions {
  /** 0: no server. */
  readonly port: number;
  /** `127.0.0.1`, say, or `::` for every address. */
  readonly host: string;
  readonly notReady: ReadinessCheck;
  readonly log: Log;
}

/**
 * Serves `/healthz` (this process answers) and `/readyz` (it can do its work; if
 * not, why) until `signal` aborts. A port that cannot be had is an error: a
 * probe would ask somebody else.
 */
export async function serveHealth(
  options: HealthServerOptions,
  signal: AbortSignal,
): Promise<void> {
  const { port, host, notReady, log } = options;
  if (port === 0) {
    return;
  }
  const server = createServer((request, response) => {
    const problems = request.url === "/readyz" ? notReady() : [];
    const known = request.url === "/healthz" || request.url === "/readyz";
    const status = known ? (problems.length === 0 ? 200 : 503) : 404;
    response.writeHead(status, { "content-type": "text/plain; charset=utf-8" });
    response.end(known ? `${problems.length === 0 ? "ok" : problems.join("\n")}\n` : "not found\n");
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error) =>
      reject(
        new Error(`Cannot serve health on ${host}:${port}; choose another --health-probe-port`, {
          cause: error,
        }),
      ),
    );
    server.listen(port, host, resolve);
  });
  log.debug({ host, port }, "serving /healthz and /readyz");
  signal.addEventListener("abort", () => {
    server.close();
    server.closeAllConnections();
  });
}
