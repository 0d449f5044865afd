import { existsSync } from "node:fs";
import { rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test, vi } from "vitest";
import { arpFrame, arpReply } from "./arp-frames.ts";
import { ip, nodeMac, peerMac } from "./lan.ts";
import { useLink } from "./link-fixture.ts";

const address = "192.0.2.4";

describe("answering ARP", () => {
  const at = useLink();

  test("arping, also as a probe without an address of its own, hears the node's hardware address", async () => {
    await at.answer(address);
    const asked = await at.lan.inPeer("arping", "-c", "3", "-W", "0.05", "-i", "eth0", address);
    expect(asked).toContain(`from ${nodeMac} (${address})`);
    expect(asked).toContain("3 packets received");
    const probed = await at.lan.inPeer("arping", "-0", "-C", "1", "-w", "1", "-i", "eth0", address);
    expect(probed).toContain("1 packets received");
  });

  test("ping reaches the address through the peer's own resolution, and its later unicast check is answered", async () => {
    // The kernel takes the packets but leaves ARP to us, as with a Service's address.
    await ip("addr", "add", "192.0.2.241/24", "dev", at.lan.nodeInterface);
    await ip("addr", "add", `${address}/32`, "dev", "lo");
    await ip("link", "set", "lo", "up");
    await ignoreArpInKernel(at.lan.nodeInterface);
    at.link.answer([at.entry(address)]);
    await at.lan.inPeer("ping", "-c", "2", "-i", "0.2", address);
    expect((await at.lan.neighbor(address)).mac).toBe(nodeMac);
    const change = ["neigh", "change", address, "dev", "eth0", "lladdr", nodeMac, "nud", "probe"];
    await at.lan.inPeer("ip", ...change);
    await vi.waitFor(async () => {
      expect((await at.lan.neighbor(address)).state).toBe("REACHABLE");
    }, 10_000);
    await ip("addr", "del", `${address}/32`, "dev", "lo");
  });

  test("the answer is right to the byte, and goes to the sender inside the packet", async () => {
    await at.answer(address);
    const host = "02:00:00:00:00:77";
    const replies = await at.repliesTo(
      arpFrame({ targetAddress: address }),
      arpFrame({ targetAddress: address, destination: nodeMac }),
      arpFrame({ targetAddress: address, senderAddress: "0.0.0.0" }),
      arpFrame({ targetAddress: address, senderAddress: "203.0.113.9" }),
      arpFrame({ targetAddress: address, senderMac: host }),
    );
    expect(replies).toEqual([
      arpReply({ address, mac: nodeMac }),
      arpReply({ address, mac: nodeMac }),
      arpReply({ address, mac: nodeMac, toAddress: "0.0.0.0" }),
      arpReply({ address, mac: nodeMac, toAddress: "203.0.113.9" }),
      arpReply({ address, mac: nodeMac, to: host }),
    ]);
  });

  test("a request with a priority tag is answered, one from a VLAN that we are not in is not", async () => {
    await at.answer(address);
    expect(await at.repliesTo(arpFrame({ targetAddress: address, tag: "81000005" }))).toEqual([]);
    expect(await at.repliesTo(arpFrame({ targetAddress: address, tag: "8100e000" }))).toEqual([
      arpReply({ address, mac: nodeMac }),
    ]);
  });

  test("a request that the kernel passes up to a child of the interface is the child's", async () => {
    await at.answer(address);
    const unicast = arpFrame({ targetAddress: address, destination: nodeMac });
    expect(await at.repliesTo(unicast)).toEqual([arpReply({ address, mac: nodeMac })]);
    const child = `m${process.pid}`;
    const kind = ["type", "macvlan", "mode", "passthru"];
    await ip("link", "add", child, "link", at.lan.nodeInterface, "up", ...kind);
    expect(await at.repliesTo(unicast)).toEqual([]);
    await ip("link", "del", child);
    expect(await at.repliesTo(unicast)).toEqual([arpReply({ address, mac: nodeMac })]);
  });

  test("nothing else is answered: other addresses, other hosts, replies, frames that are cut or not quite ARP", async () => {
    await at.answer(address);
    const replies = await at.repliesTo(
      arpFrame({ targetAddress: "192.0.2.5" }),
      arpFrame({ targetAddress: address, destination: "02:00:00:00:00:99" }),
      arpFrame({ targetAddress: address, destination: "01:00:5e:00:00:01" }),
      arpFrame({ targetAddress: address, operation: 2, targetMac: nodeMac }),
      arpFrame({ targetAddress: address, operation: 3 }),
      arpFrame({ targetAddress: address, hardwareLength: "05" }),
      arpFrame({ targetAddress: address, protocolLength: "10" }),
      arpFrame({ targetAddress: address, hardwareType: "0006" }),
      arpFrame({ targetAddress: address, protocolType: "86dd" }),
      arpFrame({ targetAddress: address, senderMac: "ff:ff:ff:ff:ff:ff" }),
      arpFrame({ targetAddress: address }).slice(0, 60),
    );
    expect(replies).toEqual([]);
  });

  test("after withdraw nothing is answered, and the other addresses still are", async () => {
    const entry = await at.answer(address);
    at.link.withdraw([entry]);
    at.link.withdraw([entry]);
    expect(await at.repliesTo(arpFrame({ targetAddress: address }))).toEqual([]);
    expect(at.link.stats().map((stats) => stats.address)).not.toContain(address);
  });

  test("requests are answered while the event loop stands still", async () => {
    await at.answer(address);
    const done = join(tmpdir(), `arping-${process.pid}`);
    const script = `arping -c 10 -W 0.05 -w 2 -i eth0 ${address} && touch ${done}`;
    const arping = at.lan.startInPeer("sh", "-c", script);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 3000);
    // arping ends well only with ten answers; nothing else ran here since it started.
    const answeredMeanwhile = existsSync(done);
    arping.kill();
    await rm(done, { force: true });
    expect(answeredMeanwhile).toBe(true);
  });

  test("thousands of addresses are answered, each with its own counters", async () => {
    const addresses = Array.from({ length: 5000 }, (_, i) => `10.77.${i >> 8}.${i & 255}`);
    at.link.answer(addresses.map((one) => at.entry(one)));
    const asked = ["10.77.0.0", "10.77.9.200", "10.77.19.135"];
    const replies = await at.repliesTo(...asked.map((one) => arpFrame({ targetAddress: one })));
    expect(replies).toEqual(asked.map((one) => arpReply({ address: one, mac: nodeMac })));
    const counted = at.link.stats().filter((stats) => stats.repliesSent > 0);
    expect(counted.map((stats) => stats.address as string)).toEqual(expect.arrayContaining(asked));
    at.link.withdraw(addresses.map((one) => at.entry(one)));
    expect(at.link.stats().length).toBe(1);
  });

  test("addresses that are on no wire and impossible interface names are refused with a reason", () => {
    const refused = at.link.answer([
      { ...at.entry(address), interface: "a-name-too-long-for-linux" },
      { address: "::ffff:c000:204" as never, interface: at.lan.nodeInterface },
    ]);
    expect(refused.map((entry) => entry.reason)).toEqual([
      "InvalidInterfaceName",
      "Ipv4MappedAddress",
    ]);
  });

  test("a request that says it comes from the address itself is a claim, and is answered", async () => {
    await at.answer(address);
    const replies = await at.repliesTo(
      arpFrame({ targetAddress: address, senderAddress: address }),
    );
    expect(replies).toEqual([arpReply({ address, mac: nodeMac, toAddress: address })]);
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
});

async function ignoreArpInKernel(name: string): Promise<void> {
  await writeFile(`/proc/sys/net/ipv4/conf/${name}/arp_ignore`, "1");
}
