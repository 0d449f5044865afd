import { expect, test } from "vitest";
import { ProcessClock, Schedule, SimulatedProcess } from "./schedule.ts";
import { SeededRandom } from "./seeded-random.ts";

/** What is said of a process of which each step asks for the time as often as `goesOn` says. */
async function saidOf(goesOn: (asked: number) => boolean): Promise<readonly string[]> {
  const said: string[] = [];
  const schedule = new Schedule((why) => void said.push(why));
  const process = new SimulatedProcess("c0/1");
  const clock = new ProcessClock(schedule, process, new SeededRandom(1));
  const work = async (): Promise<void> => {
    for (let asked = 0; goesOn(asked) && said.length === 0; asked += 1) {
      clock.now();
      await undefined;
    }
  };
  for (let at = 0; at < 3; at += 1) {
    schedule.after(at, () => void work(), process);
  }
  await schedule.run(10, () => false);
  return said;
}

test("code that never waits for anything is found out, however often it awaits", async () => {
  expect(await saidOf(() => true)).toEqual(["c0/1 works on and on without waiting for anything"]);
});

test("code that comes to rest is left alone, however often it is begun", async () => {
  expect(await saidOf((asked) => asked < 60_000)).toEqual([]);
});

test("whoever has no answer to it is stopped by his clock", async () => {
  const schedule = new Schedule();
  const clock = new ProcessClock(schedule, new SimulatedProcess("c0/1"), new SeededRandom(1));
  const work = async (): Promise<void> => {
    for (;;) {
      clock.now();
      await undefined;
    }
  };
  await expect(work()).rejects.toThrow("works on and on");
});
