import { mkdtempSync, rmSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import { runOrThrow } from "../../sandbox/command.ts";
import { tcpdumpCommand } from "../../sandbox/tcpdump.ts";
import { arpFrame, arpReply, padded } from "./arp-frames.ts";
import { frameText } from "./frame-text.ts";
import { nodeMac, peerMac } from "./lan.ts";
import { macOption, ndpAnnouncement, ndpAnswer, ndpFrame } from "./ndp-frames.ts";

const address = "192.0.2.4";
const address6 = "2001:db8:0:2::4";
const folder = mkdtempSync(join(tmpdir(), "steelyard-kernel-"));
afterAll(() => rmSync(folder, { recursive: true }));

const frames = [
  arpFrame({ targetAddress: address }),
  padded(arpFrame({ targetAddress: address, targetMac: peerMac, senderAddress: "0.0.0.0" })),
  arpReply({ address, mac: nodeMac }),
  arpFrame({ targetAddress: address, tag: "8100a005" }),
  ndpFrame({ target: address6 }),
  ndpFrame({ target: address6, source: "::", options: "" }),
  ndpFrame({ target: address6, hopLimit: 64, options: macOption(1, nodeMac) }),
  ndpAnswer({ address: address6 }),
  ndpAnnouncement(address6),
  ndpFrame({ target: address6, type: 136, flags: 0x80, options: "" }),
  ndpFrame({ target: address6, type: 136, options: "" }),
].map((hex) => Buffer.from(hex, "hex"));

test("frames read as tcpdump prints them", async () => {
  const file = join(folder, "frames.pcap");
  await writeFile(file, pcapOf(frames));
  const tcpdump = await tcpdumpCommand(folder);
  const printed = await runOrThrow([...tcpdump, ..."-Z root -t -nn -e -v -r".split(" "), file]);
  expect(frames.map(frameText)).toEqual(printed.trimEnd().replaceAll("\n\t ", "").split("\n"));
});

test("a checksum that is wrong is told, and bytes that are something else are told as that", () => {
  const wrong = Buffer.from(ndpFrame({ target: address6, checksum: 1 }), "hex");
  expect(frameText(wrong)).toContain("[bad icmp6 cksum]");
  expect(frameText(Buffer.from("0102", "hex"))).toBe("2 bytes");
  fc.assert(
    fc.property(
      fc.constantFrom(...frames),
      fc.uint8Array({ maxLength: 40 }),
      fc.nat(120),
      fc.nat(120),
      (frame, bytes, at, length) => {
        const changed = Buffer.from(frame);
        changed.set(
          bytes.subarray(0, Math.max(0, changed.length - at)),
          Math.min(at, changed.length),
        );
        expect(frameText(changed.subarray(0, length)).length).toBeGreaterThan(0);
      },
    ),
    { numRuns: 2_000 },
  );
});

/** A capture file of these frames, as `tcpdump -w` writes one. */
function pcapOf(all: readonly Buffer[]): Buffer {
  const head = Buffer.alloc(24);
  head.writeUInt32LE(0xa1b2c3d4, 0);
  head.writeUInt16LE(2, 4);
  head.writeUInt16LE(4, 6);
  head.writeUInt32LE(65_535, 16);
  head.writeUInt32LE(1, 20);
  const records = all.flatMap((frame) => {
    const record = Buffer.alloc(16);
    record.writeUInt32LE(frame.length, 8);
    record.writeUInt32LE(frame.length, 12);
    return [record, frame];
  });
  return Buffer.concat([head, ...records]);
}
