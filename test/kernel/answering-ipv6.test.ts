import { describe, expect, test, vi } from "vitest";
import { ip, nodeMac, peerMac } from "./lan.ts";
import { useLink } from "./link-fixture.ts";
import { macOption, ndpAnnouncement, ndpAnswer, ndpFrame } from "./ndp-frames.ts";

const address = "2001:db8:0:2::4";

describe("answering neighbor discovery", () => {
  const at = useLink();

  test("ndisc6 hears the node's hardware address", async () => {
    await at.answer(address);
    const said = await at.lan.inPeer("ndisc6", "-1", "-w", "1000", address, "eth0");
    expect(said).toContain(nodeMac.toUpperCase());
  });

  test("ping reaches the address through the peer's own resolution, and its later unicast check is answered", async () => {
    await holdInKernel(at.lan.nodeInterface);
    at.link.answer([at.entry(address)]);
    await at.lan.inPeer("ping", "-6", "-c", "2", "-i", "0.2", address);
    expect(await at.lan.neighbor(address)).toEqual({ mac: nodeMac, state: "REACHABLE" });
    const change = ["neigh", "change", address, "dev", "eth0", "lladdr", nodeMac, "nud", "probe"];
    await at.lan.inPeer("ip", ...change);
    await vi.waitFor(async () => {
      expect((await at.lan.neighbor(address)).state).toBe("REACHABLE");
    }, 10_000);
    await ip("addr", "del", `${address}/128`, "dev", "lo");
  });

  test("a peer with an outdated hardware address takes the node's from an answer, and knows that it is reachable", async () => {
    await at.answer(address);
    const old = ["lladdr", "02:00:00:00:00:99", "nud", "stale", "dev", "eth0"];
    await at.lan.inPeer("ip", "neigh", "replace", address, ...old);
    await at.lan.inPeer("ndisc6", "-1", "-q", "-w", "1000", address, "eth0");
    expect((await at.lan.neighbor(address)).mac).toBe(nodeMac);
  });

  test("the answer is right to the byte, and goes to whoever asks", async () => {
    await at.answer(address);
    const host = "02:00:00:00:00:77";
    const foreign = "2001:db8:ffff::9";
    const answers = await at.advertisementsTo(
      ndpFrame({ target: address }),
      ndpFrame({ target: address, destination: address, destinationMac: nodeMac }),
      ndpFrame({ target: address, destination: address, destinationMac: nodeMac, options: "" }),
      ndpFrame({ target: address, source: foreign, options: macOption(1, host) }),
      ndpFrame({ target: address, options: `0e01010203040506${macOption(1, peerMac)}` }),
    );
    expect(answers).toEqual([
      ndpAnswer({ address }),
      ndpAnswer({ address }),
      ndpAnswer({ address }),
      ndpAnswer({ address, to: foreign, toMac: host }),
      ndpAnswer({ address }),
    ]);
  });

  test("a priority tag does not matter, the tag of a VLAN that we are not in does", async () => {
    await at.answer(address);
    expect(await at.advertisementsTo(ndpFrame({ target: address, tag: "81000005" }))).toEqual([]);
    expect(await at.advertisementsTo(ndpFrame({ target: address, tag: "8100e000" }))).toEqual([
      ndpAnswer({ address }),
    ]);
  });

  test("nothing else is answered: other addresses and hosts, other links, frames that are cut, wrong or not meant", async () => {
    await at.answer(address);
    const sameGroup = "2001:db8:0:3::4";
    const answers = await at.advertisementsTo(
      ndpFrame({ target: "2001:db8:0:2::5" }),
      ndpFrame({ target: sameGroup }),
      ndpFrame({ target: address, destinationMac: "02:00:00:00:00:99" }),
      ndpFrame({ target: address, destinationMac: "33:33:00:00:00:01", destination: "ff02::1" }),
      ndpFrame({ target: address, hopLimit: 64 }),
      ndpFrame({ target: address, checksum: 0x1234 }),
      ndpFrame({ target: address, code: 1 }),
      ndpFrame({ target: address, type: 136, flags: 0x20, destination: "ff02::1" }),
      ndpFrame({ target: address, options: "0100020000000051" }),
      ndpFrame({ target: address, options: macOption(1, "ff:ff:ff:ff:ff:ff") }),
      ndpFrame({ target: address, source: "::" }),
      ndpFrame({ target: address }).slice(0, 140),
    );
    expect(answers).toEqual([]);
  });

  test("after withdraw nothing is answered", async () => {
    const entry = await at.answer(address);
    at.link.withdraw([entry]);
    expect(await at.advertisementsTo(ndpFrame({ target: address }))).toEqual([]);
    expect(at.link.stats().map((stats) => stats.address)).not.toContain(address);
  });

  test("a host that is about to take the address learns that it is taken, and does not", async () => {
    await at.answer(address);
    await at.lan.inPeer("ip", "addr", "add", `${address}/64`, "dev", "eth0");
    await vi.waitFor(async () => {
      expect(await at.lan.inPeer("ip", "addr", "show", "dev", "eth0")).toMatch(
        /2001:db8:0:2::4\/64.*dadfailed/,
      );
    }, 10_000);
    // Who asks has no address yet, so all hear the answer, S=0 (RFC 4861 7.2.4): as an announcement.
    const dad = ndpFrame({ target: address, source: "::", options: "" });
    expect(await at.advertisementsTo(dad)).toEqual([ndpAnnouncement(address)]);
  });

  test("a solicitation that says it comes from the address itself is a claim, and is answered", async () => {
    await at.answer(address);
    const answers = await at.advertisementsTo(ndpFrame({ target: address, source: address }));
    expect(answers).toEqual([ndpAnswer({ address, to: address })]);
    await vi.waitFor(() =>
      expect(at.events).toContainEqual({
        kind: "claim",
        interface: at.lan.nodeInterface,
        address,
        mac: peerMac,
        operation: "request",
      }),
    );
  });

  test("the node needs no link-local address", async () => {
    await ip("addr", "flush", "dev", at.lan.nodeInterface, "scope", "link");
    await at.answer(address);
    expect(await at.advertisementsTo(ndpFrame({ target: address }))).toEqual([
      ndpAnswer({ address }),
    ]);
  });

  test("both families are answered side by side", async () => {
    await at.answer("192.0.2.4");
    await at.answer(address);
    expect(
      at.link
        .stats()
        .map((stats) => stats.address as string)
        .sort(),
    ).toEqual(["192.0.2.4", address]);
    await at.lan.inPeer("arping", "-C", "1", "-w", "1", "-i", "eth0", "192.0.2.4");
    await at.lan.inPeer("ndisc6", "-1", "-q", "-w", "1000", address, "eth0");
  });
});

/** The kernel takes the packets but leaves neighbor discovery to us, as with a Service's address. */
async function holdInKernel(nodeInterface: string): Promise<void> {
  await ip("addr", "add", "2001:db8:0:2::241/64", "dev", nodeInterface, "nodad");
  await ip("addr", "add", `${address}/128`, "dev", "lo");
  await ip("link", "set", "lo", "up");
}
