import { beforeEach, describe, expect, test, vi } from "vitest";
import { AnnouncingNode } from "../../bench/announcing-node.ts";
import { ip, nodeMac } from "./lan.ts";
import { addonPath, ip4, useLink } from "./link-fixture.ts";
import { WireStory } from "./wire-story.ts";

const address = "192.0.2.4";
const address6 = "2001:db8:0:2::4";
const both = [address, address6];

describe("on the wire, frame by frame, stands what the golden file says", () => {
  const at = useLink();

  const golden = async (story: WireStory, name: string): Promise<void> =>
    await expect(String(story)).toMatchFileSnapshot(`wire/${name}.txt`);

  /** Resolves when so many frames for all and for single neighbours have been sent for the address. */
  async function sent(of: string, toAll: number, directed = 0, link = at.link): Promise<void> {
    await vi.waitFor(
      () => {
        const stats = link.stats().find((one) => one.address === of);
        expect(stats?.gratuitousSent).toBeGreaterThanOrEqual(toAll);
        expect(stats?.directedSent).toBeGreaterThanOrEqual(directed);
      },
      { timeout: 20_000 },
    );
  }

  async function answer(): Promise<void> {
    await at.answer("192.0.2.99");
    await at.answer("2001:db8:0:2::99");
    at.link.answer(both.map(at.entry));
  }

  // Then it asks under one address from the start, not under another until that one has been found free.
  beforeEach(async () => {
    await at.lan.inPeer("ip", "addr", "flush", "dev", "eth0", "scope", "link");
    await at.lan.inPeer("ip", "addr", "add", "fe80::51/64", "dev", "eth0", "nodad");
  });

  /** Resolves when the peer's kernel is sure of the address. */
  async function reachable(of: string): Promise<void> {
    await vi.waitFor(async () => expect((await at.lan.neighbor(of)).state).toBe("REACHABLE"), {
      timeout: 10_000,
    });
  }

  test("when hosts ask for an address, make sure of it, or want it for themselves", async () => {
    await answer();
    const story = new WireStory(at.lan, both);
    await story.tell("arping and ndisc6", async () => {
      await at.lan.inPeer("arping", "-C", "1", "-i", "eth0", address);
      await at.lan.inPeer("ndisc6", "-1", "-q", address6, "eth0");
    });
    await story.tell("ping: the kernel asks", async () => {
      for (const one of both) {
        await at.lan.inPeer("ping", "-c", "1", "-W", "1", one).catch(() => "no host behind it");
        await reachable(one);
      }
    });
    await story.tell("the kernel makes sure", async () => {
      for (const one of both) {
        const entry = [one, "lladdr", nodeMac, "nud", "probe", "dev", "eth0"];
        await at.lan.inPeer("ip", "neigh", "replace", ...entry);
        await reachable(one);
      }
    });
    await story.tell("a probe (RFC 5227), and duplicate address detection (RFC 4862)", async () => {
      await at.lan.inPeer("arping", "-0", "-C", "1", "-i", "eth0", address);
      await at.lan.inPeer("ip", "addr", "add", `${address6}/64`, "dev", "eth0");
      await vi.waitFor(
        async () =>
          expect(await at.lan.inPeer("ip", "addr", "show", "dev", "eth0")).toContain("dadfailed"),
        { timeout: 10_000 },
      );
    });
    await golden(story, "asked");
  }, 30_000);

  test("when an address is announced that nobody asked for", async () => {
    await answer();
    const story = new WireStory(at.lan, both);
    await story.tellRounds("announced", async () => {
      at.link.announce(both.map(at.entry));
      await Promise.all([sent(address, 10), sent(address6, 5)]);
    });
    await golden(story, "announced");
  }, 30_000);

  test("when a standby takes an address over that it heard a host ask for", async () => {
    await ip("addr", "add", "192.0.2.241/24", "dev", at.lan.nodeInterface);
    at.link.watch(both.map(at.entry));
    at.link.setGateways(["192.0.2.254", "fe80::1"].map(ip4));
    await at.answer("192.0.2.99");
    await at.answer("2001:db8:0:2::99");
    const story = new WireStory(at.lan, both);
    await story.tell("asked for, at a time when another node answers", async () => {
      await at.lan.inPeer("arping", "-c", "1", "-i", "eth0", address).catch(() => "no answer");
      await at.lan.inPeer("ndisc6", "-q", "-r", "1", address6, "eth0").catch(() => "no answer");
    });
    await story.tellRounds("taken over", async () => {
      at.link.answer(both.map(at.entry));
      at.link.announce(both.map(at.entry));
      await Promise.all([sent(address, 10, 4), sent(address6, 5, 4)]);
    });
    await golden(story, "taken-over");
  }, 30_000);

  test("when an address is withdrawn between two rounds", async () => {
    await answer();
    const story = new WireStory(at.lan, both);
    await story.tellRounds("announced, and withdrawn after two rounds", async () => {
      at.link.announce(both.map(at.entry));
      await Promise.all([sent(address, 4), sent(address6, 2)]);
      at.link.withdraw(both.map(at.entry));
    });
    await story.tell("asked for in vain", async () => {
      await at.lan.inPeer("arping", "-c", "1", "-i", "eth0", address).catch(() => "no answer");
      await at.lan.inPeer("ndisc6", "-q", "-r", "1", address6, "eth0").catch(() => "no answer");
    });
    await golden(story, "withdrawn");
  }, 30_000);

  test("when nothing changed, and when the hardware address did", async () => {
    const node = new AnnouncingNode({ addonPath });
    const story = new WireStory(at.lan, both);
    const { nodeInterface } = at.lan;
    try {
      await story.tellRounds("given to the node", async () => {
        both.map((one) => node.assign(ip4(one)));
        await Promise.all([sent(address, 10, 0, node.link), sent(address6, 5, 0, node.link)]);
      });
      await story.tellRounds(
        "given to it again, and another address to its interface",
        async () => {
          both.map((one) => node.assign(ip4(one)));
          await ip("addr", "add", "203.0.113.1/24", "dev", nodeInterface);
          await vi.waitFor(() =>
            expect(
              node.state.interfaces.flatMap(({ prefixes }) => prefixes.map((one) => one.address)),
            ).toContain("203.0.113.1"),
          );
          both.map((one) => node.assign(ip4(one)));
        },
      );
      await story.tellRounds("the interface's hardware address changes", async () => {
        await ip("link", "set", nodeInterface, "address", "02:00:00:00:00:02");
        await Promise.all([sent(address, 20, 0, node.link), sent(address6, 10, 0, node.link)]);
      });
    } finally {
      await node.close();
    }
    await golden(story, "nothing-changed");
  }, 40_000);
});
