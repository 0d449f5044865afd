import { describe, expect, test, vi } from "vitest";
import type { NetworkInterface } from "../../src/core/net/network-interface.ts";
import { ip, nodeMac } from "./lan.ts";
import { useLink } from "./link-fixture.ts";

const address = "192.0.2.4";
const newMac = "02:00:00:00:00:02";

describe("following the interfaces", () => {
  const at = useLink();

  function nic(): NetworkInterface | undefined {
    return at.link.interfaces().find((one) => one.name === at.lan.nodeInterface);
  }

  async function becomes(expected: Partial<NetworkInterface> | undefined): Promise<void> {
    await vi.waitFor(() => {
      if (expected === undefined) {
        expect(nic()).toBeUndefined();
      } else {
        expect(nic()).toMatchObject(expected);
      }
    }, 10_000);
  }

  async function macThatAnswers(): Promise<string | undefined> {
    return vi.waitFor(async () => {
      const said = await at.lan.inPeer("arping", "-C", "1", "-w", "1", "-i", "eth0", address);
      return /from (\S+)/.exec(said)?.[1];
    }, 10_000);
  }

  test("the picture is there as soon as the link is open", () => {
    expect(nic()).toMatchObject({ mac: nodeMac, up: true, loopback: false, master: undefined });
    expect(at.link.interfaces().find((one) => one.name === "lo")).toMatchObject({
      index: 1,
      mac: undefined,
      loopback: true,
    });
  });

  test("addresses, carrier and masters are followed", async () => {
    await ip("addr", "add", "198.51.100.7/24", "dev", at.lan.nodeInterface);
    await ip("addr", "add", "2001:db8:7::7/64", "dev", at.lan.nodeInterface, "nodad");
    const prefixes = (): unknown => nic()?.prefixes.map((one) => `${one.address}/${one.length}`);
    await vi.waitFor(() =>
      expect(prefixes()).toEqual(expect.arrayContaining(["198.51.100.7/24", "2001:db8:7::7/64"])),
    );
    await ip("addr", "del", "198.51.100.7/24", "dev", at.lan.nodeInterface);
    await vi.waitFor(() => expect(prefixes()).not.toContain("198.51.100.7/24"));

    await at.lan.inPeer("ip", "link", "set", "eth0", "down");
    await becomes({ up: true, carrier: false });
    await at.lan.inPeer("ip", "link", "set", "eth0", "up");
    await becomes({ up: true, carrier: true });
    expect(at.events.at(-1)?.kind).toBe("interfaces");
  });

  test("a port of a bridge is one while it is, and keeps its addresses when it leaves", async () => {
    await ip("addr", "add", "198.51.100.8/24", "dev", at.lan.nodeInterface);
    const bridge = `b${process.pid}`;
    await ip("link", "add", bridge, "type", "bridge");
    const index = await vi.waitFor(() => {
      const found = at.link.interfaces().find((one) => one.name === bridge);
      expect(found).toBeDefined();
      return found?.index;
    }, 10_000);
    await ip("link", "set", at.lan.nodeInterface, "master", bridge);
    await becomes({ master: index });
    await ip("link", "set", at.lan.nodeInterface, "nomaster");
    await becomes({ master: undefined });
    await ip("link", "del", bridge);
    await vi.waitFor(() =>
      expect(at.link.interfaces().map((one) => one.name)).not.toContain(bridge),
    );
    expect(nic()?.prefixes.map((one) => one.address as string)).toContain("198.51.100.8");
  });

  test("an interface that goes down and up is answered on again, and says so", async () => {
    await at.answer(address);
    await ip("link", "set", at.lan.nodeInterface, "down");
    await becomes({ up: false });
    await ip("link", "set", at.lan.nodeInterface, "up");
    await becomes({ up: true, carrier: true });
    expect(await macThatAnswers()).toBe(nodeMac);
    const opened = at.events.filter((event) => event.kind === "socketOpen");
    expect(opened).toEqual([
      { kind: "socketOpen", interface: at.lan.nodeInterface, family: 4 },
      { kind: "socketOpen", interface: at.lan.nodeInterface, family: 4 },
    ]);
    expect(at.events.filter((event) => event.kind === "socketError")).toEqual([]);
  });

  test("a new hardware address is used from then on", async () => {
    await at.answer(address);
    await ip("link", "set", at.lan.nodeInterface, "address", newMac);
    await becomes({ mac: newMac as never });
    expect(await macThatAnswers()).toBe(newMac);
  });

  test("an interface that is deleted and made again is answered on again", async () => {
    await at.answer(address);
    const index = nic()?.index;
    await ip("link", "del", at.lan.nodeInterface);
    await becomes(undefined);
    await at.lan.addNodeInterface(newMac);
    await becomes({ mac: newMac as never, carrier: true });
    expect(nic()?.index).not.toBe(index);
    expect(await macThatAnswers()).toBe(newMac);
  });

  test("an interface that appears after its addresses were answered is answered on", async () => {
    await ip("link", "del", at.lan.nodeInterface);
    await becomes(undefined);
    at.link.answer([at.entry(address)]);
    await at.lan.addNodeInterface();
    expect(await macThatAnswers()).toBe(nodeMac);
  });
});
