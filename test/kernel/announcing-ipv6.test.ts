import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test, vi } from "vitest";
import { nodeMac, peerMac } from "./lan.ts";
import { useLink } from "./link-fixture.ts";
import { advertisement, macOption, ndpAnnouncement, ndpFrame } from "./ndp-frames.ts";

const address = "2001:db8:0:2::4";
const announcement = ndpAnnouncement(address);

describe("announcing an IPv6 address", () => {
  const at = useLink();

  function sent(): number {
    return at.link.stats().find((stats) => stats.address === address)?.gratuitousSent ?? 0;
  }

  async function announced(frames: number): Promise<void> {
    await vi.waitFor(() => expect(sent()).toBeGreaterThanOrEqual(frames), 20_000);
  }

  test("one unsolicited advertisement goes out in each of five rounds, right to the byte, and then no more", async () => {
    const entry = await at.answer(address);
    const seen = await at.lan.capture(async () => {
      at.link.announce([entry]);
      await announced(5);
      await sleep(500);
    }, "icmpv6");
    const ours = seen.filter(({ hex }) => hex.slice(108, 110) === advertisement.toString(16));
    expect(ours.map(({ hex }) => hex)).toEqual(Array.from({ length: 5 }, () => announcement));
  }, 30_000);

  test.each(["reachable", "stale", "probe"])(
    "a neighbour that had another hardware address for it (%s) takes the new one at once",
    async (state) => {
      const entry = await at.answer(address);
      const old = ["lladdr", "02:00:00:00:00:99", "nud", state, "dev", "eth0"];
      await at.lan.inPeer("ip", "neigh", "replace", address, ...old);
      at.link.announce([entry]);
      await vi.waitFor(
        async () => expect((await at.lan.neighbor(address)).mac).toBe(nodeMac),
        10_000,
      );
    },
  );

  test("claims of foreign hosts are told, in both forms; a host that only asks makes none", async () => {
    await at.answer(address);
    const told = { type: advertisement, flags: 0x20, source: address, destination: "ff02::1" };
    await at.lan.send(
      ndpFrame({ ...told, target: address, options: macOption(2, peerMac) }),
      ndpFrame({ target: "2001:db8:0:2::7", source: address }),
      ndpFrame({ target: address, source: "::", options: "" }),
      ndpFrame({ ...told, target: "2001:db8:0:2::5", options: macOption(2, peerMac) }),
      ndpFrame({ ...told, target: address, options: macOption(2, nodeMac) }),
    );
    const claims = (): readonly unknown[] => at.events.filter((event) => event.kind === "claim");
    await vi.waitFor(() => expect(claims().length).toBe(2));
    const common = { kind: "claim", interface: at.lan.nodeInterface, address, mac: peerMac };
    expect(claims()).toEqual([
      { ...common, operation: "reply" },
      { ...common, operation: "request" },
    ]);
  });
});
