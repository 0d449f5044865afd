import { beforeEach, describe, expect, test } from "vitest";
import { VanishedObjects } from "../../src/speaker/vanished-objects.ts";
import { HandClock } from "../kube/hand-clock.ts";

let clock: HandClock;
let watched: boolean;
let vanished: VanishedObjects;
let forgotten: string[];

beforeEach(() => {
  clock = new HandClock();
  watched = true;
  forgotten = [];
  vanished = new VanishedObjects(clock, () => watched);
  void vanished.run(new AbortController().signal);
});

function hold(key: string): void {
  vanished.hold(key, () => forgotten.push(key));
}

describe("an object that vanished", () => {
  test("is forgotten after a minute, once", async () => {
    hold("a");
    await clock.advance(59_000);
    expect(forgotten).toEqual([]);
    await clock.advance(2_000);
    expect(forgotten).toEqual(["a"]);
    expect(vanished.size).toBe(0);
    await clock.advance(120_000);
    expect(forgotten).toEqual(["a"]);
  });

  test("is not forgotten when it returned meanwhile", async () => {
    hold("a");
    hold("b");
    expect(vanished.returned("a")).toBe(true);
    expect(vanished.returned("c")).toBe(false);
    await clock.advance(61_000);
    expect(forgotten).toEqual(["b"]);
  });

  test("stays while its kind cannot be watched, and a minute longer", async () => {
    hold("a");
    watched = false;
    await clock.advance(600_000);
    expect(forgotten).toEqual([]);
    watched = true;
    await clock.advance(58_000);
    expect(forgotten).toEqual([]);
    await clock.advance(3_000);
    expect(forgotten).toEqual(["a"]);
  });
});
