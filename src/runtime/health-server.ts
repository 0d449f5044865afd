import { createServer, type Server } from "node:http";
import type { Log } from "./log.ts";

/** What is not as it should be, in words; empty: ready. */
export type ReadinessCheck = () => readonly string[];

/**
 * Where a probe finds this process: at a port, or at the abstract Unix socket
 * that bears the name of its Pod. A Pod that shares the network of its node wants
 * the latter: during an update two of them stand there, and a port is only one's.
 */
export type HealthAddress =
  /** Port 0: nowhere. The host is `127.0.0.1`, say, or `::` for every address. */
  { readonly host: string; readonly port: number } | { readonly podName: string };

export interface HealthServerOptions {
  readonly address: HealthAddress;
  readonly notReady: ReadinessCheck;
  /** What else `/readyz` tells, below the verdict: one line each. */
  readonly state?: () => readonly string[];
  readonly log: Log;
}

/** The longest Pod name whose socket the kernel takes: `sun_path` has 108 bytes. */
const podNameMax = 96;

/**
 * Serves `/healthz` (this process answers) and `/readyz` (it can do its work; if
 * not, why) until `signal` aborts. An address that cannot be had is an error: a
 * probe would ask somebody else.
 */
export async function serveHealth(
  { address, notReady, state, log }: HealthServerOptions,
  signal: AbortSignal,
): Promise<void> {
  if ("port" in address && address.port === 0) {
    return;
  }
  const server = createServer((request, response) => {
    const problems = request.url === "/readyz" ? notReady() : [];
    const known = request.url === "/healthz" || request.url === "/readyz";
    const status = known ? (problems.length === 0 ? 200 : 503) : 404;
    response.writeHead(status, { "content-type": "text/plain; charset=utf-8" });
    const verdict = problems.length === 0 ? ["ok"] : problems;
    const more = request.url === "/readyz" ? (state?.() ?? []) : [];
    response.end(known ? `${[...verdict, ...more].join("\n")}\n` : "not found\n");
  });
  await listen(server, address);
  log.debug(address, "serving /healthz and /readyz");
  signal.addEventListener("abort", () => {
    server.close();
    server.closeAllConnections();
  });
}

/** The name of a Pod's socket; `native/probe.c` makes the same. */
function socketName(podName: string): string {
  if (Buffer.byteLength(podName) > podNameMax) {
    throw new Error(`Cannot serve health: --pod-name is longer than ${podNameMax} bytes`);
  }
  return `\0steelyard/${podName}`;
}

async function listen(server: Server, address: HealthAddress): Promise<void> {
  const [where, remedy] =
    "port" in address
      ? [`${address.host}:${address.port}`, "choose another --health-probe-port"]
      : [`the socket of ${address.podName}`, "another process has this --pod-name"];
  const at = "port" in address ? address : { path: socketName(address.podName) };
  await new Promise<void>((resolve, reject) => {
    server.once("error", (cause) =>
      reject(new Error(`Cannot serve health on ${where}; ${remedy}`, { cause })),
    );
    server.listen(at, resolve);
  });
}
