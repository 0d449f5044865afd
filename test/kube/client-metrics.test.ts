import { describe, expect, test } from "vitest";
import { describeQueues } from "../../src/kube/client-metrics.ts";
import { WorkQueue } from "../../src/kube/work-queue.ts";
import { silentLog } from "../../src/runtime/log.ts";
import { Metrics } from "../../src/runtime/metrics.ts";
import { HandClock } from "./hand-clock.ts";

describe("the metrics of a queue", () => {
  test("tell how long keys waited for a worker, how long work took, and what failed", async () => {
    const clock = new HandClock();
    const metrics = new Metrics();
    const queue = new WorkQueue({ clock, log: silentLog });
    describeQueues(metrics, { services: queue });
    queue.add("a");
    queue.addUnhurried("b");
    queue.add("c", 1_000);
    const told = (name: string): string | undefined =>
      new RegExp(`^steelyard_queue_${name}{queue="services"} (.*)$`, "m").exec(metrics.text())?.[1];
    expect(told("depth")).toBe("2");
    const stop = new AbortController();
    let failing = true;
    const running = queue.run(async (key) => {
      await clock.sleep(2_000);
      if (key === "b" && failing) {
        failing = false;
        throw new Error("not yet");
      }
    }, stop.signal);
    await clock.advance(60_000);
    // "b" waits 2 s for the first worker, "c" 3 s from the moment that it was due.
    expect(told("wait_seconds_sum")).toBe("5");
    expect(told("wait_seconds_count")).toBe("4");
    expect(told("work_seconds_sum")).toBe("8");
    expect(told("failures_total")).toBe("1");
    expect(told("depth")).toBe("0");
    stop.abort();
    await running;
  });
});
