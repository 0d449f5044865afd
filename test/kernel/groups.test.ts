import { readFileSync, writeFileSync } from "node:fs";
import { afterEach, describe, expect, test, vi } from "vitest";
import { inNetns } from "./in-netns.ts";
import { ip, nodeMac, peerAddress6 } from "./lan.ts";
import { useLink } from "./link-fixture.ts";
import { solicitedNode } from "./ndp-frames.ts";

const address = "2001:db8:0:2::4";

/** Where an MLDv2 report has its type, behind a hop-by-hop header of eight bytes (RFC 3810 5.2), in hex digits. */
const reportTypeAt = 2 * 62;
const report = "8f";

describe("the groups in which IPv6 addresses are asked for", () => {
  const at = useLink();
  let other: string | undefined;

  afterEach(async () => {
    if (other !== undefined) {
      await ip("netns", "del", other);
      other = undefined;
    }
  });

  /** The groups that the kernel is a member of on the node's interface, as it spells them. */
  function memberships(): readonly string[] {
    return readFileSync("/proc/net/igmp6", "utf8")
      .split("\n")
      .map((line) => line.trim().split(/\s+/))
      .filter(([, name]) => name === at.lan.nodeInterface)
      .map(([, , group]) => group ?? "");
  }

  async function membership(of: string, wanted: boolean): Promise<void> {
    await vi.waitFor(
      () => expect(memberships().includes(inProc(solicitedNode(of)))).toBe(wanted),
      10_000,
    );
  }

  test("are joined while an address needs them, and left with the last one that does", async () => {
    const sameGroup = "2001:db8:0:9::4";
    at.link.answer([at.entry(address), at.entry(sameGroup), at.entry("192.0.2.4")]);
    await membership(address, true);
    at.link.withdraw([at.entry(address), at.entry("192.0.2.4")]);
    at.link.answer([at.entry("2001:db8:0:2::5")]);
    await membership("2001:db8:0:2::5", true);
    await membership(address, true);
    at.link.withdraw([at.entry(sameGroup)]);
    await membership(address, false);
    await at.link.close();
    await membership("2001:db8:0:2::5", false);
  });

  test("are told to the segment by MLD", async () => {
    const group = inProc(solicitedNode(address));
    const seen = await at.lan.capture(async () => {
      at.link.answer([at.entry(address)]);
      await membership(address, true);
      await new Promise((resolve) => setTimeout(resolve, 1_500));
    }, "icmpv6");
    const reports = seen.filter(({ hex }) => hex.slice(reportTypeAt, reportTypeAt + 2) === report);
    expect(reports.map(({ hex }) => hex).join()).toContain(group);
  });

  test("are joined again after the interface was down, and after it was made anew", async () => {
    await at.answer(address);
    await membership(address, true);
    await ip("link", "set", at.lan.nodeInterface, "down");
    await membership(address, false);
    await ip("link", "set", at.lan.nodeInterface, "up");
    await membership(address, true);
    await ip("link", "del", at.lan.nodeInterface);
    await membership(address, false);
    await at.lan.addNodeInterface();
    await membership(address, true);
    expect(at.events.filter((event) => event.kind === "socketError")).toEqual([]);
  });

  test("may be thousands, more than the kernel lets one socket join", async () => {
    const addresses = Array.from(
      { length: 3_000 },
      (_, i) => `2001:db8:0:2::${(i + 0x100).toString(16)}`,
    );
    at.link.answer(addresses.map((one) => at.entry(one)));
    const wanted = new Set(addresses.map((one) => inProc(solicitedNode(one))));
    await vi.waitFor(
      () => expect(memberships().filter((group) => wanted.has(group)).length).toBe(wanted.size),
      20_000,
    );
    at.link.withdraw(addresses.map((one) => at.entry(one)));
    await vi.waitFor(
      () => expect(memberships().filter((group) => wanted.has(group))).toEqual([]),
      20_000,
    );
  }, 60_000);

  test("bring solicitations through a switch that snoops MLD", async () => {
    // The peer becomes a switch, with the node on one port and another host on the other.
    other = `o${process.pid}`;
    await ip("netns", "add", other);
    const { lan } = at;
    const bridge = ["type", "bridge", "mcast_snooping", "1", "mcast_querier", "1"];
    await lan.inPeer("ip", "link", "add", "br0", ...bridge);
    await lan.inPeer(
      "ip",
      "link",
      "add",
      "c0",
      "type",
      "veth",
      "peer",
      "name",
      "eth0",
      "netns",
      other,
    );
    await lan.inPeer("ip", "addr", "del", `${peerAddress6}/64`, "dev", "eth0");
    for (const port of ["eth0", "c0"]) {
      await lan.inPeer("ip", "link", "set", port, "master", "br0", "up");
    }
    await inNetns(other, "ip", "addr", "add", `${peerAddress6}/64`, "dev", "eth0", "nodad");
    await inNetns(other, "ip", "link", "set", "eth0", "up");
    await lan.inPeer("ip", "link", "set", "br0", "up");
    at.link.answer([at.entry(address)]);
    const table = (): Promise<string> => lan.inPeer("bridge", "mdb", "show", "dev", "br0");
    await vi.waitFor(async () => expect(await table()).toContain(`port eth0 grp ff02::1:ff00:4`), {
      timeout: 20_000,
      interval: 200,
    });
    const said = await inNetns(other, "ndisc6", "-1", "-r", "10", "-w", "1000", address, "eth0");
    expect(said).toContain(nodeMac.toUpperCase());
  }, 60_000);

  test("cannot be joined where IPv6 is switched off, which is told once, and are when it is switched on", async () => {
    const knob = `/proc/sys/net/ipv6/conf/${at.lan.nodeInterface}/disable_ipv6`;
    await ip("link", "set", at.lan.nodeInterface, "mtu", "1200");
    at.link.answer([at.entry(address)]);
    const told = (): readonly unknown[] =>
      at.events.filter((event) => event.kind === "socketError" && event.family === 6);
    await vi.waitFor(() => expect(told().length).toBe(1), 10_000);
    await ip("link", "set", at.lan.nodeInterface, "mtu", "1500");
    writeFileSync(knob, "0");
    await membership(address, true);
    expect(told().length).toBe(1);
    await vi.waitFor(() =>
      expect(at.events.at(-1)).toEqual({
        kind: "socketOpen",
        interface: at.lan.nodeInterface,
        family: 6,
      }),
    );
  }, 30_000);
});

/** A group as `/proc/net/igmp6` has it: 32 hex digits. */
function inProc(group: string): string {
  const [, b = "", c = ""] = /^ff02::1:ff(..):(.*)$/.exec(group) ?? [];
  return `ff0200000000000000000001ff${b}${c.padStart(4, "0")}`;
}
