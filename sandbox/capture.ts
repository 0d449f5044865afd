import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { systemClock } from "../src/runtime/clock.ts";
import { type ArpFrame, parseArpFrame } from "./arp-frame.ts";
import { inNetns } from "./command.ts";
import { type PcapFrame, PcapReader } from "./pcap.ts";

/** A captured frame, taken apart where it is ARP. */
export interface CapturedFrame extends PcapFrame {
  readonly arp: ArpFrame | undefined;
}

/** A live packet capture at one interface, by `tcpdump`. Iterating gives every frame since its start. */
export class Capture {
  /** Everything seen so far, in order. */
  readonly frames: CapturedFrame[] = [];
  readonly #child: ChildProcess;
  #ended = false;
  #dropped = 0;
  #wake = Promise.withResolvers<void>();

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  /**
   * Starts to capture what matches a pcap `filter`; resolves once every later frame is caught.
   * Throws when `tcpdump` cannot be started or refuses the filter.
   */
  static async start(options: {
    readonly netns: string;
    readonly device: string;
    readonly filter: string;
    /** The command that is `tcpdump`; see `tcpdump.ts`. */
    readonly tcpdump: readonly string[];
  }): Promise<Capture> {
    const { netns, device, filter, tcpdump } = options;
    const [program = "", ...args] = inNetns(netns, [
      ...[...tcpdump, "-i", device, "-n", "-U", "-w", "-", "--immediate-mode"],
      // Room for bursts while the reader is busy: short frames, and 32 MiB of them.
      ...["-s", "256", "-B", "32768"],
      // It would give up root for a user that a user namespace does not map.
      ...["-Z", "root", "--time-stamp-precision=nano", filter],
    ]);
    const child = spawn("setpriv", ["--pdeathsig", "KILL", "--", program, ...args], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    const capture = new Capture(child);
    const reader = new PcapReader();
    child.stdout.on("data", (chunk: Buffer) => capture.#add(reader.push(chunk)));
    let words = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      words += text;
    });
    child.once("close", () => {
      capture.#dropped = Number(/(\d+) packets? dropped by kernel/.exec(words)?.[1] ?? 0);
      capture.#ended = true;
      capture.#notify();
    });
    await listening(child, () => words);
    return capture;
  }

  /** The first frame, past or to come, that `matches`; undefined after `timeoutMs` without one. */
  async find(
    matches: (frame: CapturedFrame) => boolean,
    timeoutMs: number,
  ): Promise<CapturedFrame | undefined> {
    const timeout = new AbortController();
    const deadline = systemClock.sleep(timeoutMs, timeout.signal);
    let expired = false;
    void deadline.then(() => {
      expired = true;
      this.#notify();
    });
    try {
      for (let at = 0; ; at += 1) {
        while (at >= this.frames.length && !this.#ended && !expired) {
          await this.#wake.promise;
        }
        const frame = this.frames[at];
        if (frame === undefined || matches(frame)) {
          return frame;
        }
      }
    } finally {
      timeout.abort();
    }
  }

  /**
   * Ends the capture, and with it every iteration. Returns how many frames were not caught
   * because the machine was too busy.
   */
  async stop(): Promise<number> {
    if (!this.#ended) {
      this.#child.kill("SIGTERM");
      await once(this.#child, "close");
    }
    return this.#dropped;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<CapturedFrame> {
    for (let at = 0; ; at += 1) {
      while (at >= this.frames.length && !this.#ended) {
        await this.#wake.promise;
      }
      const frame = this.frames[at];
      if (frame === undefined) {
        return;
      }
      yield frame;
    }
  }

  #add(frames: readonly PcapFrame[]): void {
    for (const frame of frames) {
      this.frames.push({ ...frame, arp: parseArpFrame(frame.bytes) });
    }
    this.#notify();
  }

  #notify(): void {
    this.#wake.resolve();
    this.#wake = Promise.withResolvers<void>();
  }
}

/** Resolves when `tcpdump` says that it listens; throws with its `words` so far when it ends before. */
async function listening(child: ChildProcess, words: () => string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    child.stderr?.on("data", () => {
      if (words().includes("listening on")) {
        resolve();
      }
    });
    child.once("error", (error) => reject(new Error(`cannot start tcpdump: ${error.message}`)));
    child.once("close", () => reject(new Error(`tcpdump ended: ${words().trim()}`)));
  });
}
