import { type HandoverInput, noHandovers, step } from "../core/layer2/handover.ts";
import type { IpAddress } from "../core/net/ip-address.ts";
import type { Clock } from "../runtime/clock.ts";

/** Has addresses that go to another node answered until that one has taken over. */
export class Handovers {
  readonly #clock: Clock;
  /** Called with addresses that are not to be answered here any more. */
  readonly #onStop: (addresses: readonly IpAddress[]) => void;
  #state = noHandovers();
  #wakeAt: number | undefined;
  #wake: (() => void) | undefined;

  constructor(clock: Clock, onStop: (addresses: readonly IpAddress[]) => void) {
    this.#clock = clock;
    this.#onStop = onStop;
  }

  /** Takes in what happens to an address. */
  take(input: HandoverInput): void {
    const { state, stop, wakeAt } = step(this.#state, input, this.#clock.now());
    this.#state = state;
    this.#wakeAt = wakeAt;
    if (wakeAt !== undefined) {
      this.#wake?.();
    }
    if (stop.length > 0) {
      this.#onStop(stop);
    }
  }

  /** Looks at the time until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    signal.addEventListener("abort", () => this.#wake?.());
    while (!signal.aborted) {
      if (this.#wakeAt === undefined) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      } else {
        await this.#clock.sleep(Math.max(1, this.#wakeAt - this.#clock.now()), signal);
        this.take({ kind: "wake" });
      }
    }
  }
}
