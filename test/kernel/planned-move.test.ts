import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { buildNative } from "../../build/native.ts";
import { UdpStream, udpEcho } from "../e2e/udp-stream.ts";
import { Lan } from "./lan.ts";
import { RemoteNode } from "./remote-node.ts";
import { Segment } from "./segment.ts";

const addresses = ["192.0.2.4", "2001:db8:0:2::4"];
const [macX, macY] = ["02:00:00:00:00:0a", "02:00:00:00:00:0b"];
const port = 9_000;

const folder = mkdtempSync(join(tmpdir(), "steelyard-move-"));
let addonPath = "";
let server: readonly string[];
let segment: Segment;
let x: RemoteNode;
let y: RemoteNode;

beforeAll(async () => {
  addonPath = await buildNative({ outDir: fileURLToPath(new URL("../../dist", import.meta.url)) });
  server = await udpEcho(port, folder);
  await Lan.prepare();
});

beforeEach(async () => {
  segment = await Segment.create();
  const common = { segment, serves: addresses, server, addonPath };
  const own = (n: number): readonly string[] => [`192.0.2.24${n}/24`, `2001:db8:0:2::24${n}/64`];
  x = await RemoteNode.start({ ...common, mac: macX, addresses: own(1) });
  y = await RemoteNode.start({ ...common, mac: macY, addresses: own(2) });
});

afterEach(async () => {
  await x.stop();
  await y.stop();
  await segment.remove();
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** How long before the other a node reads the write: watches are not equally fast. */
type Order = "both at once" | "the new node first" | "the old node first";

async function move(address: string, order: Order): Promise<void> {
  const [first, second] =
    order === "the old node first"
      ? [() => x.moveAway(address), () => y.assign(address)]
      : [() => y.assign(address), () => x.moveAway(address)];
  first();
  await sleep(order === "both at once" ? 0 : 100);
  second();
}

describe.each(addresses)("a planned move of %s", (address) => {
  test.each<Order>(["both at once", "the new node first", "the old node first"])(
    "loses nothing, and leaves one node that answers, when %s reads of it",
    async (order) => {
      x.assign(address);
      await vi.waitFor(async () => expect(await segment.answererOf(address)).toBe(macX), 10_000);
      const stream = await UdpStream.start(segment, address, port, 2_000);
      await sleep(500);
      await move(address, order);
      await vi.waitFor(async () => expect(await segment.believed(address)).toBe(macY), 10_000);
      await sleep(1_000);
      const { sent, lost } = await stream.stop();
      expect(sent).toBeGreaterThan(1_000);
      expect(lost).toBe(0);
      expect(await segment.answererOf(address)).toBe(macY);
    },
  );

  test("that nobody takes over ends all the same: the old node falls silent", async () => {
    x.assign(address);
    await vi.waitFor(async () => expect(await segment.answererOf(address)).toBe(macX), 10_000);
    x.moveAway(address);
    await vi.waitFor(async () => expect(await segment.answererOf(address)).toBe(""), 10_000);
  });
});
