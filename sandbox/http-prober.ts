import { Agent, get } from "node:http";
import { createInterface } from "node:readline";

/**
 * A program for a client's namespace: reads one {@link ProbeRequest} per line, makes it over a new
 * TCP connection, writes one {@link ProbeAnswer} per line. Requests run side by side.
 */

/** What to ask for. */
export interface ProbeRequest {
  readonly id: number;
  readonly url: string;
  /** For everything, from the connection's first packet to the body's last byte. */
  readonly timeoutMs: number;
}

/** What came back, or why nothing did. */
export interface ProbeAnswer {
  readonly id: number;
  readonly ms: number;
  readonly status?: number;
  readonly body?: string;
  readonly error?: string;
}

async function probe({ id, url, timeoutMs }: ProbeRequest): Promise<ProbeAnswer> {
  const start = performance.now();
  const elapsed = (): number => performance.now() - start;
  const agent = new Agent({ keepAlive: false });
  return await new Promise((resolve) => {
    const request = get(url, { agent }, (response) => {
      let body = "";
      response.setEncoding("utf8").on("data", (text: string) => {
        body += text;
      });
      response.on("end", () => {
        clearTimeout(timer);
        resolve({ id, ms: elapsed(), status: response.statusCode ?? 0, body });
      });
      response.on("error", fail);
    });
    const timer = setTimeout(() => {
      request.destroy(new Error(`timed out after ${timeoutMs} ms`));
    }, timeoutMs);
    function fail(error: Error): void {
      clearTimeout(timer);
      resolve({ id, ms: elapsed(), error: error.message });
    }
    request.on("error", fail);
  });
}

for await (const line of createInterface({ input: process.stdin })) {
  const request: ProbeRequest = JSON.parse(line);
  void probe(request).then((answer) => process.stdout.write(`${JSON.stringify(answer)}\n`));
}
