import { setImmediate } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { ForeignControllers } from "../../src/controller/foreign-controllers.ts";
import { decodeNamespace, type NamespaceObject } from "../../src/kube/decode/namespace.ts";
import { decodePod } from "../../src/kube/decode/pod.ts";
import type { EventNote } from "../../src/kube/event-note.ts";
import { Store } from "../../src/kube/store.ts";
import { silentLog } from "../../src/runtime/log.ts";
import { HandClock } from "../kube/hand-clock.ts";

let foreign: ForeignControllers;
let namespaces: Store<NamespaceObject>;
let told: EventNote[];
/** What the work was told: it begins, it is disturbed. */
let work: string[];
let end: AbortController;
let version: number;

beforeEach(() => {
  [told, work, end, version] = [[], [], new AbortController(), 1];
  const nothing = (): Promise<never> => Promise.reject(new Error("the test fills the stores"));
  namespaces = new Store();
  namespaces.replace(new Map([["metallb-system", configNamespace()]]), "1");
  foreign = new ForeignControllers({
    namespaces,
    transport: { request: nothing, stream: nothing },
    namespace: "steelyard-system",
    configNamespace: "metallb-system",
    podName: "steelyard-controller-1",
    podUid: "uid-1",
    events: { record: (note) => told.push(note) },
    clock: new HandClock(),
    log: silentLog,
  });
  void foreign.run(end.signal);
  void foreign.whileAbsent(async (undisturbed) => {
    work.push("begins");
    await new Promise((resolve) => undisturbed.addEventListener("abort", resolve));
    work.push(end.signal.aborted ? "ends" : "is disturbed");
  }, end.signal);
});

afterEach(() => end.abort());

function configNamespace(more: object = {}): NamespaceObject {
  const metadata = { name: "metallb-system", uid: "n", resourceVersion: "1", ...more };
  return decodeNamespace({ metadata });
}

function pod(name: string, phase = "Running"): ReturnType<typeof decodePod> {
  version += 1;
  const metadata = { namespace: "metallb-system", name, uid: name, resourceVersion: `${version}` };
  return decodePod({ metadata, status: { phase } });
}

/** Both kinds were listed; these Pods were there. */
async function listed(...pods: readonly ReturnType<typeof decodePod>[]): Promise<void> {
  for (const store of foreign.stores) {
    store.replace(new Map(pods.map((one) => [one.key, one])), `${version}`);
  }
  await setImmediate();
}

async function comes(name: string, phase?: string): Promise<void> {
  foreign.stores[1]?.upsert(pod(name, phase));
  await setImmediate();
}

async function goes(name: string): Promise<void> {
  version += 1;
  for (const store of foreign.stores) {
    store.remove(`metallb-system/${name}`, name, `${version}`);
  }
  await setImmediate();
}

describe("next to MetalLB's controller", () => {
  test("nobody leads before it is known whether there is one", async () => {
    await setImmediate();
    expect(work).toEqual([]);
    await listed();
    expect(work).toEqual(["begins"]);
    expect([told, foreign.problems]).toEqual([[], []]);
  });

  test("nobody leads while one of its Pods is there, of whichever install", async () => {
    await listed(pod("a"));
    await comes("b");
    await goes("a");
    expect(work).toEqual([]);
    await goes("b");
    expect(work).toEqual(["begins"]);
  });

  test("who leads stops when one comes, and may begin again when it has gone", async () => {
    await listed();
    await comes("a", "Pending");
    expect(work).toEqual(["begins", "is disturbed"]);
    await goes("a");
    expect(work).toEqual(["begins", "is disturbed", "begins"]);
    end.abort();
    await setImmediate();
    expect(work.at(-1)).toBe("ends");
  });

  test.each(["Succeeded", "Failed"])(
    "a Pod that has %s is at its end and counts no more",
    async (phase) => {
      await listed(pod("evicted", phase));
      expect(work).toEqual(["begins"]);
      expect(foreign.pods).toEqual([]);
    },
  );

  test("nothing is waited for where the namespace is gone or going: our right to look went with it", async () => {
    await setImmediate();
    expect(work).toEqual([]);
    const deletionTimestamp = "2026-01-01T00:00:00Z";
    namespaces.upsert(configNamespace({ resourceVersion: "2", deletionTimestamp }));
    await setImmediate();
    expect(work).toEqual(["begins"]);
    namespaces.remove("metallb-system", "n", "3");
    await comes("a");
    expect(work).toEqual(["begins", "is disturbed"]);
    await goes("a");
    expect(work).toEqual(["begins", "is disturbed", "begins"]);
  });

  test("each change is told once, with the Pods in the way and what to do, on our own Pod", async () => {
    await listed(pod("a"));
    await comes("a");
    expect(told).toHaveLength(1);
    expect(told[0]).toMatchObject({
      object: { kind: "Pod", namespace: "steelyard-system", uid: "uid-1" },
      type: "Warning",
      reason: "ForeignController",
      message: expect.stringMatching(/Pod metallb-system\/a\).*Stop MetalLB's Deployment/),
    });
    expect(foreign.problems).toEqual([told[0]?.message]);
    await comes("b");
    expect(told).toHaveLength(2);
  });
});
