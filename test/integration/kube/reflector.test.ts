import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { Reflector } from "../../../src/kube/reflector.ts";
import { resourcePath } from "../../../src/kube/resource.ts";
import { Store } from "../../../src/kube/store.ts";
import type { Transport } from "../../../src/kube/transport.ts";
import { systemClock } from "../../../src/runtime/clock.ts";
import { type Cluster, listeningLog, startCluster, transportTo } from "./cluster.ts";
import { configMaps, type Item, project, values } from "./config-maps.ts";
import { Relay } from "./relay.ts";

const namespace = "default";

let cluster: Cluster;
let relay: Relay;
let transport: Transport;
let stop: AbortController;
let runs: Promise<void>[];
const heard = listeningLog();

beforeAll(async () => {
  cluster = await startCluster();
}, 120_000);

afterAll(async () => {
  await cluster?.stop();
});

beforeEach(async () => {
  relay = await Relay.open(cluster.access.url);
  transport = transportTo({ ...cluster.access, url: relay.url });
  stop = new AbortController();
  runs = [];
});

afterEach(async () => {
  stop.abort();
  await Promise.all(runs);
  await transport.close();
  relay.close();
  await cluster.sandbox.apiserver.start();
  await cluster.admin.request({
    method: "DELETE",
    path: resourcePath(configMaps, { namespace }),
    query: { labelSelector: "test" },
  });
});

function follow(resource = configMaps): { store: Store<Item>; reflector: Reflector<Item> } {
  const store = new Store<Item>();
  const reflector = new Reflector({
    transport,
    resource,
    namespace: resource.namespaced ? namespace : undefined,
    project,
    store,
    clock: systemClock,
    log: heard.log,
  });
  runs.push(reflector.run(stop.signal));
  return { store, reflector };
}

async function create(name: string, value = "", labels: object = {}): Promise<Item | undefined> {
  const answer = await cluster.admin.request({
    method: "POST",
    path: resourcePath(configMaps, { namespace }),
    body: { metadata: { name, labels: { test: "", ...labels } }, data: { value } },
  });
  return project(answer);
}

async function change(name: string, patch: object): Promise<void> {
  const path = resourcePath(configMaps, { namespace, name });
  await cluster.admin.request({ method: "PATCH", path, body: patch });
}

async function remove(name: string): Promise<void> {
  const path = resourcePath(configMaps, { namespace, name });
  await cluster.admin.request({ method: "DELETE", path });
}

async function eventually(check: () => void): Promise<void> {
  await vi.waitFor(check, { timeout: 30_000, interval: 20 });
}

async function isFollowing(reflector: Reflector<Item>): Promise<void> {
  await eventually(() => expect(reflector.state.connected).toBe(true));
}

describe("a reflector, against the real API server", { timeout: 60_000 }, () => {
  it("lists in pages and then follows changes", async () => {
    const names = Array.from({ length: 1_100 }, (_, index) => `item-${index}`);
    await Promise.all(names.map((name) => create(name)));
    const { store, reflector } = follow();
    await isFollowing(reflector);
    expect(store.synced).toBe(true);
    expect(store.size).toBe(1_100);
    await create("late", "1");
    await change("item-0", { data: { value: "changed" } });
    await remove("item-1");
    await eventually(() => {
      expect(store.get("default/late")?.value).toBe("1");
      expect(store.get("default/item-0")?.value).toBe("changed");
      expect(store.get("default/item-1")).toBeUndefined();
    });
    expect(store.size).toBe(1_100);
  });

  it("treats what is not ours as absent, also when it changes sides", async () => {
    await create("a", "1", { ours: "no" });
    await create("b", "2");
    const { store, reflector } = follow();
    await isFollowing(reflector);
    expect(values(store)).toEqual({ b: "2" });
    await change("a", { metadata: { labels: { ours: "yes" } } });
    await change("b", { metadata: { labels: { ours: "no" } } });
    await eventually(() => expect(values(store)).toEqual({ a: "1" }));
  });

  it("resumes after a broken connection without listing, and misses nothing", async () => {
    await create("kept", "1");
    await create("changed", "1");
    await create("deleted", "1");
    const { store, reflector } = follow();
    await isFollowing(reflector);
    const gaps: boolean[] = [];
    store.onGap(() => gaps.push(store.live));
    const lists = heard.count("listed");
    relay.cut();
    await eventually(() => expect(reflector.state.connected).toBe(false));
    await change("changed", { data: { value: "2" } });
    await remove("deleted");
    await create("new", "1");
    relay.mend();
    await eventually(() => expect(values(store)).toEqual({ kept: "1", changed: "2", new: "1" }));
    expect(heard.count("listed")).toBe(lists);
    expect(gaps).toEqual([false, true]);
  });

  it("gives up a connection that has gone silent", async () => {
    const { store, reflector } = follow();
    await isFollowing(reflector);
    const gaps: boolean[] = [];
    store.onGap(() => gaps.push(store.live));
    relay.silence();
    await create("new", "1");
    await eventually(() => expect(values(store)).toEqual({ new: "1" }));
    expect(gaps).toEqual([false, true]);
  });

  it("waits for a kind whose CRD is not installed yet, and says that it is missing", async () => {
    const { store, reflector } = follow({
      group: "test.example",
      version: "v1",
      plural: "things",
      kind: "Thing",
      namespaced: false,
    });
    await eventually(() => expect(reflector.state.missing).toBe(true));
    expect(store.synced).toBe(false);
    const crds = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    await cluster.admin.request({ method: "POST", path: crds, body: thingDefinition });
    await isFollowing(reflector);
    expect(store.synced).toBe(true);
    expect(reflector.state.missing).toBe(false);
    await cluster.admin.request({ method: "DELETE", path: `${crds}/things.test.example` });
    await eventually(() => expect(reflector.state.missing).toBe(true));
  });

  it("takes the answer to our own write at once", async () => {
    const { store, reflector } = follow();
    await isFollowing(reflector);
    relay.silence();
    const written = await create("ours", "1");
    if (written !== undefined) {
      store.upsertLocal(written);
    }
    expect(values(store)).toEqual({ ours: "1" });
  });
});

const thingDefinition = {
  apiVersion: "apiextensions.k8s.io/v1",
  kind: "CustomResourceDefinition",
  metadata: { name: "things.test.example" },
  spec: {
    group: "test.example",
    scope: "Cluster",
    names: { plural: "things", kind: "Thing" },
    versions: [
      { name: "v1", served: true, storage: true, schema: { openAPIV3Schema: { type: "object" } } },
    ],
  },
};
