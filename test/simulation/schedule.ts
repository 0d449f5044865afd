import type { Clock } from "../../src/runtime/clock.ts";
import type { SeededRandom } from "./seeded-random.ts";

/** A process of the simulated cluster: it can stand still, as after SIGSTOP, and it can die. */
export class SimulatedProcess {
  readonly name: string;
  alive = true;
  paused = false;
  /** What came due while it stood still. */
  readonly backlog: (() => void)[] = [];

  constructor(name: string) {
    this.name = name;
  }
}

/** Something that will happen. */
interface Step {
  readonly due: number;
  readonly order: number;
  readonly act: () => void;
  readonly process: SimulatedProcess | undefined;
}

/**
 * How often the time may be asked for between two steps. Every piece of work does, and without a step
 * nothing new can be known: code that asks more often goes round and round, and would for ever.
 */
const questionsMax = 100_000;

/**
 * Virtual time, and all that is still to happen in it, one step after the other.
 *
 * Whatever code awaits goes on only by a step from here, so a seed decides every
 * interleaving. A step that belongs to a process does not happen while the
 * process stands still, and never once it is dead.
 */
export class Schedule {
  readonly #heap: Step[] = [];
  #now = 0;
  #order = 0;
  #steps = 0;
  #questions = 0;
  readonly #onEndless: (why: string) => void;

  /** `onEndless` has the code stop that never comes to rest, or throws; without one its clock does. */
  constructor(
    onEndless = (why: string): void => {
      throw new Error(why);
    },
  ) {
    this.#onEndless = onEndless;
  }

  /** Virtual milliseconds since the start. */
  get now(): number {
    return this.#now;
  }

  /** How many steps have happened. */
  get steps(): number {
    return this.#steps;
  }

  /** The time, asked for by a process. */
  askedBy({ name }: SimulatedProcess): number {
    this.#questions += 1;
    if (this.#questions > questionsMax) {
      this.#onEndless(`${name} works on and on without waiting for anything`);
    }
    return this.#now;
  }

  /** Has `act` happen in `ms`; of steps due together the first asked for comes first. */
  after(ms: number, act: () => void, process?: SimulatedProcess): void {
    this.#order += 1;
    this.#push({ due: this.#now + Math.max(0, ms), order: this.#order, act, process });
  }

  /** Lets a process go on that stood still: all that came due meanwhile happens, in any order. */
  resume(process: SimulatedProcess, random: SeededRandom): void {
    process.paused = false;
    for (const act of process.backlog.splice(0)) {
      this.after(random.next(), act, process);
    }
  }

  /** Lets everything happen that is due within `ms`, until `stopped` says so. */
  async run(ms: number, stopped: () => boolean): Promise<void> {
    const end = this.#now + ms;
    for (let next = this.#heap[0]; next !== undefined && next.due <= end; next = this.#heap[0]) {
      this.#pop();
      this.#now = next.due;
      if (next.process?.alive === false) {
        continue;
      }
      if (next.process?.paused === true) {
        next.process.backlog.push(next.act);
        continue;
      }
      this.#steps += 1;
      this.#questions = 0;
      next.act();
      if (next.process !== undefined) {
        await reactions();
      }
      if (stopped()) {
        return;
      }
    }
    this.#now = end;
  }

  #push(step: Step): void {
    const heap = this.#heap;
    let index = heap.push(step) - 1;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!isBefore(step, heap[parent] as Step)) {
        break;
      }
      heap[index] = heap[parent] as Step;
      index = parent;
    }
    heap[index] = step;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) {
      return;
    }
    let index = 0;
    for (;;) {
      const left = 2 * index + 1;
      const right = left + 1;
      const child =
        right < heap.length && isBefore(heap[right] as Step, heap[left] as Step) ? right : left;
      if (child >= heap.length || !isBefore(heap[child] as Step, last)) {
        break;
      }
      heap[index] = heap[child] as Step;
      index = child;
    }
    heap[index] = last;
  }
}

/** Virtual time as one process sees it. */
export class ProcessClock implements Clock {
  readonly #schedule: Schedule;
  readonly #process: SimulatedProcess;
  readonly #random: SeededRandom;

  constructor(schedule: Schedule, process: SimulatedProcess, random: SeededRandom) {
    this.#schedule = schedule;
    this.#process = process;
    this.#random = random;
  }

  now(): number {
    return this.#schedule.askedBy(this.#process);
  }

  wallTime(): Date {
    return new Date(Date.UTC(2026, 0, 1) + this.#schedule.now);
  }

  random(): number {
    return this.#random.next();
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted === true) {
      return Promise.resolve();
    }
    return new Promise((resolve) => {
      const wake = (): void => {
        signal?.removeEventListener("abort", wake);
        resolve();
      };
      signal?.addEventListener("abort", wake);
      this.#schedule.after(ms, wake, this.#process);
    });
  }
}

/** Resolves when all promises that could go on have done so. */
function reactions(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

function isBefore(a: Step, b: Step): boolean {
  return a.due < b.due || (a.due === b.due && a.order < b.order);
}
