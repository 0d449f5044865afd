import type { CoreV1Event, CoreV1EventList } from "@kubernetes/client-node";
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import type { EventNote } from "../../../src/kube/event-note.ts";
import { EventRecorder } from "../../../src/kube/event-recorder.ts";
import { type Clock, systemClock } from "../../../src/runtime/clock.ts";
import { silentLog } from "../../../src/runtime/log.ts";
import { type Cluster, startCluster, transportTo } from "./cluster.ts";
import { Relay } from "./relay.ts";

/** A hundred times as fast, so that ten minutes are six seconds. */
const fastClock: Clock = {
  ...systemClock,
  now: () => systemClock.now() * 100,
  sleep: (ms, signal) => systemClock.sleep(ms / 100, signal),
};

let cluster: Cluster;
let serial = 0;
let note: EventNote;

beforeAll(async () => {
  cluster = await startCluster();
}, 120_000);

afterAll(async () => {
  await cluster?.stop();
});

beforeEach(() => {
  serial += 1;
  note = {
    object: {
      apiVersion: "v1",
      kind: "Service",
      namespace: "default",
      name: `service-${serial}`,
      uid: `uid-${serial}`,
    },
    type: "Warning",
    reason: "AddressInUse",
    message: "192.0.2.4 is held by another Service",
  };
});

function recorderOn(
  transport = cluster.admin,
  clock = fastClock,
  mayWrite = (): boolean => true,
): EventRecorder {
  const reporter = { component: "steelyard-controller", instance: "pod-1" };
  return new EventRecorder({ transport, ...reporter, mayWrite, clock, log: silentLog });
}

async function eventsOf({ object }: EventNote): Promise<readonly CoreV1Event[]> {
  const list = (await cluster.admin.request({
    method: "GET",
    path: `/api/v1/namespaces/${object.namespace ?? "default"}/events`,
    query: { fieldSelector: `involvedObject.name=${object.name}` },
  })) as CoreV1EventList;
  return list.items;
}

async function eventually(check: () => Promise<void>): Promise<void> {
  await vi.waitFor(check, { timeout: 20_000, interval: 20 });
}

describe("an Event recorder, against the real API server", { timeout: 60_000 }, () => {
  it("loses what waits when it may no longer write, and goes on when it may", async () => {
    const stop = new AbortController();
    let leads = false;
    const recorder = recorderOn(cluster.admin, fastClock, () => leads);
    const running = recorder.run(stop.signal);
    recorder.record(note);
    await eventually(async () => expect(recorder.dropped).toBe(1));
    leads = true;
    const next = { ...note, message: "192.0.2.5 is held by another Service" };
    recorder.record(next);
    await eventually(async () => expect(await eventsOf(note)).toHaveLength(1));
    expect((await eventsOf(note))[0]?.message).toBe(next.message);
    stop.abort();
    await running;
  });

  it("writes an Event that kubectl describe shows", async () => {
    const stop = new AbortController();
    const recorder = recorderOn();
    const running = recorder.run(stop.signal);
    recorder.record(note);
    await eventually(async () => expect(await eventsOf(note)).toHaveLength(1));
    const [event] = await eventsOf(note);
    expect(event).toMatchObject({
      type: "Warning",
      reason: "AddressInUse",
      message: note.message,
      count: 1,
      source: { component: "steelyard-controller" },
      reportingInstance: "pod-1",
    });
    const shown = await cluster.sandbox.kubectl(["events", "--for", `Service/${note.object.name}`]);
    expect(shown.stdout).toContain("AddressInUse");
    stop.abort();
    await running;
  });

  it("counts the same thing up in one Event, and keeps another message apart", async () => {
    const stop = new AbortController();
    const recorder = recorderOn();
    const running = recorder.run(stop.signal);
    recorder.record(note);
    await eventually(async () => expect(await eventsOf(note)).toHaveLength(1));
    for (let times = 0; times < 4; times += 1) {
      recorder.record(note);
    }
    recorder.record({ ...note, message: "192.0.2.5 is held by another Service" });
    await eventually(async () => {
      const counts = (await eventsOf(note)).map(({ message, count }) => [message, count]);
      expect(counts.sort()).toEqual([
        [note.message, 5],
        ["192.0.2.5 is held by another Service", 1],
      ]);
    });
    stop.abort();
    await running;
  });

  it("writes the latest of many similar messages into the Event that combines them", async () => {
    const stop = new AbortController();
    const recorder = recorderOn();
    const running = recorder.run(stop.signal);
    const recordOne = (message: string): void => recorder.record({ ...note, message });
    for (let which = 1; which <= 11; which += 1) {
      recordOne(`held by ${which}`);
    }
    await eventually(async () => expect(await eventsOf(note)).toHaveLength(11));
    recordOne("held by 12");
    await eventually(async () => {
      const counted = (await eventsOf(note)).filter(({ count }) => count === 2);
      expect(counted.map(({ message }) => message)).toEqual([
        "several like this, here the latest: held by 12",
      ]);
    });
    stop.abort();
    await running;
  });

  it("writes Events of cluster-scoped objects to the default namespace", async () => {
    const stop = new AbortController();
    const recorder = recorderOn();
    const running = recorder.run(stop.signal);
    const { namespace: _, ...object } = note.object;
    recorder.record({ ...note, object: { ...object, kind: "IPAllocation" } });
    await eventually(async () => expect(await eventsOf(note)).toHaveLength(1));
    stop.abort();
    await running;
  });

  it("drops what the API server will never take, and goes on with the rest", async () => {
    const stop = new AbortController();
    const recorder = recorderOn();
    const running = recorder.run(stop.signal);
    recorder.record({ ...note, object: { ...note.object, namespace: "missing" } });
    recorder.record(note);
    await eventually(async () => expect(await eventsOf(note)).toHaveLength(1));
    expect(recorder.dropped).toBe(1);
    stop.abort();
    await running;
  });

  it("sends what was recorded while the API server was away, as one count", async () => {
    const relay = await Relay.open(cluster.access.url);
    const transport = transportTo({ ...cluster.access, url: relay.url });
    const stop = new AbortController();
    const recorder = recorderOn(transport, systemClock);
    const running = recorder.run(stop.signal);
    relay.cut();
    recorder.record(note);
    recorder.record(note);
    await systemClock.sleep(300);
    relay.mend();
    await eventually(async () => {
      expect((await eventsOf(note)).map(({ count }) => count)).toEqual([2]);
    });
    stop.abort();
    await running;
    await transport.close();
    relay.close();
  });
});
