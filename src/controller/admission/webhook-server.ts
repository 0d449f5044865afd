import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer, type Server } from "node:https";
import { finished } from "node:stream/promises";
import {
  type AdmissionRequest,
  type AdmissionVerdict,
  decodeAdmissionReview,
  encodeAdmissionReview,
} from "../../kube/admission-review.ts";
import type { CertificatePair } from "../../kube/decode/webhook-secret.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { Log } from "../../runtime/log.ts";
import { serverTls } from "../../runtime/server-tls.ts";

export interface WebhookServerOptions {
  readonly port: number;
  /** What is to be served now; undefined: there is none yet. */
  readonly certificate: () => CertificatePair | undefined;
  /** Calls `listener` whenever {@link certificate} may have changed. */
  readonly onCertificate: (listener: () => void) => void;
  readonly judge: (request: AdmissionRequest) => AdmissionVerdict;
  readonly clock: Clock;
  readonly log: Log;
  /** How long may be taken over a handshake, and over a question; 5 s unless told. */
  readonly patienceMs?: number;
  /** 100 unless told. */
  readonly connectionsMax?: number | undefined;
}

/** Path of the question in the registration. */
const path = "/validate";
/** An edit of a pool with 1,024 entries brings it twice, each with a copy that kubectl keeps: half of this. */
const bodyMax = 1 << 20;
/** Whoever reaches the port may send something: all bodies together. */
const bodiesMax = 16 << 20;
const bindRetryMs = 1_000;
const tls = { ...serverTls, ALPNProtocols: ["http/1.1"] };

/** What was not answered with a verdict: the status says why. */
class Unanswerable extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/**
 * Answers the API server's AdmissionReviews by HTTPS, from when there is a certificate. Another
 * certificate is taken up without a break; one that cannot be used leaves the last one in force.
 */
export class WebhookServer {
  readonly #options: WebhookServerOptions;
  #server: Server | undefined;
  #served: CertificatePair | undefined;
  #bytes = 0;

  constructor(options: WebhookServerOptions) {
    this.#options = options;
  }

  /** The port that it answers on; undefined: it does not yet. */
  get port(): number | undefined {
    const address = this.#server?.address();
    return typeof address === "object" ? address?.port : undefined;
  }

  /** Serves until `signal` aborts; then answers what it was asked before. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    let wake = (): void => undefined;
    this.#options.onCertificate(() => wake());
    while (!signal.aborted) {
      const changed = new AbortController();
      wake = () => changed.abort();
      const settled = await this.#take(this.#options.certificate());
      const waitMs = settled ? 2 ** 31 - 1 : bindRetryMs;
      await this.#options.clock.sleep(waitMs, AbortSignal.any([signal, changed.signal]));
    }
    await this.#close();
  }

  /** Serves with `pair`; false: not yet, try again. */
  async #take(pair: CertificatePair | undefined): Promise<boolean> {
    const { log, port } = this.#options;
    if (pair === undefined || (pair.cert === this.#served?.cert && pair.key === this.#served.key)) {
      return true;
    }
    try {
      if (this.#server === undefined) {
        this.#server = await listen(this.#create(pair), port);
        log.info({ port }, "serving the admission webhook");
      } else {
        this.#server.setSecureContext({ ...pair, ...tls });
        log.info({ port }, "certificate of the admission webhook replaced");
      }
      this.#served = pair;
      return true;
    } catch (error) {
      log.warn({ port, err: String(error) }, "cannot serve the admission webhook: trying on");
      return false;
    }
  }

  #create(pair: CertificatePair): Server {
    const patienceMs = this.#options.patienceMs ?? 5_000;
    const patience = {
      // A connection that says nothing takes the place of one that would.
      handshakeTimeout: patienceMs,
      headersTimeout: patienceMs,
      requestTimeout: patienceMs,
      connectionsCheckingInterval: patienceMs,
      // The API server keeps a connection for 90 s; while there is room, who closes first must not be us.
      keepAliveTimeout: 120_000,
    };
    const server = createServer({ ...pair, ...tls, ...patience }, (request, response) => {
      void this.#respond(request, response);
    });
    const connectionsMax = this.#options.connectionsMax ?? 100;
    server.maxConnections = connectionsMax;
    server.on("connection", () => {
      server.getConnections((_, count) => {
        // The last place is taken: who asked once and is silent gives way to who may come.
        if (count >= connectionsMax) {
          server.closeIdleConnections();
        }
      });
    });
    return server;
  }

  async #respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const say = (status: number, body: object): void => {
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
    };
    try {
      const review = parse(await this.#read(request));
      const asked = decodeAdmissionReview(review);
      if (asked === undefined) {
        throw new Unanswerable(400, "no AdmissionReview of admission.k8s.io/v1 with a request");
      }
      const verdict = this.#options.judge(asked);
      say(200, encodeAdmissionReview(asked.uid, verdict));
    } catch (error) {
      const status = error instanceof Unanswerable ? error.status : 500;
      const fields = { status, err: String(error) };
      if (status === 500) {
        this.#options.log.error(fields, "admission question failed: the API server lets it pass");
      } else {
        this.#options.log.debug(fields, "admission question not understood");
      }
      await readRest(request);
      say(status, { error: status === 500 ? "failed; the log says why" : String(error) });
    }
  }

  async #read(request: IncomingMessage): Promise<string> {
    const { method, url, headers } = request;
    if (url?.split("?")[0] !== path) {
      throw new Unanswerable(404, `only ${path} is here`);
    }
    if (method !== "POST") {
      throw new Unanswerable(405, "POST is expected");
    }
    if (headers["content-type"]?.split(";")[0]?.trim() !== "application/json") {
      throw new Unanswerable(415, "application/json is expected");
    }
    const chunks: Buffer[] = [];
    let size = 0;
    try {
      // Left early, it must not take the connection along: the rest is read, then the answer says why.
      const body: AsyncIterable<Buffer> = request.iterator({ destroyOnReturn: false });
      for await (const chunk of body) {
        size += chunk.length;
        this.#bytes += chunk.length;
        if (size > bodyMax) {
          throw new Unanswerable(413, `more than ${bodyMax} bytes`);
        }
        if (this.#bytes > bodiesMax) {
          throw new Unanswerable(503, "too much at a time");
        }
        chunks.push(chunk);
      }
      return Buffer.concat(chunks).toString("utf8");
    } catch (error) {
      // Nothing else is thrown by a body than that it broke off.
      throw error instanceof Unanswerable ? error : new Unanswerable(400, String(error));
    } finally {
      this.#bytes -= size;
    }
  }

  async #close(): Promise<void> {
    const server = this.#server;
    if (server === undefined) {
      return;
    }
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    server.closeIdleConnections();
    await Promise.race([closed, this.#options.clock.sleep(1_000)]);
    server.closeAllConnections();
  }
}

/**
 * Reads what is left of a body, and keeps nothing of it. An answer before its end would be lost: a
 * connection that is closed over unread bytes is reset.
 */
async function readRest(request: IncomingMessage): Promise<void> {
  request.resume();
  // One that breaks off, or takes longer than is allowed, hears no answer.
  await finished(request).catch(() => undefined);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Unanswerable(400, "no JSON");
  }
}

function listen(server: Server, port: number): Promise<Server> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host: "::", port }, () => {
      server.off("error", reject);
      resolve(server);
    });
  });
}
