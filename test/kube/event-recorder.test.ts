import { beforeEach, describe, expect, it } from "vitest";
import type { EventNote } from "../../src/kube/event-note.ts";
import { EventRecorder } from "../../src/kube/event-recorder.ts";
import type { ApiClient, ApiRequest } from "../../src/kube/transport.ts";
import { silentLog } from "../../src/runtime/log.ts";
import { HandClock } from "./hand-clock.ts";

interface WrittenEvent {
  readonly message: string;
  readonly count: number;
  readonly involvedObject?: { readonly name: string };
}

/** Takes every Event, and keeps each as it was written last. */
class EventsTaken implements ApiClient {
  readonly byName = new Map<string, WrittenEvent>();
  writes = 0;

  async request({ method, path, body }: ApiRequest): Promise<unknown> {
    this.writes += 1;
    if (method === "POST") {
      const created = body as WrittenEvent & { readonly metadata: { readonly name: string } };
      this.byName.set(created.metadata.name, created);
    } else {
      const name = path.split("/").at(-1) ?? "";
      const before = this.byName.get(name);
      expect(before, "counted up before it was created").toBeDefined();
      this.byName.set(name, { ...before, ...(body as WrittenEvent) });
    }
    return {};
  }

  stream(): Promise<AsyncIterable<unknown>> {
    return Promise.reject(new Error("an Event recorder watches nothing"));
  }

  get all(): readonly (readonly [message: string, count: number])[] {
    return [...this.byName.values()].map(({ message, count }) => [message, count]);
  }
}

function noteOf(message: string, name = "web", reason = "AddressInUse"): EventNote {
  const object = { apiVersion: "v1", kind: "Service", namespace: "default", name, uid: name };
  return { object, type: "Warning", reason, message };
}

const manyMessages = (count: number, from = 1): readonly string[] =>
  Array.from({ length: count }, (_, index) => `held by ${from + index}`);

/** Every wait of the recorder for one Event is over. */
const settledMs = 10_000;

let clock: HandClock;
let api: EventsTaken;
let recorder: EventRecorder;

beforeEach(() => {
  clock = new HandClock();
  // Names of Events are of chance, which this clock has not.
  let serial = 0;
  clock.random = () => {
    serial += 1;
    return serial / 2 ** 40;
  };
  api = new EventsTaken();
  const reporter = { component: "steelyard-controller", instance: "pod-1" };
  recorder = new EventRecorder({ transport: api, ...reporter, clock, log: silentLog });
  const stop = new AbortController();
  const running = recorder.run(stop.signal);
  return async () => {
    stop.abort();
    await running;
  };
});

function recordAll(messages: readonly string[], name?: string, reason?: string): void {
  for (const message of messages) {
    recorder.record(noteOf(message, name, reason));
  }
}

describe("an Event recorder", () => {
  it("combines what differs in the message only, after ten Events, and says so", async () => {
    recordAll(manyMessages(10));
    await clock.advance(settledMs);
    expect(api.all).toEqual(manyMessages(10).map((message) => [message, 1]));
    recordAll(manyMessages(3, 11));
    await clock.advance(settledMs);
    expect(api.all).toHaveLength(11);
    expect(api.all.at(-1)).toEqual(["several like this, here the latest: held by 13", 3]);
    recordAll(["held by 14"]);
    await clock.advance(settledMs);
    expect(api.all.at(-1)).toEqual(["several like this, here the latest: held by 14", 4]);
    expect(api.all).toHaveLength(11);
  });

  it("goes on counting up a message that has an Event of its own", async () => {
    recordAll(manyMessages(12));
    await clock.advance(settledMs);
    recordAll(["held by 3"]);
    await clock.advance(settledMs);
    expect(api.all[2]).toEqual(["held by 3", 2]);
    expect(api.all.at(-1)).toEqual(["several like this, here the latest: held by 12", 2]);
  });

  it("keeps other objects and other reasons apart", async () => {
    recordAll(manyMessages(11));
    recordAll(["of another Service"], "other");
    recordAll(["of another reason"], "web", "PoolExhausted");
    await clock.advance(settledMs);
    expect(api.all.slice(-2)).toEqual([
      ["of another Service", 1],
      ["of another reason", 1],
    ]);
  });

  it("begins anew after ten minutes without a similar one", async () => {
    recordAll(manyMessages(12));
    await clock.advance(599_000);
    recordAll(["held by 13"]);
    await clock.advance(600_000);
    expect(api.all.at(-1)).toEqual(["several like this, here the latest: held by 13", 3]);
    await clock.advance(1_000);
    recordAll(["held by 14"]);
    await clock.advance(settledMs);
    expect(api.all.at(-1)).toEqual(["held by 14", 1]);
  });

  it("writes 25 times about one object, then once in five minutes, and about others all the same", async () => {
    const reasons = Array.from({ length: 30 }, (_, index) => `Reason${index}`);
    for (const reason of reasons) {
      recorder.record(noteOf("the same", "web", reason));
    }
    recorder.record(noteOf("the same", "other"));
    await clock.advance(settledMs);
    expect(api.writes).toBe(26);
    expect(recorder.dropped).toBe(5);
    await clock.advance(300_000 - settledMs - 1);
    recorder.record(noteOf("too early", "web", "Another"));
    await clock.advance(1);
    recorder.record(noteOf("in time", "web", "Another"));
    recorder.record(noteOf("too many", "web", "Another"));
    await clock.advance(settledMs);
    expect(api.writes).toBe(27);
    expect(api.all.at(-1)).toEqual(["in time", 1]);
  });

  it("brings the whole count when the object may be written about again", async () => {
    for (let times = 0; times < 40; times += 1) {
      recordAll(["the same"]);
      await clock.advance(settledMs);
    }
    const { writes } = api;
    expect(writes).toBeLessThan(30);
    await clock.advance(300_000);
    recordAll(["the same"]);
    await clock.advance(settledMs);
    expect(api.all).toEqual([["the same", 41]]);
    expect(api.writes).toBe(writes + 1);
  });

  it("remembers a bounded number of objects: the one forgotten may be written about again", async () => {
    recordAll(manyMessages(11));
    for (let other = 0; other < 4_096; other += 1) {
      recordAll(["the same"], `other-${other}`);
    }
    recordAll(["held by 12"]);
    await clock.advance(400_000);
    expect(api.all).toContainEqual(["held by 12", 1]);
  });

  it("sends at most 50 a second after a burst of 200, and 20 while others are in a hurry", async () => {
    let busy = false;
    recorder.giveWayTo(() => busy);
    for (let other = 0; other < 1_000; other += 1) {
      recordAll(["the same"], `other-${other}`);
    }
    await clock.advance(0);
    expect(api.writes).toBe(200);
    await clock.advance(2_000);
    expect(api.writes).toBe(300);
    busy = true;
    await clock.advance(100);
    const before = api.writes;
    await clock.advance(5_000);
    expect(api.writes - before).toBe(100);
  });
});
