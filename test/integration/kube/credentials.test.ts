import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { apiServer } from "../../../sandbox/addresses.ts";
import { apiServerUrl } from "../../../sandbox/kubeconfig.ts";
import type { ClusterAccess } from "../../../src/kube/access.ts";
import { ApiError, UnreachableError } from "../../../src/kube/api-error.ts";
import { inClusterAccess } from "../../../src/kube/in-cluster-access.ts";
import { loadAccess } from "../../../src/kube/load-access.ts";
import { Reflector } from "../../../src/kube/reflector.ts";
import { resourcePath } from "../../../src/kube/resource.ts";
import { Store } from "../../../src/kube/store.ts";
import type { Transport } from "../../../src/kube/transport.ts";
import { systemClock } from "../../../src/runtime/clock.ts";
import { silentLog } from "../../../src/runtime/log.ts";
import { type Cluster, startCluster, transportTo } from "./cluster.ts";
import { configMaps, type Item, project, values } from "./config-maps.ts";
import { Relay } from "./relay.ts";

const namespace = "default";
const path = resourcePath(configMaps, { namespace });

let cluster: Cluster;
let directory: string;
let cleanUp: (() => Promise<unknown> | unknown)[];

beforeAll(async () => {
  cluster = await startCluster();
}, 120_000);

afterAll(async () => {
  await cluster?.stop();
});

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "steelyard-credentials-"));
  cleanUp = [() => rm(directory, { recursive: true })];
});

afterEach(async () => {
  for (const step of cleanUp.reverse()) {
    await step();
  }
});

async function put(name: string, text: string): Promise<void> {
  await writeFile(join(directory, name), text);
}

function open(access: ClusterAccess): Transport {
  const transport = transportTo(access);
  cleanUp.push(() => transport.close());
  return transport;
}

function follow(transport: Transport): { store: Store<Item>; reflector: Reflector<Item> } {
  const store = new Store<Item>();
  const stop = new AbortController();
  const log = silentLog;
  const options = { transport, resource: configMaps, namespace, project, store, log };
  const reflector = new Reflector<Item>({ ...options, clock: systemClock });
  const running = reflector.run(stop.signal);
  cleanUp.push(async () => {
    stop.abort();
    await running;
  });
  return { store, reflector };
}

async function eventually(check: () => void | Promise<void>): Promise<void> {
  await vi.waitFor(check, { timeout: 60_000, interval: 50 });
}

async function create(name: string): Promise<void> {
  const body = { metadata: { name }, data: { value: "1" } };
  await cluster.admin.request({ method: "POST", path, body });
}

/** What a request through `transport` is refused with. */
async function refusal(transport: Transport): Promise<unknown> {
  return transport.request({ method: "GET", path, query: { limit: 1 } }).then(
    () => undefined,
    (error: unknown) => error,
  );
}

/** A Pod that never runs, and a token that is good only as long as it exists. */
async function podToken(pod: string): Promise<string> {
  const pods = `/api/v1/namespaces/${namespace}/pods`;
  const created = await cluster.admin.request({
    method: "POST",
    path: pods,
    body: {
      metadata: { name: pod },
      spec: { schedulerName: "nobody", containers: [{ name: "it", image: "none" }] },
    },
  });
  const { uid } = (created as { metadata: { uid: string } }).metadata;
  const answer = await cluster.admin.request({
    method: "POST",
    path: `/api/v1/namespaces/${namespace}/serviceaccounts/default/token`,
    body: {
      apiVersion: "authentication.k8s.io/v1",
      kind: "TokenRequest",
      spec: { boundObjectRef: { apiVersion: "v1", kind: "Pod", name: pod, uid } },
    },
  });
  return (answer as { status: { token: string } }).status.token;
}

async function allowDefaultAccount(): Promise<void> {
  await cluster.admin.request({
    method: "POST",
    path: "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
    body: {
      metadata: { name: "default-account-reads" },
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "view" },
      subjects: [{ kind: "ServiceAccount", name: "default", namespace }],
    },
  });
}

describe("who we are, to the real API server,", { timeout: 120_000 }, () => {
  it("stays known when the token's Pod is deleted and another token takes its place", async () => {
    await allowDefaultAccount();
    const relay = await Relay.open(cluster.access.url);
    cleanUp.push(() => relay.close());
    const env = {
      KUBERNETES_SERVICE_HOST: apiServer.address,
      KUBERNETES_SERVICE_PORT: String(apiServer.port),
    };
    await put("ca.crt", cluster.sandbox.authority.certificate);
    await put("token", await podToken("first"));
    const access = inClusterAccess(env, systemClock, directory);
    const transport = open({ ...access, url: relay.url });
    const { store, reflector } = follow(transport);
    await eventually(() => expect(reflector.state.connected).toBe(true));
    await cluster.admin.request({
      method: "DELETE",
      path: `/api/v1/namespaces/${namespace}/pods/first`,
      query: { gracePeriodSeconds: 0 },
    });
    await eventually(async () => {
      expect(((await refusal(transport)) as ApiError | undefined)?.status).toBe(401);
    });
    relay.cut();
    relay.mend();
    await eventually(() => expect(reflector.state.lastError).toContain("Unauthorized"));
    await put("token", await podToken("second"));
    await create("after-the-token");
    await eventually(() => expect(values(store)).toHaveProperty("after-the-token"));
    expect(await refusal(transport)).toBeUndefined();
  });

  it("stays known when a client certificate ends and its file is replaced", async () => {
    const { authority } = cluster.sandbox;
    const issue = async (forMs?: number): Promise<void> => {
      const { cert, key } = await authority.issueClient("somebody", ["system:masters"], forMs);
      await put("client.key", key);
      await put("client.crt", cert);
    };
    await issue(3_000);
    await put("ca.crt", authority.certificate);
    await put("config", kubeconfig);
    const file = join(directory, "config");
    const transport = open(await loadAccess({ kubeconfig: file, clock: systemClock }));
    const { store, reflector } = follow(transport);
    await eventually(() => expect(reflector.state.connected).toBe(true));
    await eventually(async () => {
      expect(((await refusal(transport)) as ApiError | undefined)?.status).toBe(401);
    });
    await issue();
    expect(await refusal(transport)).toBeUndefined();
    await create("after-the-certificate");
    await eventually(() => expect(values(store)).toHaveProperty("after-the-certificate"));
  });

  it("is not told to a server whose certificate has ended; renewed, it is trusted again", async () => {
    const transport = open(cluster.access);
    const { store, reflector } = follow(transport);
    await eventually(() => expect(reflector.state.connected).toBe(true));
    await cluster.sandbox.apiserver.stop();
    await cluster.sandbox.apiserver.startExpired();
    await eventually(() => {
      expect(reflector.state.lastError).toContain("certificate has expired");
    });
    const error = await refusal(transport);
    expect(error).toBeInstanceOf(UnreachableError);
    expect(error).not.toBeInstanceOf(ApiError);
    await cluster.sandbox.apiserver.renewCertificate();
    await create("after-the-renewal");
    await eventually(() => expect(values(store)).toHaveProperty("after-the-renewal"));
  });
});

const kubeconfig = JSON.stringify({
  apiVersion: "v1",
  kind: "Config",
  clusters: [{ name: "c", cluster: { server: apiServerUrl, "certificate-authority": "ca.crt" } }],
  users: [{ name: "u", user: { "client-certificate": "client.crt", "client-key": "client.key" } }],
  contexts: [{ name: "x", context: { cluster: "c", user: "u" } }],
  "current-context": "x",
});
