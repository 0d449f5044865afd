import { describe, expect, test } from "vitest";
import { type IpAddress, parseIpAddress } from "../../src/core/net/ip-address.ts";
import { askForEcho, type EchoOutcome, type RawSocketModule } from "../../src/link/icmp-echo.ts";
import { HandClock } from "../kube/hand-clock.ts";

const host = parseIpAddress("192.0.2.7") as IpAddress;
const host6 = parseIpAddress("2001:db8::7") as IpAddress;
const timeoutMs = 500;

/** The packet that answers a request. */
function replyTo(request: Buffer, family: 4 | 6 = 4): Buffer {
  const reply = Buffer.from(request);
  reply.writeUInt8(family === 4 ? 0 : 129, 0);
  // IPv4 packets come with a header; this one has an option of four bytes.
  return family === 4 ? Buffer.concat([Buffer.from([0x46]), Buffer.alloc(23), reply]) : reply;
}

/** Asks `address`; `answer` says which packets come from where once the request was sent. */
async function ask(
  answer: (request: Buffer) => readonly (readonly [packet: Buffer, source: string])[],
  address = host,
): Promise<{ outcome: EchoOutcome; closed: number; request: Buffer }> {
  const clock = new HandClock();
  let hear: (packet: Buffer, source: string) => void = () => undefined;
  let closed = 0;
  let request: Buffer = Buffer.alloc(0);
  const load = (): RawSocketModule => ({
    createSocket: () => ({
      on: (event: string, listener: unknown) => {
        if (event === "message") {
          hear = listener as typeof hear;
        }
      },
      send: (packet, offset, length, _, after) => {
        request = packet.subarray(offset, offset + length);
        after(null);
        for (const [heard, source] of answer(request)) {
          hear(heard, source);
        }
      },
      close: () => {
        closed += 1;
      },
    }),
  });
  const outcome = askForEcho(address, { clock, timeoutMs, load });
  await clock.advance(timeoutMs);
  return { outcome: await outcome, closed, request };
}

describe("an ICMP echo", () => {
  test("counts the reply that brings back what was sent", async () => {
    expect((await ask((request) => [[replyTo(request), host]])).outcome.kind).toBe("answered");
    const six = await ask((request) => [[replyTo(request, 6), host6]], host6);
    expect(six.outcome.kind).toBe("answered");
  });

  test("does not count what a raw socket hears besides", async () => {
    const { outcome } = await ask((request) => {
      const others = replyTo(request);
      others.writeUInt8((others.at(-1) ?? 0) ^ 1, others.length - 1);
      const otherProcess = replyTo(request);
      otherProcess.writeUInt8((otherProcess[28] ?? 0) ^ 1, 28);
      const asked = replyTo(request);
      asked.writeUInt8(8, 24);
      return [
        [others, host],
        [otherProcess, host],
        [asked, host],
        [replyTo(request), "192.0.2.8"],
        [replyTo(request).subarray(0, 30), host],
        [Buffer.alloc(0), host],
      ];
    });
    expect(outcome).toEqual({ kind: "silent" });
  });

  test("closes its socket whatever comes of it", async () => {
    expect((await ask(() => [])).closed).toBe(1);
    expect((await ask((request) => [[replyTo(request), host]])).closed).toBe(1);
  });

  test("is an echo request with a right checksum and another content each time", async () => {
    const { request } = await ask(() => []);
    expect([...request.subarray(0, 2)]).toEqual([8, 0]);
    let sum = 0;
    for (let at = 0; at < request.length; at += 2) {
      sum += request.readUInt16BE(at);
    }
    expect((sum & 0xffff) + (sum >>> 16)).toBe(0xffff);
    expect((await ask(() => [])).request.equals(request)).toBe(false);
    const six = await ask(() => [], host6);
    expect([...six.request.subarray(0, 4)]).toEqual([128, 0, 0, 0]);
  });
});
