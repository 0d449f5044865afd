import { Agent, type Dispatcher } from "undici";

/** Where the API server is and who we are: PEM texts. */
export interface ApiServer {
  readonly url: string;
  readonly ca: string;
  readonly clientCert: string;
  readonly clientKey: string;
}

/** The API server refused: `status` is the HTTP status, `reason` the machine-readable one. */
export class ApiError extends Error {
  readonly status: number;
  readonly reason: string;

  constructor(request: string, status: number, reason: string, message: string) {
    super(`${request}: ${status} ${reason}: ${message}`);
    this.name = "ApiError";
    this.status = status;
    this.reason = reason;
  }
}

/** How a PATCH body is to be read. */
export type PatchKind = "merge" | "strategic-merge";

/** One event of a watch; `Replaced` begins afresh with everything that there is. */
export type WatchEvent<T> =
  | { readonly type: "Replaced"; readonly objects: readonly T[] }
  | { readonly type: "ADDED" | "MODIFIED" | "DELETED"; readonly object: T };

/** The few calls that the kubelet stand-in makes. All throw {@link ApiError} on a refusal. */
export interface ApiClient {
  get<T>(path: string): Promise<T>;
  create<T>(path: string, body: object): Promise<T>;
  replace<T>(path: string, body: object): Promise<T>;
  patch<T>(path: string, kind: PatchKind, body: object): Promise<T>;
  remove(path: string, body: object): Promise<void>;
  /** Lists, then watches; ends (normally or with an error) when the server ends the watch. */
  watch<T>(path: string, query: string, signal: AbortSignal): AsyncGenerator<WatchEvent<T>>;
  /** Drops all connections at once. */
  close(): void;
}

const requestTimeoutMs = 10_000;

/** Opens a client; the first request connects. */
export function openApiClient(server: ApiServer): ApiClient {
  const agent = new Agent({
    connect: { ca: server.ca, cert: server.clientCert, key: server.clientKey },
    connections: 16,
    bodyTimeout: 0,
    headersTimeout: 0,
  });

  async function send(
    method: Dispatcher.HttpMethod,
    path: string,
    body?: object,
    contentType = "application/json",
  ): Promise<unknown> {
    const response = await agent.request({
      origin: server.url,
      path,
      method,
      headers: { accept: "application/json", "content-type": contentType },
      body: body === undefined ? null : JSON.stringify(body),
      signal: AbortSignal.timeout(requestTimeoutMs),
    });
    const text = await response.body.text();
    if (response.statusCode >= 300) {
      throw refusal(`${method} ${path}`, response.statusCode, text);
    }
    return JSON.parse(text);
  }

  return {
    get: async <T>(path: string) => (await send("GET", path)) as T,
    create: async <T>(path: string, body: object) => (await send("POST", path, body)) as T,
    replace: async <T>(path: string, body: object) => (await send("PUT", path, body)) as T,
    patch: async <T>(path: string, kind: PatchKind, body: object) =>
      (await send("PATCH", path, body, `application/${kind}-patch+json`)) as T,
    remove: async (path, body) => {
      await send("DELETE", path, body);
    },
    watch: (path, query, signal) => watch(agent, server.url, path, query, signal),
    close: () => {
      agent.destroy().catch(() => undefined);
    },
  };
}

interface ObjectList<T> {
  readonly metadata: { readonly resourceVersion: string };
  readonly items: readonly T[];
}

async function* watch<T>(
  agent: Agent,
  origin: string,
  path: string,
  query: string,
  signal: AbortSignal,
): AsyncGenerator<WatchEvent<T>> {
  const open = async (more: string): Promise<Dispatcher.ResponseData> => {
    const target = `${path}?${query}${more}`;
    const response = await agent.request({ origin, path: target, method: "GET", signal });
    if (response.statusCode !== 200) {
      throw refusal(`GET ${target}`, response.statusCode, await response.body.text());
    }
    return response;
  };
  const list = (await (await open("")).body.json()) as ObjectList<T>;
  yield { type: "Replaced", objects: list.items };
  const stream = await open(`&watch=true&resourceVersion=${list.metadata.resourceVersion}`);
  for await (const line of splitLines(stream.body)) {
    const event = JSON.parse(line) as { type: "ADDED" | "MODIFIED" | "DELETED"; object: T };
    if ((event.type as string) === "ERROR") {
      throw refusal(`watch ${path}`, 410, JSON.stringify(event.object));
    }
    yield event;
  }
}

async function* splitLines(chunks: AsyncIterable<Buffer>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of chunks) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    yield* lines.filter((line) => line !== "");
  }
}

function refusal(request: string, status: number, text: string): ApiError {
  let body: { reason?: string; message?: string } = {};
  try {
    body = JSON.parse(text) as typeof body;
  } catch {
    body = { message: text.slice(0, 200) };
  }
  return new ApiError(request, status, body.reason ?? "Unknown", body.message ?? "no message");
}
