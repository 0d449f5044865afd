import { fileURLToPath } from "node:url";
import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { AnnouncingNode } from "../../bench/announcing-node.ts";
import { buildNative } from "../../build/native.ts";
import { ip, Lan, nodeMac } from "./lan.ts";
import { ip4 } from "./link-fixture.ts";
import { Segment } from "./segment.ts";

const address = "192.0.2.4";
const nodeAddress = "192.0.2.241/24";
const secondMac = "02:00:00:00:00:02";
const newMac = "02:00:00:00:00:03";

let addonPath = "";
let segment: Segment;
let nic = "";
let node: AnnouncingNode;

beforeAll(async () => {
  addonPath = await buildNative({ outDir: fileURLToPath(new URL("../../dist", import.meta.url)) });
  await Lan.prepare();
});

beforeEach(async () => {
  segment = await Segment.create();
  nic = await segment.plug(nodeMac);
  await ip("addr", "add", nodeAddress, "dev", nic);
  node = new AnnouncingNode({ addonPath });
});

afterEach(async () => {
  await node.close();
  await segment.remove();
});

/** Gives the node an address to announce, on the interfaces named, or where it sees fit. */
function assign(text: string, ...interfaces: readonly string[]): void {
  node.assign(ip4(text), ...interfaces);
}

/** Resolves when the address is answered on exactly these interfaces, or on none for this reason. */
async function placed(text: string, place: readonly string[] | string): Promise<void> {
  await vi.waitFor(() => expect(node.place(ip4(text))).toEqual(place), 10_000);
}

/** Unasked frames sent for the address so far. */
function announced(text: string): number {
  const sent = node.link.stats().filter((stats) => stats.address === text);
  return sent.reduce((sum, { gratuitousSent }) => sum + gratuitousSent, 0);
}

/** The host has a wrong idea of where the address is, and learns better without asking. */
async function learns(mac: string): Promise<void> {
  await vi.waitFor(async () => expect(await segment.believed(address)).toBe(mac), 10_000);
}

describe("an interface that comes and goes", () => {
  test("without carrier has no addresses; with it again they are announced", async () => {
    assign(address);
    await placed(address, [nic]);
    await learnsAfresh();
    await segment.pull(nic);
    await placed(address, `${nic} has no carrier`);
    expect(node.link.stats()).toEqual([]);
    await segment.believe(address, secondMac);
    await segment.push(nic);
    await placed(address, [nic]);
    await learns(nodeMac);
  });

  test("that is down has none, and announces them when it is up", async () => {
    assign(address);
    await placed(address, [nic]);
    await ip("link", "set", nic, "down");
    await placed(address, `${nic} is down`);
    await segment.believe(address, secondMac);
    await ip("link", "set", nic, "up");
    await placed(address, [nic]);
    await learns(nodeMac);
  });

  test("whose carrier came back before anybody looked announces again all the same", async () => {
    assign(address);
    await placed(address, [nic]);
    await learnsAfresh();
    await settled();
    await segment.believe(address, secondMac);
    segment.flapUnseen(nic);
    await learns(nodeMac);
  });

  test("with another hardware address announces it, and answers with it", async () => {
    assign(address);
    await placed(address, [nic]);
    await learnsAfresh();
    await ip("link", "set", nic, "address", newMac);
    await learns(newMac);
    expect(await segment.macsOf(address)).toEqual([newMac]);
  });

  test("that is made anew announces its addresses again", async () => {
    assign(address);
    await placed(address, [nic]);
    await learnsAfresh();
    await ip("link", "del", nic);
    await placed(address, "no interface is up, with carrier and able to ARP");
    await segment.plug(newMac, nic);
    await placed(address, [nic]);
    await learns(newMac);
  });

  test("of another name takes the address with the subnet that is added to it", async () => {
    const bare = await segment.plug(secondMac);
    await ip("addr", "del", nodeAddress, "dev", nic);
    assign(address);
    await placed(address, [nic, bare]);
    await ip("addr", "add", nodeAddress, "dev", bare);
    await placed(address, [bare]);
    expect(await segment.macsOf(address)).toEqual([secondMac]);
  });

  async function learnsAfresh(): Promise<void> {
    await vi.waitFor(async () => {
      await segment.run("arping", "-C", "1", "-w", "1", "-i", "lan", address);
    }, 10_000);
    await segment.believe(address, nodeMac);
  }

  /** All five rounds are over: whatever is sent now is sent for a new reason. */
  async function settled(): Promise<void> {
    await vi.waitFor(() => expect(announced(address)).toBe(10), 20_000);
  }
});

describe("one hardware address an address and segment", () => {
  test("of two interfaces in one subnet the first answers, and the other while it cannot", async () => {
    const second = await segment.plug(secondMac);
    await ip("addr", "add", "192.0.2.242/24", "dev", second);
    assign(address);
    await placed(address, [nic]);
    expect(await segment.macsOf(address)).toEqual([nodeMac]);
    await segment.believe(address, nodeMac);
    await segment.pull(nic);
    await placed(address, [second]);
    await learns(secondMac);
    expect(await segment.macsOf(address)).toEqual([secondMac]);
    await segment.push(nic);
    await placed(address, [nic]);
    await learns(nodeMac);
  });

  test("a macvlan leaves it to its parent, with an address of its own or without, named or not", async () => {
    const child = await macvlan();
    assign(address);
    assign("203.0.113.7");
    assign("203.0.113.8", child, nic);
    for (const one of [address, "203.0.113.7", "203.0.113.8"]) {
      await placed(one, [nic]);
      expect(await segment.macsOf(one)).toEqual([nodeMac]);
    }
    await ip("addr", "add", "192.0.2.242/24", "dev", child);
    assign("203.0.113.9", child);
    await placed("203.0.113.9", [child]);
    expect(await segment.macsOf("203.0.113.9")).toEqual([secondMac]);
    expect(await segment.macsOf(address)).toEqual([nodeMac]);
  });

  test("a request to the macvlan's hardware address is not its parent's to answer", async () => {
    await macvlan();
    assign(address);
    await placed(address, [nic]);
    const asked = (mac: string): Promise<string> =>
      segment.run("sh", "-c", `arping -c 3 -W 0.05 -w 1 -t ${mac} -i lan ${address} || true`);
    await vi.waitFor(async () => expect(await asked(nodeMac)).toContain("3 packets received"));
    expect(await asked(secondMac)).toContain("0 packets received");
  });

  async function macvlan(): Promise<string> {
    const child = `m${process.pid}`;
    const kind = ["type", "macvlan", "mode", "bridge"];
    await ip("link", "add", child, "link", nic, "address", secondMac, "up", ...kind);
    await vi.waitFor(() => {
      const found = node.state.interfaces.find(({ name }) => name === child);
      expect(found?.carrier).toBe(true);
    }, 10_000);
    return child;
  }
});

describe("a port of a bridge", () => {
  const bridge = `b${process.pid}`;
  afterEach(() => ip("link", "del", bridge));

  test("hands its addresses to the bridge, and gets them back", async () => {
    assign(address);
    await placed(address, [nic]);
    await ip("link", "add", bridge, "address", secondMac, "type", "bridge");
    await ip("link", "set", bridge, "up");
    await ip("link", "set", nic, "master", bridge);
    await ip("addr", "del", nodeAddress, "dev", nic);
    await ip("addr", "add", nodeAddress, "dev", bridge);
    await placed(address, [bridge]);
    expect(await segment.macsOf(address)).toEqual([secondMac]);
    await ip("link", "set", nic, "nomaster");
    await ip("addr", "del", nodeAddress, "dev", bridge);
    await ip("addr", "add", nodeAddress, "dev", nic);
    await placed(address, [nic]);
    expect(await segment.macsOf(address)).toEqual([nodeMac]);
  });
});

describe("which interfaces", () => {
  test("named, they are used exactly; a missing one is told, and used when it comes", async () => {
    const late = `${nic}x`;
    assign(address, late);
    await placed(address, `${late} is not there`);
    expect(await segment.macsOf(address)).toEqual([]);
    await segment.plug(secondMac, late);
    await placed(address, [late]);
    expect(await segment.macsOf(address)).toEqual([secondMac]);
  });

  test("excluded, they announce nothing, named or not", async () => {
    await node.close();
    node = new AnnouncingNode({ addonPath, excluded: [`^${nic}$`] });
    assign(address, nic);
    await placed(address, `${nic} is on the list of interfaces that never announce`);
    assign("192.0.2.5");
    await placed("192.0.2.5", "no interface is up, with carrier and able to ARP");
    expect(await segment.macsOf(address)).toEqual([]);
  });

  test("an address that becomes the default gateway's is withdrawn as soon as the route is there", async () => {
    assign("192.0.2.254");
    await placed("192.0.2.254", [nic]);
    await ip("route", "add", "default", "via", "192.0.2.254", "dev", nic);
    await placed("192.0.2.254", "it is the default gateway of this node");
    await ip("route", "del", "default");
    await placed("192.0.2.254", [nic]);
  });
});
