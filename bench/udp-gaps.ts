import { createSocket, type Socket } from "node:dgram";
import { createInterface } from "node:readline";

/** Where the echo is. */
export const echoPort = 7_007;

/** The longest time in which nothing came back from an address. */
export interface Gap {
  readonly address: string;
  /** Between the last datagram that came back before it and the first after it, by when they were sent. */
  readonly ms: number;
  /** When that first one was sent: milliseconds on the machine's monotonic clock. */
  readonly resumedAt: number;
}

/** The machine's monotonic clock in milliseconds, the same in every process. */
export function machineNow(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

/** One address that is sent a numbered datagram each millisecond. */
class Stream {
  readonly address: string;
  readonly #socket: Socket;
  #sent = 0;
  #sentAt: number[] = [];
  #answered = -1;
  #gap = { ms: 0, resumedAt: 0 };

  constructor(address: string) {
    this.address = address;
    this.#socket = createSocket(address.includes(":") ? "udp6" : "udp4");
    this.#socket.on("message", (message) => this.#answer(message.readUInt32BE()));
    // An unreachable host is what is measured.
    this.#socket.on("error", () => undefined);
  }

  send(): void {
    const message = Buffer.alloc(4);
    message.writeUInt32BE(this.#sent);
    this.#sentAt[this.#sent++] = machineNow();
    // While the neighbour is sought the kernel holds only so much, and Node would hold the rest.
    if (this.#socket.getSendQueueCount() === 0) {
      this.#socket.send(message, echoPort, this.address, () => undefined);
    }
  }

  /** Forgets what was, from now on. */
  mark(): void {
    this.#gap = { ms: 0, resumedAt: 0 };
  }

  /** True if what was sent a moment ago has come back. */
  get flows(): boolean {
    return this.#sent - this.#answered < 200;
  }

  /** The longest one so far; one that still goes on counts until now. */
  get gap(): Gap {
    const now = machineNow();
    const open = this.flows ? 0 : now - (this.#sentAt[this.#answered] ?? now);
    const gap = open > this.#gap.ms ? { ms: open, resumedAt: now } : this.#gap;
    return { address: this.address, ...gap };
  }

  #answer(number: number): void {
    if (number <= this.#answered) {
      return;
    }
    const [from, to] = [this.#sentAt[this.#answered] ?? 0, this.#sentAt[number] ?? 0];
    if (this.#answered >= 0 && to - from > this.#gap.ms) {
      this.#gap = { ms: to - from, resumedAt: to };
    }
    this.#answered = number;
  }
}

/**
 * Sends to the addresses given, of which the first `awaited` are waited for. `mark` on its input
 * forgets, `gaps` prints the gaps since, when those flow again.
 */
function run(awaited: number, streams: readonly Stream[]): void {
  let asked = false;
  setInterval(() => {
    for (const stream of streams) {
      stream.send();
    }
    if (asked && streams.slice(0, awaited).every(({ flows }) => flows)) {
      asked = false;
      process.stdout.write(`${JSON.stringify(streams.map(({ gap }) => gap))}\n`);
    }
  }, 1);
  createInterface({ input: process.stdin }).on("line", (line) => {
    if (line === "gaps") {
      asked = true;
    } else {
      for (const stream of streams) {
        stream.mark();
      }
    }
  });
}

if (import.meta.main) {
  const [awaited, ...addresses] = process.argv.slice(2);
  run(
    Number(awaited),
    addresses.map((address) => new Stream(address)),
  );
}
