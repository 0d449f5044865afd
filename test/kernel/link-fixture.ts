import { fileURLToPath } from "node:url";
import { afterEach, beforeAll, beforeEach, vi } from "vitest";
import { buildNative } from "../../build/native.ts";
import { type IpAddress, parseIpAddress } from "../../src/core/net/ip-address.ts";
import { Link, type LinkEntry, type LinkEvent } from "../../src/link/link.ts";
import { silentLog } from "../../src/runtime/log.ts";
import { arpFrame, arpReply } from "./arp-frames.ts";
import { Lan, nodeMac } from "./lan.ts";

/** What every kernel test has: a LAN and an open link on its node's side. */
export interface LinkFixture {
  readonly lan: Lan;
  readonly link: Link;
  /** All events so far. */
  readonly events: LinkEvent[];
  /** An entry on the LAN's interface. */
  entry(address: string): LinkEntry;
  /** Answers the address, and returns when requests are heard. */
  answer(address: string): Promise<LinkEntry>;
  /** Returns the frames with which the node answers `frames`. */
  repliesTo(...frames: readonly string[]): Promise<readonly string[]>;
}

/** An address that tests answer only to know that all frames before have been dealt with. */
const fenceAddress = "192.0.2.99";

/** Where the tests' addon is. */
export let addonPath = "";

/** Gives each test of the calling file a fresh LAN and link; returns what holds them. */
export function useLink(): LinkFixture {
  const events: LinkEvent[] = [];
  const fixture = { events } as { -readonly [K in keyof LinkFixture]: LinkFixture[K] };
  beforeAll(async () => {
    addonPath = await buildNative({
      outDir: fileURLToPath(new URL("../../dist", import.meta.url)),
    });
  });
  beforeEach(async () => {
    events.length = 0;
    fixture.lan = await Lan.create();
    fixture.link = new Link({
      addonPath,
      onEvents: (more) => events.push(...more),
      log: silentLog,
    });
    fixture.link.open();
  });
  afterEach(async () => {
    await fixture.link.close();
    await fixture.lan.remove();
  });
  fixture.entry = (address) => ({ address: ip4(address), interface: fixture.lan.nodeInterface });
  fixture.answer = async (address) => {
    const entry = fixture.entry(address);
    fixture.link.answer([entry]);
    await vi.waitFor(
      () => fixture.lan.inPeer("arping", "-C", "1", "-w", "1", "-i", "eth0", address),
      10_000,
    );
    return entry;
  };
  fixture.repliesTo = async (...frames) => {
    await fixture.answer(fenceAddress);
    const seen = await fixture.lan.capture(async () => {
      const before = repliesSent(fixture.link);
      await fixture.lan.send(...frames, arpFrame({ targetAddress: fenceAddress }));
      await vi.waitFor(() => {
        if (repliesSent(fixture.link) === before) {
          throw new Error("the fence is not answered");
        }
      }, 10_000);
    });
    const fence = arpReply({ address: fenceAddress, mac: nodeMac });
    return seen
      .filter((frame) => frame.source === nodeMac && frame.hex !== fence)
      .map((frame) => frame.hex);
  };
  return fixture;
}

function repliesSent(link: Link): number {
  return link.stats().find((stats) => stats.address === fenceAddress)?.repliesSent ?? 0;
}

/** Returns `text` as an address. */
export function ip4(text: string): IpAddress {
  const address = parseIpAddress(text);
  if (address === undefined) {
    throw new RangeError(`No address: ${text}`);
  }
  return address;
}
