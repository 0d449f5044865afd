import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test, vi } from "vitest";
import type { IpAddress } from "../../src/core/net/ip-address.ts";
import { arpFrame, padded } from "./arp-frames.ts";
import { ip, nodeMac, peerAddress, peerAddress6, peerMac } from "./lan.ts";
import { ip4, useLink } from "./link-fixture.ts";
import { macOption, ndpFrame, solicitation } from "./ndp-frames.ts";

const address = "192.0.2.4";
const address6 = "2001:db8:0:2::4";

/** An ordinary request from the Service's address, as switches that filter gratuitous ARP let through. */
function request(to: string, toMac: string): string {
  return padded(
    arpFrame({
      destination: toMac,
      source: nodeMac,
      senderMac: nodeMac,
      senderAddress: address,
      targetAddress: to,
    }),
  );
}

function directed(to: string, toMac: string): string {
  return ndpFrame({
    destinationMac: toMac,
    sourceMac: nodeMac,
    source: address6,
    destination: to,
    target: to,
    options: macOption(1, nodeMac),
  });
}

describe("telling single neighbours", () => {
  const at = useLink();

  async function toldDirectly(of: string, frames: number): Promise<void> {
    await vi.waitFor(
      () => {
        const stats = at.link.stats().find((one) => one.address === of);
        expect(stats?.directedSent).toBeGreaterThanOrEqual(frames);
      },
      { timeout: 10_000 },
    );
  }

  test("a standby answers nothing, and when it takes over tells those whose requests it heard, twice", async () => {
    const watched = [at.entry(address), at.entry(address6)];
    at.link.watch(watched);
    await at.answer("192.0.2.99");
    await at.answer("2001:db8:0:2::99");
    expect(await at.repliesTo(arpFrame({ targetAddress: address }))).toEqual([]);
    expect(await at.advertisementsTo(ndpFrame({ target: address6 }))).toEqual([]);
    expect(at.link.stats().map((one) => one.address)).not.toContain(address);
    at.link.answer(watched);
    const arp = await at.lan.capture(async () => {
      at.link.announce([at.entry(address)]);
      await toldDirectly(address, 2);
    });
    const asked = request(peerAddress, peerMac);
    expect(arp.filter(({ hex }) => hex === asked).length).toBe(2);
    const ndp = await at.lan.capture(async () => {
      at.link.announce([at.entry(address6)]);
      await toldDirectly(address6, 2);
    }, "icmpv6");
    const solicited = directed(peerAddress6, peerMac);
    expect(ndp.filter(({ hex }) => hex === solicited).length).toBe(2);
  }, 30_000);

  test("a host that knew nothing of the address, or had it elsewhere, has it right after a directed request", async () => {
    for (const [service, ask] of [
      [address, arpFrame({ targetAddress: address })],
      [address6, ndpFrame({ target: address6 })],
    ] as const) {
      const entry = at.entry(service);
      at.link.watch([entry]);
      await at.answer(service.includes(":") ? "2001:db8:0:2::99" : "192.0.2.99");
      await (service.includes(":") ? at.advertisementsTo(ask) : at.repliesTo(ask));
      await at.lan.inPeer("ip", "neigh", "flush", "dev", "eth0");
      at.link.answer([entry]);
      // The hosts of this LAN are deaf to gratuitous frames; Linux makes no entry from one anyway.
      at.link.announce([entry]);
      await toldDirectly(service, 1);
      await vi.waitFor(async () => expect((await at.lan.neighbor(service)).mac).toBe(nodeMac));
    }
  }, 30_000);

  test("default gateways on the link are told, those elsewhere are not", async () => {
    await ip("addr", "add", "192.0.2.241/24", "dev", at.lan.nodeInterface);
    await vi.waitFor(() =>
      expect(
        at.link.interfaces().find(({ name }) => name === at.lan.nodeInterface)?.prefixes.length,
      ).toBeGreaterThan(0),
    );
    at.link.answer([at.entry(address), at.entry(address6)]);
    at.link.setGateways(["192.0.2.254", "198.51.100.1", "fe80::1"].map(ip4) as IpAddress[]);
    await at.answer("192.0.2.99");
    const arp = await at.lan.capture(async () => {
      at.link.announce([at.entry(address)]);
      await toldDirectly(address, 2);
    });
    const requests = arp.filter(({ hex }) => hex.slice(56, 64) === "c0000204");
    const ordinary = requests.filter(({ hex }) => hex.slice(76, 84) !== "c0000204");
    const asked = request("192.0.2.254", "ff:ff:ff:ff:ff:ff");
    expect(ordinary.map(({ hex }) => hex)).toEqual([asked, asked]);
    const ndp = await at.lan.capture(async () => {
      at.link.announce([at.entry(address6)]);
      await toldDirectly(address6, 2);
    }, "icmpv6");
    const fromService = ndp.filter(
      ({ hex, source }) =>
        source === nodeMac && hex.slice(108, 110) === solicitation.toString(16) && !isOwn(hex),
    );
    const solicited = ndpFrame({
      sourceMac: nodeMac,
      source: address6,
      target: "fe80::1",
      options: macOption(1, nodeMac),
    });
    expect(fromService.map(({ hex }) => hex)).toEqual([solicited, solicited]);
  }, 30_000);

  test("nobody is told of an address that is withdrawn", async () => {
    at.link.watch([at.entry(address)]);
    await at.answer("192.0.2.99");
    await at.repliesTo(arpFrame({ targetAddress: address }));
    at.link.withdraw([at.entry(address)]);
    at.link.answer([at.entry(address)]);
    const seen = await at.lan.capture(async () => {
      at.link.announce([at.entry(address)]);
      await sleep(500);
    });
    expect(seen.map(({ hex }) => hex)).not.toContain(request(peerAddress, peerMac));
  });
});

/** True for what the node's kernel sends of itself. */
function isOwn(hex: string): boolean {
  return hex.slice(44, 76) !== "20010db8000000020000000000000004";
}
