/** One captured frame. */
export interface PcapFrame {
  /** When the kernel saw it: milliseconds since 1970, with fractions. */
  readonly timeMs: number;
  /** The frame from its Ethernet header on. */
  readonly bytes: Buffer;
}

const nanosecondMagic = 0xa1b23c4d;
const fileHeaderLength = 24;
const frameHeaderLength = 16;

/** Reads a pcap stream (nanosecond timestamps, this machine's byte order) as it grows. */
export class PcapReader {
  #rest: Buffer = Buffer.alloc(0);
  #headerSeen = false;

  /** Takes the next piece of the stream; returns the frames that it completes. Throws on another format. */
  push(chunk: Buffer): readonly PcapFrame[] {
    this.#rest = Buffer.concat([this.#rest, chunk]);
    if (!this.#headerSeen) {
      if (this.#rest.length < fileHeaderLength) {
        return [];
      }
      if (this.#rest.readUInt32LE(0) !== nanosecondMagic) {
        throw new Error("not a little-endian pcap stream with nanosecond timestamps");
      }
      this.#headerSeen = true;
      this.#rest = this.#rest.subarray(fileHeaderLength);
    }
    const frames: PcapFrame[] = [];
    for (let frame = this.#take(); frame !== undefined; frame = this.#take()) {
      frames.push(frame);
    }
    return frames;
  }

  #take(): PcapFrame | undefined {
    const rest = this.#rest;
    if (rest.length < frameHeaderLength) {
      return undefined;
    }
    const end = frameHeaderLength + rest.readUInt32LE(8);
    if (rest.length < end) {
      return undefined;
    }
    this.#rest = rest.subarray(end);
    return {
      timeMs: rest.readUInt32LE(0) * 1_000 + rest.readUInt32LE(4) / 1_000_000,
      bytes: rest.subarray(frameHeaderLength, end),
    };
  }
}
