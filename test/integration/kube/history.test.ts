import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { Reflector } from "../../../src/kube/reflector.ts";
import { resourcePath } from "../../../src/kube/resource.ts";
import { Store } from "../../../src/kube/store.ts";
import type { Transport } from "../../../src/kube/transport.ts";
import { type Clock, systemClock } from "../../../src/runtime/clock.ts";
import { type Cluster, listeningLog, startCluster, transportTo } from "./cluster.ts";
import { configMaps, type Item, project, values } from "./config-maps.ts";
import { Relay } from "./relay.ts";

const namespace = "default";

/** To one who reads it no break is long, so that the reflector tries to resume after every one. */
const standingClock: Clock = { ...systemClock, now: () => 0 };

let cluster: Cluster;
let stop: AbortController;
let runs: Promise<void>[];
let transports: Transport[];

beforeAll(async () => {
  cluster = await startCluster();
}, 120_000);

afterAll(async () => {
  await cluster?.stop();
});

beforeEach(() => {
  stop = new AbortController();
  runs = [];
  transports = [];
});

afterEach(async () => {
  stop.abort();
  await Promise.all(runs);
  await Promise.all(transports.map((transport) => transport.close()));
  await cluster.sandbox.apiserver.start();
  const path = resourcePath(configMaps, { namespace });
  await cluster.admin.request({ method: "DELETE", path, query: { labelSelector: "test" } });
});

interface Following {
  readonly store: Store<Item>;
  readonly reflector: Reflector<Item>;
  /** How often it has listed everything. */
  lists(): number;
}

/** Follows the ConfigMaps over a connection of its own until they are known. */
async function follow(clock: Clock = systemClock, url = cluster.access.url): Promise<Following> {
  const store = new Store<Item>();
  const { log, count } = listeningLog();
  const transport = transportTo({ ...cluster.access, url });
  transports.push(transport);
  const options = { transport, resource: configMaps, namespace, project, store, clock, log };
  const reflector = new Reflector<Item>(options);
  runs.push(reflector.run(stop.signal));
  await eventually(() => expect(reflector.state.connected).toBe(true));
  return { store, reflector, lists: () => count("listed") };
}

async function write(name: string, value: string): Promise<void> {
  await cluster.admin.request({
    method: "PATCH",
    path: resourcePath(configMaps, { namespace, name }),
    query: { fieldManager: "test", force: true },
    contentType: "application/apply-patch+yaml",
    body: {
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name, labels: { test: "" } },
      data: { value },
    },
  });
}

async function remove(name: string): Promise<void> {
  const path = resourcePath(configMaps, { namespace, name });
  await cluster.admin.request({ method: "DELETE", path });
}

async function eventually(check: () => void): Promise<void> {
  await vi.waitFor(check, { timeout: 40_000, interval: 20 });
}

describe("a reflector, when the API server", { timeout: 90_000 }, () => {
  it("is killed: keeps what it knows and catches up with one list at most", async () => {
    await write("kept", "1");
    await write("deleted", "1");
    const { store, reflector, lists } = await follow();
    const before = lists();
    await cluster.sandbox.apiserver.kill();
    await eventually(() => expect(reflector.state.lastError).toBeDefined());
    expect(values(store)).toEqual({ kept: "1", deleted: "1" });
    await cluster.sandbox.apiserver.start();
    await remove("deleted");
    await write("new", "1");
    await eventually(() => expect(values(store)).toEqual({ kept: "1", new: "1" }));
    expect(lists() - before).toBeLessThanOrEqual(1);
  });

  it("hangs: says so, keeps what it knows and catches up with one list at most", async () => {
    await write("kept", "1");
    const { store, reflector, lists } = await follow();
    const before = lists();
    const paused = cluster.sandbox.apiserver.pause(5_000);
    await eventually(() => expect(reflector.state.connected).toBe(false));
    expect(store.live).toBe(false);
    expect(values(store)).toEqual({ kept: "1" });
    await paused;
    await write("new", "1");
    await eventually(() => expect(values(store)).toEqual({ kept: "1", new: "1" }));
    expect(lists() - before).toBeLessThanOrEqual(1);
  });

  it("has forgotten the history to resume from: lists once more", async () => {
    await write("kept", "1");
    await write("deleted", "1");
    const relay = await Relay.open(cluster.access.url);
    const { store, reflector, lists } = await follow(standingClock, relay.url);
    const before = lists();
    relay.cut();
    await eventually(() => expect(reflector.state.connected).toBe(false));
    await remove("deleted");
    await write("new", "1");
    await cluster.sandbox.apiserver.stop();
    await cluster.sandbox.etcd.compact();
    await cluster.sandbox.apiserver.start();
    relay.mend();
    await eventually(() => expect(values(store)).toEqual({ kept: "1", new: "1" }));
    expect(lists() - before).toBe(1);
    relay.close();
  });

  it("comes back from an older copy of etcd: sees the older truth, and goes on from there", async () => {
    await write("changed", "before");
    await write("deleted", "before");
    const patient = await follow();
    const hasty = await follow(standingClock);
    const copy = await cluster.sandbox.etcd.copy();
    await remove("deleted");
    await write("created", "after");
    // Far more changes than the restored cluster makes by itself: it stays behind for a while.
    for (let change = 0; change < 400; change += 1) {
      await write("changed", `after ${change}`);
    }
    const newest = { changed: "after 399", created: "after" };
    for (const { store } of [patient, hasty]) {
      await eventually(() => expect(values(store)).toEqual(newest));
    }
    const wentBack: string[] = [];
    patient.store.onWentBack(() => wentBack.push("patient"));
    hasty.store.onWentBack(() => wentBack.push("hasty"));
    await cluster.sandbox.etcd.restore(copy);
    for (const { store } of [patient, hasty]) {
      await eventually(() => {
        expect(values(store)).toEqual({ changed: "before", deleted: "before" });
        expect(store.live).toBe(true);
      });
    }
    expect(wentBack.sort()).toEqual(["hasty", "patient"]);
    await write("changed", "again");
    for (const { store } of [patient, hasty]) {
      await eventually(() => expect(store.get("default/changed")?.value).toBe("again"));
    }
  });
});
