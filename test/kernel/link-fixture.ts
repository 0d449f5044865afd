import { fileURLToPath } from "node:url";
import { afterEach, beforeAll, beforeEach, vi } from "vitest";
import { buildNative } from "../../build/native.ts";
import { type IpAddress, parseIpAddress } from "../../src/core/net/ip-address.ts";
import { Link, type LinkEntry, type LinkEvent } from "../../src/link/link.ts";
import { silentLog } from "../../src/runtime/log.ts";
import { arpFrame, arpReply } from "./arp-frames.ts";
import { Lan, nodeMac } from "./lan.ts";
import { advertisement, ndpAnswer, ndpFrame } from "./ndp-frames.ts";

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
  /** Returns the frames with which the node answers ARP `frames`. */
  repliesTo(...frames: readonly string[]): Promise<readonly string[]>;
  /** Returns the advertisements with which the node answers `frames`. */
  advertisementsTo(...frames: readonly string[]): Promise<readonly string[]>;
}

/** An address that tests answer only to know that all frames before have been dealt with. */
interface Fence {
  readonly fence: string;
  readonly ask: string;
  readonly answer: string;
  readonly protocol: "arp" | "icmpv6";
}

const arpFence: Fence = {
  fence: "192.0.2.99",
  ask: arpFrame({ targetAddress: "192.0.2.99" }),
  answer: arpReply({ address: "192.0.2.99", mac: nodeMac }),
  protocol: "arp",
};

const ndpFence: Fence = {
  fence: "2001:db8:0:2::99",
  ask: ndpFrame({ target: "2001:db8:0:2::99" }),
  answer: ndpAnswer({ address: "2001:db8:0:2::99" }),
  protocol: "icmpv6",
};

/** Where the tests' addon is. */
export let addonPath = "";

/** Gives each test of the calling file a fresh LAN and link; returns what holds them. */
export function useLink(options: { readonly refreshSeconds?: number } = {}): LinkFixture {
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
      ...options,
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
    const [program, ...args] = address.includes(":")
      ? ["ndisc6", "-1", "-q", "-w", "1000", address, "eth0"]
      : ["arping", "-C", "1", "-w", "1", "-i", "eth0", address];
    await vi.waitFor(() => fixture.lan.inPeer(program as string, ...args), 10_000);
    return entry;
  };
  const repliesTo = async (
    { fence, ask, answer, protocol }: Fence,
    frames: readonly string[],
  ): Promise<readonly string[]> => {
    await fixture.answer(fence);
    const seen = await fixture.lan.capture(async () => {
      const before = repliesSent(fixture.link, fence);
      await fixture.lan.send(...frames, ask);
      await vi.waitFor(() => {
        if (repliesSent(fixture.link, fence) === before) {
          throw new Error("the fence is not answered");
        }
      }, 10_000);
    }, protocol);
    return seen
      .filter((frame) => frame.source === nodeMac && frame.hex !== answer)
      .map((frame) => frame.hex);
  };
  fixture.repliesTo = (...frames) => repliesTo(arpFence, frames);
  fixture.advertisementsTo = async (...frames) => {
    const seen = await repliesTo(ndpFence, frames);
    return seen.filter(isAdvertisement);
  };
  return fixture;
}

/** Where the type of an ICMPv6 message stands in a frame, in hex digits. */
const typeAt = 2 * 54;

function isAdvertisement(hex: string): boolean {
  return hex.slice(typeAt, typeAt + 2) === advertisement.toString(16);
}

function repliesSent(link: Link, address: string): number {
  return link.stats().find((stats) => stats.address === address)?.repliesSent ?? 0;
}

/** Returns `text` as an address. */
export function ip4(text: string): IpAddress {
  const address = parseIpAddress(text);
  if (address === undefined) {
    throw new RangeError(`No address: ${text}`);
  }
  return address;
}
