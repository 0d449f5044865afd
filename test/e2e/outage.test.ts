import { isDeepStrictEqual } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { AuditEntry } from "../../sandbox/audit.ts";
import * as resources from "../../src/kube/resources.ts";
import { systemClock } from "../../src/runtime/clock.ts";
import { isLong } from "../long.ts";
import { scanArp } from "./arp-scan.ts";
import { configNamespace } from "./cluster-api.ts";
import { addressesOf } from "./cluster-objects.ts";
import {
  createServed,
  decided,
  eventually,
  type InstalledCluster,
  startExampleApp,
  startInstalled,
} from "./installed-cluster.ts";
import { type ProbedPod, probedPods } from "./readiness.ts";
import { Traffic } from "./traffic.ts";

/** How long the API server is away or hangs. */
const outageMs = isLong ? 60_000 : 20_000;
/** Longer than a watch waits before it is tried again. */
const longestRetryMs = 12_000;
/** Longer than a leader that cannot renew its Lease leads. */
const refusalMs = 12_000;
const names = Array.from({ length: 20 }, (_, index) => `service-${index}`);

let cluster: InstalledCluster;
let addresses: readonly string[];
let steelyard: readonly ProbedPod[];
let probes = 0;

beforeAll(async () => {
  cluster = await startInstalled({ nodes: 3 });
  const { api, sandbox } = cluster;
  await startExampleApp(sandbox);
  await api.createPool("production", ["192.0.2.10-192.0.2.99"]);
  addresses = await createServed(api, names);
  steelyard = await probedPods(cluster);
  await settled();
});

afterAll(async () => {
  await cluster?.stop();
});

/** A leader gives addresses out, they are announced, and every Pod of Steelyard calls itself ready. */
async function settled(): Promise<void> {
  const { api } = cluster;
  probes += 1;
  const probe = `probe-${probes}`;
  await api.createService({ name: probe });
  const [address = ""] = addressesOf(await decided(api, "True", probe));
  await eventually("the new address is answered", async () => {
    return (await scanArp(cluster.client, [address])).get(address)?.size === 1;
  });
  await api.removeService(probe);
  await eventually("everybody is ready", async () => {
    return (await readiness()).every((words) => words.split("\n")[0] === "ok");
  });
}

async function readiness(component?: "controller" | "speaker"): Promise<readonly string[]> {
  const asked = steelyard.filter((pod) => component === undefined || pod.component === component);
  return await Promise.all(asked.map((pod) => pod.readyz()));
}

/** Resolves when every speaker gives this reason for not being ready. */
async function everySpeakerSays(words: string): Promise<void> {
  await eventually(`every speaker says "${words}"`, async () => {
    return (await readiness("speaker")).every((text) => text.includes(words));
  });
}

/** Which nodes answer for each address, as the client hears; one each, if all is well. */
async function answerers(): Promise<Readonly<Record<string, readonly string[]>>> {
  const macs = await scanArp(cluster.client, addresses);
  const nodeOf = (mac: string): string =>
    cluster.sandbox.nodes.find((node) => node.mac === mac)?.name ?? mac;
  return Object.fromEntries([...macs].map(([address, set]) => [address, [...set].map(nodeOf)]));
}

/** Versions of all bundles: where they are equal, nothing moved in between. */
async function bundleVersions(): Promise<Readonly<Record<string, string | undefined>>> {
  const bundles = await cluster.api.bundles();
  return Object.fromEntries(
    bundles.map(({ metadata }) => [metadata.name, metadata.resourceVersion]),
  );
}

/**
 * Has clients ask three of the addresses all the time, and asks who answers for any
 * of them while `trouble` lasts: it must be the same node as before, and nobody moves.
 */
async function unmovedBy(trouble: () => Promise<void>): Promise<void> {
  const [bundles, expected] = [await bundleVersions(), await answerers()];
  expect(Object.values(expected).map((nodes) => nodes.length)).toEqual(names.map(() => 1));
  const urls = addresses.slice(0, 3).map((address) => `http://${address}/`);
  const traffic = new Traffic(cluster.client, urls);
  const over = new AbortController();
  const moved: Awaited<ReturnType<typeof answerers>>[] = [];
  const watching = async (): Promise<void> => {
    while (!over.signal.aborted) {
      const now = await answerers();
      if (!isDeepStrictEqual(now, expected)) {
        moved.push(now);
      }
      await systemClock.sleep(1_000, over.signal);
    }
  };
  const watched = watching();
  try {
    await trouble();
    await settled();
  } finally {
    over.abort();
    await watched;
  }
  const { requests, reasons } = await traffic.stop();
  expect(moved).toEqual([]);
  expect(reasons).toEqual([]);
  expect(requests).toBeGreaterThan(0);
  expect(await bundleVersions()).toEqual(bundles);
}

/** When each Pod's process began to list each kind, or the part of it that it follows. */
async function listsSince(start: Date): Promise<ReadonlyMap<string, readonly string[]>> {
  const lists = new Map<string, string[]>();
  for (const entry of (await cluster.sandbox.reads()).filter((it) => beginsList(it, start))) {
    const { pod, resource, query, time } = entry;
    const part = [query.get("fieldSelector"), query.get("labelSelector")].join(" ");
    const key = `${pod} ${resource} ${part}`;
    lists.set(key, [...(lists.get(key) ?? []), time.toISOString()]);
  }
  return lists;
}

/** A page of one object asks only how far the server is, before a watch is trusted again. */
function beginsList({ verb, code, query, time }: AuditEntry, start: Date): boolean {
  const whole = !query.has("continue") && query.get("limit") !== "1";
  return verb === "list" && code === 200 && whole && time >= start;
}

async function expectOneListEach(start: Date): Promise<void> {
  const lists = await listsSince(start);
  expect(lists.size).toBeGreaterThan(0);
  expect([...lists].filter(([, times]) => times.length > 1)).toEqual([]);
}

describe("addresses are answered all the time, and nothing moves, while the API server", () => {
  test("is away; then it is listed once by each process, at most", async () => {
    const { apiserver } = cluster.sandbox;
    const start = new Date();
    await unmovedBy(async () => {
      // Stopped politely it first tells kube-proxy to send nobody there, which takes a
      // minute to learn that it is back.
      await (isLong ? apiserver.stop() : apiserver.kill());
      await systemClock.sleep(outageMs);
      await everySpeakerSays("the API server cannot be reached");
      await apiserver.start();
    });
    await expectOneListEach(start);
  });

  test("hangs; then it is listed once by each process, at most", async () => {
    // After the outage before this one the last list may still be to come.
    await systemClock.sleep(longestRetryMs);
    const start = new Date();
    await unmovedBy(async () => {
      await cluster.sandbox.apiserver.pause(outageMs);
    });
    await expectOneListEach(start);
  });

  test("shows a certificate that has expired, and the Pods say so until it is renewed", async () => {
    const { apiserver } = cluster.sandbox;
    await unmovedBy(async () => {
      // Stopped politely it would first tell kube-proxy to send nobody there.
      await apiserver.kill();
      await apiserver.startExpired();
      await everySpeakerSays("certificate has expired");
      await apiserver.renewCertificate();
    });
  });

  test("can write nothing for want of disk, and the Pods say so until it can", async () => {
    const { etcd } = cluster.sandbox;
    const words = "the API server refuses writes: etcdserver: mvcc: database space exceeded";
    await unmovedBy(async () => {
      await etcd.setFull(true);
      await everySpeakerSays(words);
      await eventually("a controller says so", async () => {
        return (await readiness("controller")).some((text) => text.includes(words));
      });
      await systemClock.sleep(refusalMs);
      await etcd.setFull(false);
    });
  });
});

test("after a restore of an older etcd speakers follow the leader again, under a higher term", async () => {
  const { api, sandbox, client } = cluster;
  const before = await bundleVersions();
  const copy = await sandbox.etcd.copy();
  await api.patch(
    resources.l2Advertisements,
    "default",
    { spec: { interfaces: ["eth0"] } },
    configNamespace,
  );
  await eventually("every bundle names the interface, and is in force", async () => {
    const bundles = await api.bundles();
    return bundles.every(({ spec }) => spec.owner.interfaces?.includes("eth0"));
  });
  await settled();
  const highest = Math.max(...(await api.bundles()).map(({ spec }) => spec.term));
  await sandbox.etcd.restore(copy);
  const rewritten = await eventually("every bundle of before is written again", async () => {
    const bundles = await api.bundles();
    return bundles.every(({ spec }) => spec.term > highest) && bundles;
  });
  expect(rewritten.map(({ metadata }) => metadata.name).sort()).toEqual(Object.keys(before).sort());
  await settled();
  await eventually("no speaker ignores any", async () => {
    const speakers = await api.list<{
      status?: { ignoredBundles?: string[]; highestTerm: number };
    }>(resources.l2Speakers);
    return speakers.every(
      ({ status }) => status?.ignoredBundles?.length === 0 && status.highestTerm > highest,
    );
  });
  const owners = new Map(
    await Promise.all(
      addresses.map(async (address) => [address, [await api.ownerOf(address)]] as const),
    ),
  );
  expect(await answerers()).toEqual(Object.fromEntries(owners));
  expect((await scanArp(client, addresses)).size).toBe(names.length);
});
