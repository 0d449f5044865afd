import { describe, expect, test } from "vitest";
import { Cooling } from "../../src/controller/cooling.ts";
import { WorkQueue } from "../../src/kube/work-queue.ts";
import { silentLog } from "../../src/runtime/log.ts";
import { HandClock } from "../kube/hand-clock.ts";

const address = "192.0.2.10";

/** Addresses that cool down, with the delay of each pool, and which were freed. */
class Cooler {
  readonly clock = new HandClock();
  readonly delays = new Map([["web", 60_000]]);
  readonly freed: string[] = [];
  readonly cooling: Cooling;

  constructor() {
    const { clock } = this;
    const queue = new WorkQueue({ clock, log: silentLog });
    void queue.run(async (name) => void this.freed.push(name), new AbortController().signal);
    const reuseDelayMs = (pool: string): number => this.delays.get(pool) ?? 30_000;
    this.cooling = new Cooling({ queue, reuseDelayMs, clock });
  }

  async freedAfter(ms: number): Promise<readonly string[]> {
    await this.clock.advance(ms);
    return this.freed.splice(0);
  }
}

describe("an address that cools down", () => {
  test("is freed after the delay of the pool that it was given from", async () => {
    const cooler = new Cooler();
    cooler.cooling.begin(address, { pool: "web" });
    cooler.cooling.begin("192.0.2.11", { pool: "mail" });
    expect(await cooler.freedAfter(30_000)).toEqual(["192.0.2.11"]);
    expect(await cooler.freedAfter(29_999)).toEqual([]);
    expect(await cooler.freedAfter(1)).toEqual([address]);
  });

  test("is not freed once somebody has it", async () => {
    const cooler = new Cooler();
    cooler.cooling.begin(address, { pool: "web" });
    cooler.cooling.end(address);
    cooler.cooling.delaysChanged();
    expect(await cooler.freedAfter(1e9)).toEqual([]);
  });

  test("stays longer or shorter when the delay changes, counted from when it was released", async () => {
    const cooler = new Cooler();
    cooler.cooling.begin(address, { pool: "web" });
    await cooler.freedAfter(20_000);
    cooler.delays.set("web", 100_000);
    cooler.cooling.delaysChanged();
    expect(await cooler.freedAfter(79_999)).toEqual([]);
    cooler.delays.set("web", 10_000);
    cooler.cooling.delaysChanged();
    expect(await cooler.freedAfter(0)).toEqual([address]);
  });
});
