import { randomBytes } from "node:crypto";
import { createRequire } from "node:module";
import { familyOf, type IpAddress } from "../core/net/ip-address.ts";
import type { Clock } from "../runtime/clock.ts";

/** What came of asking a host for an ICMP echo. */
export type EchoOutcome =
  | { readonly kind: "answered"; readonly ms: number }
  /** Nobody answered in time; whoever is there may keep silent on purpose. */
  | { readonly kind: "silent" }
  /** Nobody was asked, and why: the optional raw-socket is missing, NET_RAW is, or a route. */
  | { readonly kind: "off"; readonly reason: string };

export interface EchoOptions {
  /** How long to wait for an answer, default 1 s. */
  readonly timeoutMs?: number;
  readonly clock: Clock;
  /** Loads the optional package raw-socket; throws where it cannot. */
  readonly load?: () => RawSocketModule;
}

/** The part of raw-socket that is used here. */
export interface RawSocketModule {
  createSocket(options: { readonly protocol: number; readonly addressFamily: number }): RawSocket;
}

interface RawSocket {
  on(event: "message", listener: (packet: Buffer, source: string) => void): void;
  on(event: "error", listener: (error: Error) => void): void;
  send(
    packet: Buffer,
    offset: number,
    length: number,
    address: string,
    after: (error: Error | null) => void,
  ): void;
  close(): void;
}

/** Numbers of RFC 792 and RFC 4443, and raw-socket's names of the families. */
const families = {
  4: { protocol: 1, addressFamily: 1, request: 8, reply: 0 },
  6: { protocol: 58, addressFamily: 2, request: 128, reply: 129 },
} as const;

const nonceLength = 16;

/**
 * Asks `address` for an ICMP echo, once. This finds hosts that ARP cannot see,
 * behind a router. Never rejects: without raw-socket it says so.
 */
export async function askForEcho(address: IpAddress, options: EchoOptions): Promise<EchoOutcome> {
  const { clock, timeoutMs = 1_000 } = options;
  const { protocol, addressFamily } = families[familyOf(address)];
  let socket: RawSocket;
  try {
    socket = (options.load ?? loadRawSocket)().createSocket({ protocol, addressFamily });
  } catch (error) {
    return { kind: "off", reason: `raw-socket is not usable: ${firstLine(error)}` };
  }
  const answered = new AbortController();
  const startedAt = clock.now();
  const nonce = randomBytes(nonceLength);
  const outcome = new Promise<EchoOutcome>((resolve) => {
    const off = (error: Error): void =>
      resolve({ kind: "off", reason: `nothing was sent: ${firstLine(error)}` });
    socket.on("error", off);
    socket.on("message", (packet, source) => {
      if (source === address && isReply(packet, familyOf(address), nonce)) {
        resolve({ kind: "answered", ms: clock.now() - startedAt });
      }
    });
    const request = echoRequest(familyOf(address), nonce);
    socket.send(request, 0, request.length, address, (error) => {
      if (error !== null) {
        off(error);
      }
    });
    void clock.sleep(timeoutMs, answered.signal).then(() => resolve({ kind: "silent" }));
  });
  try {
    return await outcome;
  } finally {
    answered.abort();
    socket.close();
  }
}

/** The package is CommonJS with an addon of its own, and may not be there: no import can name it. */
function loadRawSocket(): RawSocketModule {
  return createRequire(import.meta.url)("raw-socket") as RawSocketModule;
}

/** Type, code, checksum, identifier and sequence number, then what the reply brings back. */
function echoRequest(family: 4 | 6, nonce: Buffer): Buffer {
  const packet = Buffer.alloc(8 + nonceLength);
  packet.writeUInt8(families[family].request, 0);
  nonce.copy(packet, 4, 0, 4);
  nonce.copy(packet, 8);
  if (family === 4) {
    // The kernel does this for ICMPv6 only.
    packet.writeUInt16BE(checksum(packet), 2);
  }
  return packet;
}

function isReply(packet: Buffer, family: 4 | 6, nonce: Buffer): boolean {
  // IPv4 packets come with their header, whose length is counted in words of four bytes.
  const start = family === 4 ? ((packet[0] ?? 0) & 0x0f) * 4 : 0;
  return (
    packet[start] === families[family].reply &&
    packet.subarray(start + 4, start + 8).equals(nonce.subarray(0, 4)) &&
    packet.subarray(start + 8, start + 8 + nonceLength).equals(nonce)
  );
}

/** The one's complement sum of RFC 1071 over an even number of bytes. */
function checksum(packet: Buffer): number {
  let sum = 0;
  for (let at = 0; at < packet.length; at += 2) {
    sum += packet.readUInt16BE(at);
  }
  while (sum > 0xffff) {
    sum = (sum & 0xffff) + (sum >>> 16);
  }
  return ~sum & 0xffff;
}

function firstLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split("\n")[0] ?? "";
}
