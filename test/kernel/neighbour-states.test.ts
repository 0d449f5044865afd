import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, describe, expect, test, vi } from "vitest";
import { arpFrame, padded } from "./arp-frames.ts";
import { type Lan, nodeMac, peerAddress6, peerMac } from "./lan.ts";
import { useLink } from "./link-fixture.ts";
import { advertisement, macOption, ndpFrame } from "./ndp-frames.ts";

const oldMac = "02:00:00:00:00:99";

/** What a Linux neighbour knows of an address, as `ip neigh` sets it, and what it must know after an announcement. */
const known = [
  ["nothing", undefined, undefined],
  ["the old place, reachable", `lladdr ${oldMac} nud reachable`, nodeMac],
  ["the old place, stale", `lladdr ${oldMac} nud stale`, nodeMac],
  ["the old place, delay", `lladdr ${oldMac} nud delay`, nodeMac],
  ["the old place, probe", `lladdr ${oldMac} nud probe`, nodeMac],
  ["the old place, permanent", `lladdr ${oldMac} nud permanent`, oldMac],
] as const;

/** Makes the peer have this entry for the address, made just now, or none. */
async function setEntry(lan: Lan, address: string, entry: string | undefined): Promise<void> {
  await lan.inPeer("ip", "neigh", "flush", "dev", "eth0");
  if (entry !== undefined) {
    await lan.inPeer("ip", "neigh", "replace", address, "dev", "eth0", ...entry.split(" "));
  }
}

describe.each([
  ["IPv4", "192.0.2.4", "192.0.2.99"],
  ["IPv6", "2001:db8:0:2::4", "2001:db8:0:2::99"],
])("a neighbour that hears of an %s address", (_, address, fence) => {
  const at = useLink();
  let asks: Promise<unknown> = Promise.resolve();
  afterEach(() => asks);

  /** Announces the address, and returns what the neighbour has for it right after the first round. */
  async function afterFirstRound(): Promise<string | undefined> {
    const before = sent();
    at.link.announce([at.entry(address)]);
    await vi.waitFor(() => expect(sent()).toBeGreaterThan(before), { interval: 5 });
    await sleep(50);
    return (await at.lan.neighbor(address)).mac;
  }

  const sent = (): number =>
    at.link.stats().find((stats) => stats.address === address)?.gratuitousSent ?? 0;

  test.each(known)("by frames for all, with %s", async (_what, before, after) => {
    await at.answer(fence);
    at.link.answer([at.entry(address)]);
    await setEntry(at.lan, address, before);
    expect(await afterFirstRound()).toBe(after);
  });

  test.each(known)("by a request to it alone, with %s", async (_what, before, after) => {
    const entry = at.entry(address);
    at.link.watch([entry]);
    await at.answer(fence);
    await (address.includes(":")
      ? at.advertisementsTo(ndpFrame({ target: address }))
      : at.repliesTo(arpFrame({ targetAddress: address })));
    await setEntry(at.lan, address, before);
    at.link.answer([entry]);
    expect(await afterFirstRound()).toBe(after ?? nodeMac);
  });

  test("by frames for all, with nothing, where it is told to take up what it never asked for", async () => {
    const settings = address.includes(":")
      ? ["ipv6.conf.eth0.forwarding", "ipv6.conf.eth0.accept_untracked_na"]
      : ["ipv4.conf.eth0.arp_accept"];
    for (const setting of settings) {
      const file = `/proc/sys/net/${setting.replaceAll(".", "/")}`;
      await at.lan.inPeer("sh", "-c", `echo 1 > ${file}`);
    }
    await at.answer(fence);
    at.link.answer([at.entry(address)]);
    await setEntry(at.lan, address, undefined);
    expect(await afterFirstRound()).toBe(nodeMac);
  });

  test("while it asks in vain, has the answer at once", async () => {
    await at.answer(fence);
    asks = at.lan.inPeer("ping", "-c", "1", "-W", "3", address).catch(() => "no answer");
    await vi.waitFor(async () => expect((await at.lan.neighbor(address)).state).toBe("INCOMPLETE"));
    at.link.answer([at.entry(address)]);
    expect(await afterFirstRound()).toBe(nodeMac);
  });

  /** Has the neighbour ask in vain until it stops. A kernel with many entries soon forgets that it did. */
  async function giveUp(): Promise<void> {
    asks = at.lan.inPeer("ping", "-c", "1", "-W", "4", address).catch(() => "no answer");
    await vi.waitFor(async () => expect((await at.lan.neighbor(address)).state).toBe("FAILED"), {
      timeout: 10_000,
      interval: 10,
    });
  }

  // Linux takes no advertisement for an address that it gave up, but asks anew for its next packet.
  test("by frames for all, having given it up", async () => {
    await at.answer(fence);
    await giveUp();
    at.link.answer([at.entry(address)]);
    expect(await afterFirstRound()).toBe(address.includes(":") ? undefined : nodeMac);
    await at.lan.inPeer("ping", "-c", "1", "-W", "1", address).catch(() => "no host behind it");
    expect((await at.lan.neighbor(address)).mac).toBe(nodeMac);
  }, 20_000);

  test("by a request to it alone, having given it up", async () => {
    at.link.watch([at.entry(address)]);
    await at.answer(fence);
    await giveUp();
    at.link.answer([at.entry(address)]);
    expect(await afterFirstRound()).toBe(nodeMac);
  }, 20_000);
});

/** Why our frames are as they are: what Linux makes of single ones, with the old place, reachable. */
describe("a neighbour that hears one frame and no other", () => {
  const at = useLink();
  const [address, address6] = ["192.0.2.4", "2001:db8:0:2::4"];
  const tellsAll = {
    operation: 2,
    source: nodeMac,
    senderMac: nodeMac,
    senderAddress: address,
    targetAddress: address,
  } as const;
  const advertises = {
    type: advertisement,
    sourceMac: nodeMac,
    source: address6,
    target: address6,
  } as const;
  const [toPeer, toAll] = [
    { destinationMac: peerMac, destination: peerAddress6 },
    { destination: "ff02::1" },
  ];
  const mac = macOption(2, nodeMac);

  async function entryAfter(of: string, frame: string): Promise<string> {
    await setEntry(at.lan, of, `lladdr ${oldMac} nud reachable`);
    await at.lan.sendFromNode(frame);
    await sleep(50);
    const { mac: known, state } = await at.lan.neighbor(of);
    return `${known === nodeMac ? "new" : "old"} ${state}`;
  }

  test.each([
    ["our reply form, with the sender's hardware address as its target", nodeMac, "new STALE"],
    ["a reply to everybody's hardware address", "ff:ff:ff:ff:ff:ff", "old REACHABLE"],
    ["a reply to no hardware address", "00:00:00:00:00:00", "old REACHABLE"],
  ])("%s, while its entry is fresh", async (_, targetMac, expected) => {
    expect(await entryAfter(address, padded(arpFrame({ ...tellsAll, targetMac })))).toBe(expected);
  });

  test.each([
    ["our announcement", { ...advertises, ...toAll, flags: 0x20, options: mac }, "new STALE"],
    ["our answer", { ...advertises, ...toPeer, flags: 0x60, options: mac }, "new REACHABLE"],
    [
      "an answer without Override",
      { ...advertises, ...toPeer, flags: 0x40, options: mac },
      "old STALE",
    ],
    [
      "an announcement without Override",
      { ...advertises, ...toAll, flags: 0, options: mac },
      "old STALE",
    ],
    [
      "an announcement without a hardware address",
      { ...advertises, ...toAll, flags: 0x20, options: "" },
      "old REACHABLE",
    ],
  ])("%s of an IPv6 address", async (_, fields, expected) => {
    expect(await entryAfter(address6, ndpFrame(fields))).toBe(expected);
  });
});
