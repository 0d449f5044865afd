import type { Socket } from "node:net";
import type { Clock } from "../runtime/clock.ts";

const silentLimit = 3;

/**
 * Finds connections whose other end is gone or stands still.
 *
 * A lost link or a stopped server leaves a connection open and silent. With
 * HTTP/2 we ping, so that a living server is heard at every interval; after
 * three silent ones the socket is destroyed, and everything on it fails at
 * once instead of never.
 */
export class LivenessWatch {
  readonly #intervalMs: number;
  readonly #clock: Clock;
  #heardAt: number | undefined;

  constructor(intervalMs: number, clock: Clock) {
    this.#intervalMs = intervalMs;
    this.#clock = clock;
  }

  /** When anything was last heard on any watched connection, on the monotonic clock, to one interval. */
  get heardAt(): number | undefined {
    return this.#heardAt;
  }

  /** Watches `socket` until it closes. `onDead` is called just before a silent one is destroyed. */
  watch(socket: Socket, onDead: (silentMs: number) => void): void {
    let heardAt = this.#clock.now();
    let bytes = socket.bytesRead;
    let silentIntervals = 0;
    this.#heardAt = heardAt;
    const timer = setInterval(() => {
      const now = this.#clock.now();
      if (socket.bytesRead !== bytes) {
        bytes = socket.bytesRead;
        silentIntervals = 0;
        heardAt = now;
        this.#heardAt = now;
        return;
      }
      // Counted, not measured: after this process itself stood still only one has passed.
      silentIntervals += 1;
      if (silentIntervals > silentLimit) {
        onDead(now - heardAt);
        socket.destroy(new Error(`nothing heard for ${Math.round(now - heardAt)} ms`));
      }
    }, this.#intervalMs);
    timer.unref();
    socket.once("close", () => clearInterval(timer));
  }
}
