import type { V1Pod } from "@kubernetes/client-node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { CapturedFrame } from "../../sandbox/capture.ts";
import { systemClock } from "../../src/runtime/clock.ts";
import { pods } from "./cluster-api.ts";
import { conditionOf } from "./cluster-objects.ts";
import {
  answererOf,
  createServed,
  eventually,
  type InstalledCluster,
  kubectl,
  startExampleApp,
  startInstalled,
} from "./installed-cluster.ts";
import { type Loss, Traffic } from "./traffic.ts";

const system = "steelyard-system";
const names = Array.from({ length: 4 }, (_, index) => `service-${index}`);
const speakers = "daemonset/steelyard-speaker";
const controllers = "deployment/steelyard-controller";

let cluster: InstalledCluster;
let addresses: readonly string[];

beforeAll(async () => {
  cluster = await startInstalled({ nodes: 3 });
  const { api, sandbox } = cluster;
  await api.createPool("production", ["192.0.2.10-192.0.2.99"]);
  await startExampleApp(sandbox);
  addresses = await createServed(api, names);
  for (const name of names) {
    await eventually(`${name} is announced`, async () => {
      return conditionOf(await api.service(name), "Announced")?.status === "True";
    });
  }
  for (const address of addresses) {
    await eventually(`the app at ${address}`, async () => {
      return (await cluster.client.curl(`http://${address}/`)).ok;
    });
  }
});

afterAll(async () => {
  await cluster?.stop();
});

async function podsOf(component: string): Promise<readonly V1Pod[]> {
  const all = await cluster.api.list<V1Pod>(pods, system);
  const label = "app.kubernetes.io/component";
  return all.filter(({ metadata }) => metadata?.labels?.[label] === component);
}

async function uidsOf(component: string): Promise<readonly string[]> {
  return (await podsOf(component)).map(({ metadata }) => metadata?.uid ?? "");
}

/** Sends requests to every address while `act` goes on. */
async function lossDuring(act: () => Promise<unknown>): Promise<Loss> {
  const traffic = new Traffic(
    cluster.client,
    addresses.map((address) => `http://${address}/`),
  );
  await act();
  return await traffic.stop();
}

/** What the objects say of the bundles, without the API server's own bookkeeping. */
async function bundles(): Promise<object> {
  const all = await cluster.api.bundles();
  return Object.fromEntries(all.map(({ metadata, spec }) => [metadata.name, spec]));
}

/** How often somebody has written what an update must leave alone. */
async function writes(): Promise<number> {
  const all = await cluster.sandbox.audit();
  const alone = ["l2bundles", "ipallocations", "services", "services/status"];
  return all.filter(({ resource }) => alone.includes(resource)).length;
}

async function restart(workload: string): Promise<void> {
  await kubectl(cluster.sandbox, ["-n", system, "rollout", "restart", workload]);
  await kubectl(cluster.sandbox, ["-n", system, "rollout", "status", workload, "--timeout=80s"]);
}

/** For each of our addresses the hardware addresses that claimed it. */
function claims(frames: readonly CapturedFrame[]): Readonly<Record<string, readonly string[]>> {
  return Object.fromEntries(
    addresses.map((address) => {
      const claiming = frames.flatMap(({ arp }) =>
        arp?.senderIp === address ? arp.senderMac : [],
      );
      return [address, [...new Set(claiming)]];
    }),
  );
}

/** How often the client had to ask twice who has one of our addresses: its kernel does after a second. */
function askedTwice(frames: readonly CapturedFrame[]): number {
  const open = new Set<string>();
  let count = 0;
  for (const arp of frames.flatMap((frame) => frame.arp ?? [])) {
    if (arp.senderMac !== cluster.client.mac) {
      open.delete(arp.senderIp);
    } else if (arp.operation === "request" && addresses.includes(arp.targetIp)) {
      count += open.has(arp.targetIp) ? 1 : 0;
      open.add(arp.targetIp);
    }
  }
  return count;
}

describe("a rolling update", () => {
  test("of speakers and controllers loses no request and moves nothing", async () => {
    const { api, sandbox, client } = cluster;
    const before = await bundles();
    const written = await writes();
    const old = [...(await uidsOf("speaker")), ...(await uidsOf("controller"))];
    const macs = Object.fromEntries(
      await Promise.all(
        addresses.map(async (address) => [address, [(await answererOf(cluster, address))?.mac]]),
      ),
    );
    const capture = await sandbox.lan.capture({ filter: "arp" });
    const control = await lossDuring(() => systemClock.sleep(5_000));
    const asked = askedTwice(capture.frames);

    const update = await lossDuring(async () => {
      await restart(speakers);
      await restart(controllers);
      // A new leader judges speakers for the first time after six seconds.
      await systemClock.sleep(8_000);
    });
    await capture.stop();

    // The last of the old ones may still be on its way out.
    await eventually("as many Pods as before, and none of them", async () => {
      const now = [...(await uidsOf("speaker")), ...(await uidsOf("controller"))];
      return now.length === old.length && now.every((uid) => !old.includes(uid));
    });
    expect(update.requests).toBeGreaterThan(control.requests);
    expect(update.failed, update.reasons.join("; ")).toBeLessThanOrEqual(control.failed);
    expect(askedTwice(capture.frames) - asked).toBeLessThanOrEqual(asked);
    expect(await bundles()).toEqual(before);
    expect(await writes()).toBe(written);
    expect(claims(capture.frames)).toEqual(macs);
    for (const name of names) {
      expect(conditionOf(await api.service(name), "Announced")?.status).toBe("True");
    }
    expect((await client.curl(`http://${addresses[0]}/`)).ok).toBe(true);
  });
});
