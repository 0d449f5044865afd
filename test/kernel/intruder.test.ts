import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { AnnouncingNode } from "../../bench/announcing-node.ts";
import { type Clock, systemClock } from "../../src/runtime/clock.ts";
import { ip, peerMac } from "./lan.ts";
import { addonPath, ip4, useLink } from "./link-fixture.ts";

const families = [
  { family: "IPv4", address: "192.0.2.4", node: "192.0.2.241", length: 24 },
  { family: "IPv6", address: "2001:db8:0:2::4", node: "2001:db8:0:2::241", length: 64 },
] as const;

/** A clock that can go faster than the world's from some time on. */
function clockWithSpeed(): Clock & { setSpeed: (factor: number) => void } {
  let [speed, since, base] = [1, systemClock.now(), 0];
  const now = (): number => base + (systemClock.now() - since) * speed;
  return {
    ...systemClock,
    now,
    sleep: (ms, signal) => systemClock.sleep(ms / speed, signal),
    setSpeed(factor) {
      [base, since, speed] = [now(), systemClock.now(), factor];
    },
  };
}

describe.each(families)(
  "an intruder on the segment, over $family",
  ({ address: text, node, length }) => {
    const address = ip4(text);
    const at = useLink();
    let speaker: AnnouncingNode;
    let reports = 0;

    beforeEach(async () => {
      reports = 0;
      const nodad = length === 64 ? ["nodad"] : [];
      const { nodeInterface } = at.lan;
      await ip("addr", "add", `${node}/${length}`, "dev", nodeInterface, ...nodad);
      speaker = open(systemClock);
    });

    afterEach(async () => {
      await speaker.close();
    });

    function open(clock: Clock): AnnouncingNode {
      const onChange = (): void => {
        reports += 1;
      };
      return new AnnouncingNode({ addonPath, clock, onChange });
    }

    async function peerTakes(): Promise<void> {
      const nodad = length === 64 ? ["nodad"] : [];
      await at.lan.inPeer("ip", "addr", "add", `${address}/${length}`, "dev", "eth0", ...nodad);
    }

    async function peerLeaves(): Promise<void> {
      await at.lan.inPeer("ip", "addr", "del", `${address}/${length}`, "dev", "eth0");
    }

    /** The peer's kernel asks for the node as `address`, as any traffic of its own would have it. */
    async function peerTalks(): Promise<void> {
      await at.lan.inPeer("ip", "neigh", "flush", "dev", "eth0");
      await at.lan.inPeer("sh", "-c", `ping -c 1 -W 1 -I ${address} ${node} || true`);
    }

    /** Unasked frames sent for the address so far. */
    function announced(): number {
      const all = speaker.link.stats().filter((stats) => stats.address === address);
      return all.reduce((sum, { gratuitousSent }) => sum + gratuitousSent, 0);
    }

    async function placed(): Promise<void> {
      await vi.waitFor(
        () => expect(speaker.place(address)).toEqual([at.lan.nodeInterface]),
        10_000,
      );
      await vi.waitFor(() => expect(announced()).toBeGreaterThan(0), 10_000);
    }

    function seen(): unknown {
      return speaker.conflicts.report.conflicts;
    }

    const conflict = (): object => ({ address, mac: peerMac, interface: at.lan.nodeInterface });

    test("that takes an announced address is reported when it talks, defended against when ordered, and gone a while after it leaves", async () => {
      speaker.assign(address);
      await placed();
      await peerTakes();
      await peerTalks();
      await vi.waitFor(() => expect(seen()).toEqual([{ ...conflict(), held: true }]), 10_000);
      await sleep(5_000);
      const before = announced();
      speaker.order({ intruders: [{ address, mac: peerMac }] });
      expect(announced()).toBe(before + (length === 24 ? 2 : 1));
      await peerTalks();
      await peerTalks();
      expect(announced()).toBe(before + (length === 24 ? 2 : 1));
      expect(speaker.place(address)).toEqual([at.lan.nodeInterface]);
      await peerLeaves();
      await vi.waitFor(() => expect(seen()).toBeUndefined(), { timeout: 60_000, interval: 200 });
      expect(reports).toBeLessThan(20);
    }, 120_000);

    test("that has a free address is found when that is looked for, and known to be gone three rounds after it left", async () => {
      await speaker.close();
      const clock = clockWithSpeed();
      speaker = open(clock);
      await peerTakes();
      speaker.order({ probes: [address] });
      await vi.waitFor(() => expect(seen()).toEqual([{ ...conflict(), held: false }]), 10_000);
      // The three rounds are half a minute apart.
      clock.setSpeed(5);
      speaker.quarantine(address);
      await peerLeaves();
      await vi.waitFor(() => expect(speaker.conflicts.report).toEqual({ clear: [address] }), {
        timeout: 60_000,
        interval: 100,
      });
    });

    test("that has an address which is given out is found at once, by the node that announces it", async () => {
      await peerTakes();
      speaker.assign(address);
      await vi.waitFor(() => expect(seen()).toEqual([{ ...conflict(), held: true }]), 10_000);
      expect(speaker.place(address)).toEqual([at.lan.nodeInterface]);
    });

    test("that floods forged claims has no address taken away and few reports made", async () => {
      speaker.assign(address);
      await placed();
      await peerTakes();
      const until = performance.now() + 15_000;
      const before = reports;
      while (performance.now() < until) {
        await peerTalks();
        await at.lan.inPeer("ip", "link", "set", "eth0", "address", randomMac());
      }
      await at.lan.inPeer("ip", "link", "set", "eth0", "address", peerMac);
      expect(speaker.place(address)).toEqual([at.lan.nodeInterface]);
      expect(speaker.conflicts.report.conflicts).toHaveLength(1);
      expect(reports - before).toBeLessThanOrEqual(3);
    }, 60_000);
  },
);

function randomMac(): string {
  const byte = (): string =>
    Math.floor(Math.random() * 256)
      .toString(16)
      .padStart(2, "0");
  return `02:66:${byte()}:${byte()}:${byte()}:${byte()}`;
}
