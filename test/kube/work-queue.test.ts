import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ApiError } from "../../src/kube/api-error.ts";
import { WorkQueue } from "../../src/kube/work-queue.ts";
import { silentLog } from "../../src/runtime/log.ts";
import { HandClock } from "./hand-clock.ts";

function queueOf(clock: HandClock, workers = 1): WorkQueue {
  return new WorkQueue({ clock, log: silentLog, workers });
}

describe("a work queue", () => {
  it("gives each key once however often it was added, oldest first", async () => {
    const clock = new HandClock();
    const queue = queueOf(clock);
    const stop = new AbortController();
    const worked: string[] = [];
    for (const key of ["b", "a", "b", "c", "a"]) {
      queue.add(key);
    }
    expect(queue.depth).toBe(3);
    const running = queue.run(async (key) => void worked.push(key), stop.signal);
    await clock.advance(0);
    expect(worked).toEqual(["b", "a", "c"]);
    expect(queue.idle).toBe(true);
    stop.abort();
    await running;
  });

  it("works once more on a key that was added while under work, never twice at a time", async () => {
    const clock = new HandClock();
    const queue = queueOf(clock, 3);
    const stop = new AbortController();
    const log: string[] = [];
    const running = queue.run(async (key) => {
      log.push(`start ${key}`);
      await clock.sleep(10);
      log.push(`end ${key}`);
    }, stop.signal);
    queue.add("a");
    await clock.advance(5);
    queue.add("a");
    queue.add("a");
    await clock.advance(50);
    expect(log).toEqual(["start a", "end a", "start a", "end a"]);
    stop.abort();
    await running;
  });

  it("leaves half of the workers free of keys that have time, and does what is urgent first", async () => {
    const clock = new HandClock();
    const queue = queueOf(clock, 4);
    const stop = new AbortController();
    const log: string[] = [];
    for (const key of ["slow-1", "slow-2", "slow-3", "slow-4"]) {
      queue.addUnhurried(key);
    }
    queue.add("slow-4");
    const running = queue.run(async (key) => {
      log.push(`${key} ${clock.now()}`);
      await clock.sleep(10);
    }, stop.signal);
    await clock.advance(5);
    queue.add("a");
    await clock.advance(100);
    expect(log).toEqual(["slow-4 0", "slow-1 0", "slow-2 0", "a 5", "slow-3 10"]);
    expect(queue.idle).toBe(true);
    stop.abort();
    await running;
  });

  it("gives all workers to keys that have time while nothing is urgent, and half of them back when it is", async () => {
    const clock = new HandClock();
    const queue = queueOf(clock, 4);
    const stop = new AbortController();
    const log: string[] = [];
    for (let at = 1; at <= 8; at += 1) {
      queue.addUnhurried(`slow-${at}`);
    }
    const running = queue.run(async (key) => {
      log.push(`${key} ${clock.now()}`);
      await clock.sleep(key === "a" ? 20 : 10);
    }, stop.signal);
    await clock.advance(5);
    queue.add("a");
    await clock.advance(100);
    const all = [1, 2, 3, 4].map((at) => `slow-${at} 0`);
    expect(log).toEqual([...all, "a 10", "slow-5 10", "slow-6 10", "slow-7 20", "slow-8 20"]);
    stop.abort();
    await running;
  });

  it("lets a single worker do what is urgent first", async () => {
    const clock = new HandClock();
    const queue = queueOf(clock);
    const stop = new AbortController();
    const worked: string[] = [];
    queue.addUnhurried("slow");
    queue.add("a");
    queue.add("b");
    const running = queue.run(async (key) => void worked.push(key), stop.signal);
    await clock.advance(0);
    expect(worked).toEqual(["a", "b", "slow"]);
    stop.abort();
    await running;
  });

  it("tries a failing key again after 50, 100, 200 ms, and the others at once", async () => {
    const clock = new HandClock();
    const queue = queueOf(clock);
    const stop = new AbortController();
    const times: Record<string, number[]> = { bad: [], good: [] };
    const running = queue.run(async (key) => {
      times[key]?.push(clock.now());
      if (key === "bad") {
        throw new Error("no");
      }
    }, stop.signal);
    queue.add("bad");
    queue.add("good");
    await clock.advance(360);
    queue.add("good");
    await clock.advance(0);
    expect(times).toEqual({ bad: [0, 50, 150, 350], good: [0, 360] });
    stop.abort();
    await running;
  });

  it.each([
    ["news that came while it failed", "add", 5],
    ["news that came right after", "add", 20],
    ["news without hurry", "addUnhurried", 20],
  ] as const)("does not try a key again at once after a failure for %s", async (_, add, atMs) => {
    const clock = new HandClock();
    const queue = queueOf(clock);
    const stop = new AbortController();
    const times: number[] = [];
    const running = queue.run(async () => {
      times.push(clock.now());
      await clock.sleep(10);
      throw new Error("no");
    }, stop.signal);
    queue.add("a");
    // The third wait would be 200 ms long, without news.
    await clock.advance(170 + atMs);
    queue[add]("a");
    await clock.advance(230 - 170 - atMs);
    expect(times).toEqual([0, 60, 170, 230]);
    stop.abort();
    await clock.advance(10);
    await running;
  });

  it("ends two keys' failures that wake each other", async () => {
    const clock = new HandClock();
    const queue = queueOf(clock);
    const stop = new AbortController();
    let works = 0;
    const running = queue.run(async (key) => {
      works += 1;
      queue.add(key === "a" ? "b" : "a");
      // A spin of microtasks would never come back here.
      if (works > 100) {
        stop.abort();
      }
      throw new Error("no");
    }, stop.signal);
    queue.add("a");
    await clock.advance(1_000);
    expect(works).toBeLessThanOrEqual(2 * (1_000 / 50 + 1));
    stop.abort();
    await running;
  });

  it("tries a failing key again no later than it would without a wish for later", async () => {
    const clock = new HandClock();
    const queue = queueOf(clock);
    const stop = new AbortController();
    const times: number[] = [];
    const running = queue.run(async (key) => {
      times.push(clock.now());
      queue.add(key, 60_000);
      throw new Error("no");
    }, stop.signal);
    queue.add("a");
    await clock.advance(50);
    expect(times).toEqual([0, 50]);
    stop.abort();
    await running;
  });

  it("forgets failures after a success", async () => {
    const clock = new HandClock();
    const queue = queueOf(clock);
    const stop = new AbortController();
    const times: number[] = [];
    const fails = [true, true, false, true, false];
    const running = queue.run(async () => {
      times.push(clock.now());
      if (fails.shift() === true) {
        throw new Error("no");
      }
    }, stop.signal);
    queue.add("a");
    await clock.advance(150);
    queue.add("a");
    await clock.advance(100);
    expect(times).toEqual([0, 50, 150, 150, 200]);
    stop.abort();
    await running;
  });

  it("waits as long as the API server asks", async () => {
    const clock = new HandClock();
    const queue = queueOf(clock);
    const stop = new AbortController();
    const times: number[] = [];
    const running = queue.run(async () => {
      times.push(clock.now());
      if (times.length === 1) {
        throw new ApiError({ status: 429, reason: "", message: "busy", retryAfterMs: 3_000 });
      }
    }, stop.signal);
    queue.add("a");
    await clock.advance(4_000);
    expect(times).toEqual([0, 3_000]);
    stop.abort();
    await running;
  });

  it("takes the earliest of several wishes for later", async () => {
    const clock = new HandClock();
    const queue = queueOf(clock);
    const stop = new AbortController();
    const times: number[] = [];
    const running = queue.run(async () => void times.push(clock.now()), stop.signal);
    queue.add("a", 100);
    queue.add("a", 30);
    queue.add("a", 60);
    await clock.advance(200);
    expect(times).toEqual([30]);
    stop.abort();
    await running;
  });

  it("lets the work under way end when it is stopped, and starts no more", async () => {
    const clock = new HandClock();
    const queue = queueOf(clock);
    const stop = new AbortController();
    const log: string[] = [];
    const running = queue.run(async (key) => {
      log.push(`start ${key}`);
      await clock.sleep(10);
      log.push(`end ${key}`);
    }, stop.signal);
    queue.add("a");
    queue.add("b");
    await clock.advance(1);
    stop.abort();
    await clock.advance(20);
    await running;
    expect(log).toEqual(["start a", "end a"]);
  });

  it("works on every key after its last wish, and on none twice at a time, whatever fails", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ key: fc.constantFrom("a", "b", "c", "d"), waitMs: fc.nat(20) }), {
          maxLength: 40,
        }),
        fc.infiniteStream(fc.record({ tookMs: fc.nat(15), fails: fc.boolean() })),
        fc.integer({ min: 1, max: 3 }),
        async (wishes, works, workers) => {
          const clock = new HandClock();
          const queue = queueOf(clock, workers);
          const stop = new AbortController();
          const wanted = new Map<string, number>();
          const done = new Map<string, number>();
          const underWork = new Set<string>();
          let most = 0;
          let failuresLeft = 20;
          const running = queue.run(async (key) => {
            expect(underWork.has(key)).toBe(false);
            underWork.add(key);
            most = Math.max(most, underWork.size);
            const wish = wanted.get(key) ?? 0;
            const { tookMs, fails } = works.next().value ?? { tookMs: 0, fails: false };
            await clock.sleep(tookMs);
            underWork.delete(key);
            failuresLeft -= 1;
            if (fails && failuresLeft > 0) {
              throw new Error("no");
            }
            done.set(key, wish);
          }, stop.signal);
          for (const [index, { key, waitMs }] of wishes.entries()) {
            await clock.advance(waitMs);
            wanted.set(key, index);
            queue.add(key);
          }
          await clock.advance(3_600_000);
          expect(done).toEqual(wanted);
          expect(most).toBeLessThanOrEqual(workers);
          stop.abort();
          await running;
        },
      ),
      { numRuns: 50 },
    );
  });
});
