import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test, vi } from "vitest";
import { arpFrame, padded } from "./arp-frames.ts";
import { nodeMac, peerMac } from "./lan.ts";
import { useLink } from "./link-fixture.ts";

const address = "192.0.2.4";
const broadcast = { source: nodeMac, senderMac: nodeMac, senderAddress: address } as const;
const requestForm = padded(arpFrame({ ...broadcast, operation: 1, targetAddress: address }));
const replyForm = padded(
  arpFrame({ ...broadcast, operation: 2, targetMac: nodeMac, targetAddress: address }),
);

describe("announcing", () => {
  const at = useLink();

  function sent(): number {
    return at.link.stats().find((stats) => stats.address === address)?.gratuitousSent ?? 0;
  }

  async function announced(frames: number): Promise<void> {
    await vi.waitFor(() => expect(sent()).toBeGreaterThanOrEqual(frames), 20_000);
  }

  test("both forms go out in five rounds, right to the byte, and then no more", async () => {
    const entry = await at.answer(address);
    const seen = await at.lan.capture(async () => {
      at.link.announce([entry]);
      await announced(10);
      await sleep(500);
    });
    // The peer asked for the address before, and so is told by itself, too; that is another test's.
    const toAll = seen.filter(({ source, hex }) => source === nodeMac && hex.startsWith("f"));
    expect(toAll.map(({ hex }) => hex)).toEqual(
      Array.from({ length: 5 }, () => [requestForm, replyForm]).flat(),
    );
  }, 30_000);

  test("a neighbour that had another hardware address for it takes the new one at once", async () => {
    const entry = await at.answer(address);
    const old = ["lladdr", "02:00:00:00:00:99", "nud", "reachable", "dev", "eth0"];
    await at.lan.inPeer("ip", "neigh", "replace", address, ...old);
    at.link.announce([entry]);
    await vi.waitFor(
      async () => expect((await at.lan.neighbor(address)).mac).toBe(nodeMac),
      10_000,
    );
  });

  test("the first announcement goes out right after the interface is first used", async () => {
    const seen = await at.lan.capture(async () => {
      at.link.answer([at.entry(address)]);
      at.link.announce([at.entry(address)]);
      await announced(2);
    });
    expect(seen.map((frame) => frame.hex)).toContain(requestForm);
  });

  test("withdraw cancels the rounds to come", async () => {
    const entry = await at.answer(address);
    at.link.announce([entry]);
    await announced(2);
    at.link.withdraw([entry]);
    // Answered again, the address starts without a schedule.
    at.link.answer([entry]);
    const seen = await at.lan.capture(() => sleep(1500));
    expect(seen.filter((frame) => frame.source === nodeMac)).toEqual([]);
    expect(sent()).toBe(0);
  });

  test("claims of foreign hosts are told, in both forms; our own announcements are none", async () => {
    const entry = await at.answer(address);
    at.link.announce([entry]);
    const claim = { senderAddress: address, targetAddress: address } as const;
    await at.lan.send(
      arpFrame(claim),
      arpFrame({ ...claim, operation: 2, targetMac: peerMac }),
      arpFrame({ ...claim, senderMac: nodeMac, source: peerMac }),
      arpFrame({ ...claim, senderAddress: "192.0.2.5", targetAddress: "192.0.2.5" }),
      arpFrame({
        targetAddress: "192.0.2.7",
        senderAddress: address,
        senderMac: "02:00:00:00:00:52",
      }),
    );
    const told = (): readonly unknown[] => at.events.filter((event) => event.kind === "claim");
    await vi.waitFor(() => expect(told().length).toBe(3));
    const common = { kind: "claim", interface: at.lan.nodeInterface, address };
    expect(told()).toEqual([
      { ...common, mac: peerMac, operation: "request" },
      { ...common, mac: peerMac, operation: "reply" },
      { ...common, mac: "02:00:00:00:00:52", operation: "request" },
    ]);
  });

  test("entries that are not answered are not announced", async () => {
    await at.answer("192.0.2.6");
    const seen = await at.lan.capture(async () => {
      at.link.announce([at.entry(address), at.entry("192.0.2.6")]);
      await vi.waitFor(() => expect(at.link.stats()[0]?.gratuitousSent).toBeGreaterThan(0));
    });
    expect(seen.map((frame) => frame.hex)).not.toContain(requestForm);
  });
});

describe("announcing again and again", () => {
  const at = useLink({ refreshSeconds: 1 });

  test("goes on each second when an admin wants so, until the address is withdrawn", async () => {
    const entry = await at.answer(address);
    const sent = (): number =>
      at.link.stats().find((stats) => stats.address === address)?.gratuitousSent ?? 0;
    at.link.announce([entry]);
    await vi.waitFor(() => expect(sent()).toBeGreaterThanOrEqual(14), 20_000);
    at.link.withdraw([entry]);
    const seen = await at.lan.capture(() => sleep(1500));
    expect(seen.filter((frame) => frame.source === nodeMac)).toEqual([]);
  }, 30_000);
});
