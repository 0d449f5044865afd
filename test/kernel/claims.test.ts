import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test, vi } from "vitest";
import { arpFrame, padded } from "./arp-frames.ts";
import { nodeMac, peerMac } from "./lan.ts";
import { useLink } from "./link-fixture.ts";
import { ndpFrame } from "./ndp-frames.ts";

const families = [
  { family: "IPv4", address: "192.0.2.4", other: "192.0.2.5", length: 24, protocol: "arp" },
  {
    family: "IPv6",
    address: "2001:db8:0:2::4",
    other: "2001:db8:0:2::5",
    length: 64,
    protocol: "icmpv6",
  },
] as const;

const probe = padded(
  arpFrame({
    source: nodeMac,
    senderMac: nodeMac,
    senderAddress: "0.0.0.0",
    targetAddress: "192.0.2.4",
  }),
);
const solicitation = ndpFrame({
  sourceMac: nodeMac,
  source: "::",
  target: "2001:db8:0:2::4",
  options: "",
});

describe.each(families)("other hosts that have an address, over $family", (it) => {
  const { address, other, length, protocol } = it;
  const at = useLink();

  function claims(): readonly { readonly address: string; readonly mac: string }[] {
    return at.events.flatMap((event) => (event.kind === "claim" ? [event] : []));
  }

  async function opened(): Promise<void> {
    await vi.waitFor(() => expect(at.events.some(({ kind }) => kind === "socketOpen")).toBe(true));
  }

  async function peerTakes(taken: string): Promise<void> {
    const nodad = length === 64 ? ["nodad"] : [];
    await at.lan.inPeer("ip", "addr", "add", `${taken}/${length}`, "dev", "eth0", ...nodad);
  }

  test("a kernel that has an observed address answers when asked, and is told of", async () => {
    at.link.observe([at.entry(address), at.entry(other)]);
    await opened();
    await peerTakes(address);
    await vi.waitFor(() => {
      at.link.inquire([at.entry(address), at.entry(other)]);
      expect(claims()).toContainEqual(expect.objectContaining({ address, mac: peerMac }));
    });
    expect(claims().filter((claim) => claim.address === other)).toEqual([]);
  });

  test("what is sent to ask has no sender, right to the byte, and goes out once", async () => {
    at.link.observe([at.entry(address)]);
    await opened();
    const seen = await at.lan.capture(async () => {
      at.link.inquire([at.entry(address)]);
      await sleep(300);
    }, protocol);
    const ours = seen.filter(({ hex, source }) => source === nodeMac && hex.includes(targetOf(it)));
    expect(ours.map(({ hex }) => hex)).toEqual([protocol === "arp" ? probe : solicitation]);
  });

  test("a kernel that has an address which is answered here is told of when asked", async () => {
    const entry = await at.answer(address);
    await peerTakes(address);
    await vi.waitFor(() => {
      at.link.inquire([entry]);
      expect(claims()).toContainEqual(expect.objectContaining({ address, mac: peerMac }));
    });
  });

  test("a host that announces an observed address is told of without a question; one ignored is not", async () => {
    at.link.observe([at.entry(address), at.entry(other)]);
    await opened();
    at.link.ignore([at.entry(other)]);
    await at.lan.send(announcementOf(protocol, other), announcementOf(protocol, address));
    await vi.waitFor(() => expect(claims()).toHaveLength(1));
    expect(claims()[0]).toMatchObject({ address, mac: peerMac });
  });

  test("nothing is asked where an address is neither answered nor observed", async () => {
    at.link.observe([at.entry(other)]);
    await opened();
    at.link.ignore([at.entry(other)]);
    const seen = await at.lan.capture(async () => {
      at.link.defend([at.entry(other)]);
      await sleep(300);
    }, protocol);
    expect(seen.filter(({ hex }) => hex.includes(targetOf({ ...it, address: other })))).toEqual([]);
  });

  test("a defence is one round, and wins back a neighbour that believed the other host", async () => {
    const entry = await at.answer(address);
    const old = ["lladdr", "02:00:00:00:00:99", "nud", "stale", "dev", "eth0"];
    await at.lan.inPeer("ip", "neigh", "replace", address, ...old);
    const before = gratuitousSent();
    at.link.defend([entry]);
    await vi.waitFor(async () => expect((await at.lan.neighbor(address)).mac).toBe(nodeMac));
    await sleep(300);
    expect(gratuitousSent() - before).toBe(protocol === "arp" ? 2 : 1);
  });

  function gratuitousSent(): number {
    return at.link.stats().find((stats) => stats.address === address)?.gratuitousSent ?? 0;
  }
});

describe("a flood of forged claims", () => {
  const at = useLink();

  test("the same one is told now and then; of different ones no more than the limit", async () => {
    const entry = await at.answer("192.0.2.4");
    const forged = (number: number): string =>
      arpFrame({
        senderAddress: entry.address,
        targetAddress: entry.address,
        senderMac: `02:00:00:01:${hexByte(number >> 8)}:${hexByte(number & 255)}`,
      });
    const same = Array.from({ length: 200 }, () => forged(0));
    await at.lan.send(
      ...same,
      arpFrame({ targetAddress: "192.0.2.7", senderAddress: "192.0.2.4" }),
    );
    const told = (): readonly unknown[] => at.events.filter(({ kind }) => kind === "claim");
    await vi.waitFor(() => expect(told().length).toBeGreaterThanOrEqual(2));
    expect(told().length).toBeLessThan(100);
    const before = told().length;
    const start = performance.now();
    for (let batch = 0; batch < 20; batch += 1) {
      await at.lan.send(...Array.from({ length: 200 }, (_, i) => forged(1 + batch * 200 + i)));
    }
    await vi.waitFor(() => expect(dropped()).toBeGreaterThan(0));
    await sleep(100);
    const seconds = (performance.now() - start) / 1000;
    expect(told().length).toBeLessThanOrEqual(1024 + 256 * (seconds + 1));
    expect(told().length - before + dropped()).toBeLessThanOrEqual(4_000);
  });

  function dropped(): number {
    return at.events.reduce((sum, it) => sum + (it.kind === "dropped" ? it.count : 0), 0);
  }
});

function hexByte(value: number): string {
  return value.toString(16).padStart(2, "0");
}

/** How the address stands in a frame. */
function targetOf({ address, protocol }: { address: string; protocol: string }): string {
  const last = hexByte(Number(address.split(/[.:]/).at(-1)));
  return protocol === "arp" ? `c00002${last}` : `20010db800000002${"00".repeat(7)}${last}`;
}

function announcementOf(protocol: "arp" | "icmpv6", address: string): string {
  return protocol === "arp"
    ? arpFrame({ senderAddress: address, targetAddress: address })
    : ndpFrame({
        type: 136,
        flags: 0x20,
        source: address,
        target: address,
        destination: "ff02::1",
        options: `0201${peerMac.replaceAll(":", "")}`,
      });
}
