import { styleText } from "node:util";
import { systemClock } from "../../src/runtime/clock.ts";

/** What a step has to tell: its sentence, and its time where that is not the step's own duration. */
export interface Told {
  readonly text: string;
  readonly ms?: number;
}

/**
 * Tells a sequence of steps, one line each, and counts. After a step that failed
 * the others cannot be seen and are not tried.
 */
export class Story {
  readonly #print: (line: string) => void;
  #passed = 0;
  #failed = 0;

  constructor(print: (line: string) => void) {
    this.#print = print;
  }

  /** Runs one step and tells it; returns false when it failed. `log` gives what helps then. */
  async step(name: string, act: () => Promise<Told>, log: () => Promise<string>): Promise<boolean> {
    const start = systemClock.now();
    try {
      const { text, ms = systemClock.now() - start } = await act();
      this.#passed += 1;
      this.#line(styleText("green", "ok  "), ms, name, text);
      return true;
    } catch (error) {
      this.#failed += 1;
      const text = error instanceof Error ? error.message : String(error);
      this.#line(styleText("red", "FAIL"), systemClock.now() - start, name, text);
      this.#print(await log());
      return false;
    }
  }

  /** Prints the closing line; returns the exit code. */
  close(): number {
    this.#print(`${this.#passed} passed, ${this.#failed} failed`);
    return this.#failed === 0 ? 0 : 1;
  }

  #line(verdict: string, ms: number, name: string, text: string): void {
    this.#print(`${verdict} ${formatDuration(ms).padStart(6)}  ${name.padEnd(9)} ${text}`);
  }
}

/** `21ms`, `4.1s`: two digits are enough to read. */
export function formatDuration(ms: number): string {
  return ms < 1_000 ? `${Math.round(ms)}ms` : `${(ms / 1_000).toFixed(1)}s`;
}
