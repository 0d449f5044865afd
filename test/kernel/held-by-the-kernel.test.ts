import { writeFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { ip, nodeMac } from "./lan.ts";
import { useLink } from "./link-fixture.ts";

const at = useLink();

test("an address that the node holds on lo is answered by the kernel, too, unless arp_ignore is set, and never over IPv6", async () => {
  const [address, address6] = ["192.0.2.4", "2001:db8:0:2::4"];
  await ip("addr", "add", `${address}/32`, "dev", "lo");
  await ip("addr", "add", `${address6}/128`, "dev", "lo");
  await ip("link", "set", "lo", "up");
  const arping = ["arping", "-c", "1", "-w", "1", "-i", "eth0", address];
  const answers = async (): Promise<string> =>
    await at.lan.inPeer("sh", "-c", `${arping.join(" ")} || true`);
  try {
    expect(await answers()).toContain(`from ${nodeMac}`);
    for (const level of ["1", "2", "8"]) {
      await writeFile(`/proc/sys/net/ipv4/conf/${at.lan.nodeInterface}/arp_ignore`, level);
      expect(await answers()).toContain("0 packets received");
    }
    const ndisc6 = `ndisc6 -q -r 1 -w 300 ${address6} eth0 || true`;
    expect(await at.lan.inPeer("sh", "-c", ndisc6)).toBe("");
  } finally {
    await ip("addr", "del", `${address}/32`, "dev", "lo");
    await ip("addr", "del", `${address6}/128`, "dev", "lo");
  }
}, 20_000);
