import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test, vi } from "vitest";
import { arpFrame } from "./arp-frames.ts";
import { nodeMac } from "./lan.ts";
import { useLink } from "./link-fixture.ts";
import { ndpFrame } from "./ndp-frames.ts";

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

describe.each([
  ["IPv4", "192.0.2.4", "192.0.2.99"],
  ["IPv6", "2001:db8:0:2::4", "2001:db8:0:2::99"],
])("a neighbour that hears of an %s address", (_, address, fence) => {
  const at = useLink();

  async function set(entry: string | undefined): Promise<void> {
    await at.lan.inPeer("ip", "neigh", "flush", "dev", "eth0");
    if (entry !== undefined) {
      await at.lan.inPeer("ip", "neigh", "replace", address, "dev", "eth0", ...entry.split(" "));
    }
  }

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
    await set(before);
    expect(await afterFirstRound()).toBe(after);
  });

  test.each(known)("by a request to it alone, with %s", async (_what, before, after) => {
    const entry = at.entry(address);
    at.link.watch([entry]);
    await at.answer(fence);
    await (address.includes(":")
      ? at.advertisementsTo(ndpFrame({ target: address }))
      : at.repliesTo(arpFrame({ targetAddress: address })));
    await set(before);
    at.link.answer([entry]);
    expect(await afterFirstRound()).toBe(after ?? nodeMac);
  });

  test("while it asks in vain, has the answer at once", async () => {
    await at.answer(fence);
    const asks = at.lan.inPeer("ping", "-c", "1", "-W", "3", address).catch(() => "no answer");
    await vi.waitFor(async () => expect((await at.lan.neighbor(address)).state).toBe("INCOMPLETE"));
    at.link.answer([at.entry(address)]);
    expect(await afterFirstRound()).toBe(nodeMac);
    await asks;
  });

  /** Has the neighbour ask in vain until it stops. */
  async function giveUp(): Promise<void> {
    await at.lan.inPeer("ping", "-c", "1", "-W", "4", address).catch(() => "no answer");
    await vi.waitFor(async () => expect((await at.lan.neighbor(address)).state).toBe("FAILED"), {
      timeout: 10_000,
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
