import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { connect as connectTls, createServer as createTlsServer, type TLSSocket } from "node:tls";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { CertificateAuthority } from "../../../sandbox/certificates.ts";
import type { ClusterAccess } from "../../../src/kube/access.ts";
import {
  type ApiError,
  isAlreadyExists,
  isNotFound,
  UnreachableError,
} from "../../../src/kube/api-error.ts";
import type { Transport } from "../../../src/kube/transport.ts";
import { type Cluster, listeningLog, startCluster, transportTo } from "./cluster.ts";
import { Relay } from "./relay.ts";

const configMaps = "/api/v1/namespaces/default/configmaps";

let cluster: Cluster;
let cleanUp: (() => Promise<unknown> | unknown)[];

beforeAll(async () => {
  cluster = await startCluster();
}, 120_000);

afterAll(async () => {
  await cluster?.stop();
});

beforeEach(() => {
  cleanUp = [];
});

afterEach(async () => {
  for (const step of cleanUp.reverse()) {
    await step();
  }
});

function openTransport(access: Partial<ClusterAccess>, log = listeningLog().log): Transport {
  const transport = transportTo({ ...cluster.access, ...access }, log);
  cleanUp.push(() => transport.close());
  return transport;
}

async function openRelay(): Promise<Relay> {
  const relay = await Relay.open(cluster.access.url);
  cleanUp.push(() => relay.close());
  return relay;
}

async function failure(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => undefined,
    (error: unknown) => error,
  );
}

describe("a transport, against the real API server", { timeout: 60_000 }, () => {
  it("speaks HTTP/2 and shares one connection among requests and watches", async () => {
    const heard = listeningLog();
    const transport = openTransport({}, heard.log);
    const stop = new AbortController();
    const query = { watch: true };
    const watches = await Promise.all(
      [1, 2, 3].map(() => transport.stream(configMaps, query, stop.signal)),
    );
    await Promise.all(
      Array.from({ length: 50 }, () => transport.request({ method: "GET", path: configMaps })),
    );
    expect(transport.protocol).toBe("h2");
    expect(heard.count("connected to the API server")).toBe(1);
    stop.abort();
    await Promise.all(watches.map(drain));
  });

  it("gives refusals as values that tell why", async () => {
    const { admin } = cluster;
    const missing = await failure(admin.request({ method: "GET", path: `${configMaps}/none` }));
    expect(isNotFound(missing)).toBe(true);
    const body = { metadata: { name: "twice" } };
    await admin.request({ method: "POST", path: configMaps, body });
    const taken = await failure(admin.request({ method: "POST", path: configMaps, body }));
    expect(isAlreadyExists(taken)).toBe(true);
    expect((taken as ApiError).message).toContain("already exists");
    const watch = admin.stream("/api/v1/none", { watch: true }, new AbortController().signal);
    expect(isNotFound(await failure(watch))).toBe(true);
  });

  it("is unreachable when the connection is silent for too long", async () => {
    const relay = await openRelay();
    const transport = openTransport({ url: relay.url });
    await transport.request({ method: "GET", path: "/version" });
    relay.silence();
    const request = transport.request({ method: "GET", path: "/version", timeoutMs: 100 });
    const error = await failure(request);
    expect(error).toBeInstanceOf(UnreachableError);
    expect((error as Error).message).toContain("no answer within 100 ms");
  });

  it("is unreachable when the connection is cut or refused, and works again afterwards", async () => {
    const relay = await openRelay();
    const transport = openTransport({ url: relay.url });
    const stop = new AbortController();
    const watch = await transport.stream(
      configMaps,
      { watch: true, resourceVersion: "" },
      stop.signal,
    );
    relay.cut();
    expect(await failure(drain(watch))).toBeInstanceOf(UnreachableError);
    const refused = await failure(transport.request({ method: "GET", path: "/version" }));
    expect(refused).toBeInstanceOf(UnreachableError);
    relay.mend();
    expect(await transport.request({ method: "GET", path: "/version" })).toHaveProperty(
      "gitVersion",
    );
  });

  it("does not talk to a server whose certificate it does not trust", async () => {
    const stranger = await CertificateAuthority.create();
    const transport = openTransport({ tls: async () => ({ ca: stranger.certificate }) });
    const error = await failure(transport.request({ method: "GET", path: "/version" }));
    expect(error).toBeInstanceOf(UnreachableError);
    expect((error as Error).message).toMatch(/certificate/);
  });

  it("ends a request and a watch when told to", async () => {
    const transport = openTransport({});
    const stop = new AbortController();
    const watch = await transport.stream(configMaps, { watch: true }, stop.signal);
    stop.abort();
    await drain(watch);
    const request = transport.request({ method: "GET", path: "/version", signal: stop.signal });
    expect(await failure(request)).toBe(stop.signal.reason);
  });

  it("reads the token again after a 401 and tries once more", async () => {
    const tokens = ["outdated", await serviceAccountToken()];
    const access = { ...(await tokenAccess()), authorization: async () => `Bearer ${tokens[0]}` };
    const transport = openTransport({ ...access, refused: () => void tokens.shift() });
    // Recognized, and only then found to have no rights.
    const error = await failure(transport.request({ method: "GET", path: configMaps }));
    expect((error as ApiError).status).toBe(403);
    expect((error as ApiError).message).toContain("system:serviceaccount:default:default");
  });

  it("gives a second 401 to the caller", async () => {
    const access = { ...(await tokenAccess()), authorization: async () => "Bearer wrong" };
    const transport = openTransport(access);
    const error = await failure(transport.request({ method: "GET", path: configMaps }));
    expect((error as ApiError).status).toBe(401);
  });

  it("speaks HTTP/1.1 where the other end knows nothing else, and watches do not block requests", async () => {
    const transport = openTransport(await startOldProxy());
    const stop = new AbortController();
    const watches = await Promise.all(
      [1, 2].map(() => transport.stream(configMaps, { watch: true }, stop.signal)),
    );
    const body = { metadata: { name: "through-a-proxy" } };
    expect(await transport.request({ method: "POST", path: configMaps, body })).toMatchObject(body);
    expect(transport.protocol).toBe("http/1.1");
    stop.abort();
    await Promise.all(watches.map(drain));
  });
});

async function drain(values: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of values) {
    // Only its end counts.
  }
}

/** The admin's trust in the server, without the admin's certificate. */
async function tokenAccess(): Promise<Partial<ClusterAccess>> {
  const { ca = "" } = await cluster.access.tls();
  return { tls: async () => ({ ca }) };
}

async function serviceAccountToken(): Promise<string> {
  const answer = await cluster.admin.request({
    method: "POST",
    path: "/api/v1/namespaces/default/serviceaccounts/default/token",
    body: { apiVersion: "authentication.k8s.io/v1", kind: "TokenRequest", spec: {} },
  });
  return (answer as { status: { token: string } }).status.token;
}

/** A proxy that ends TLS itself and knows no HTTP/2; returns the access through it. */
async function startOldProxy(): Promise<Partial<ClusterAccess>> {
  const authority = await CertificateAuthority.create();
  const { cert, key } = await authority.issueApiServer();
  const target = new URL(cluster.access.url);
  const admin = await cluster.access.tls();
  const sockets = new Set<TLSSocket>();
  const server = createTlsServer({ cert, key, ALPNProtocols: ["http/1.1"] }, (near) => {
    const far = connectTls({
      ...admin,
      host: target.hostname,
      port: Number(target.port),
      ALPNProtocols: ["http/1.1"],
    });
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on("error", () => socket.destroy());
    }
    near.pipe(far).pipe(near);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  cleanUp.unshift(() => {
    for (const socket of sockets) {
      socket.destroy();
    }
    server.close();
  });
  return {
    url: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
    tls: async () => ({ ca: authority.certificate }),
  };
}
