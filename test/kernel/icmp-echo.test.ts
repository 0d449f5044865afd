import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { buildRawSocket } from "../../build/raw-socket.ts";
import { askForEcho } from "../../src/link/icmp-echo.ts";
import { systemClock as clock } from "../../src/runtime/clock.ts";
import { ip, Lan, peerAddress } from "./lan.ts";
import { ip4 } from "./link-fixture.ts";

let lan: Lan;

beforeAll(async () => {
  expect((await buildRawSocket()).told).toMatch(/is built|^built/);
  lan = await Lan.create();
  await ip("link", "set", "lo", "up");
  await ip("addr", "add", "192.0.2.241/24", "dev", lan.nodeInterface);
  await ip("-6", "addr", "add", "2001:db8::241/64", "dev", lan.nodeInterface, "nodad");
  await lan.inPeer("ip", "-6", "addr", "add", "2001:db8::251/64", "dev", "eth0", "nodad");
});

afterAll(async () => {
  await lan?.remove();
});

describe("an ICMP echo", () => {
  test("comes back from a peer that answers, IPv4 and IPv6", async () => {
    const four = await askForEcho(ip4(peerAddress), { clock });
    expect(four.kind).toBe("answered");
    const six = await askForEcho(ip4("2001:db8::251"), { clock, timeoutMs: 5_000 });
    expect(six.kind).toBe("answered");
  });

  test("of two hosts asked at once each counts its own answer", async () => {
    const silentHost = ip4("192.0.2.99");
    const outcomes = await Promise.all([
      askForEcho(silentHost, { clock, timeoutMs: 300 }),
      ...Array.from({ length: 8 }, () => askForEcho(ip4(peerAddress), { clock })),
    ]);
    expect(outcomes.map(({ kind }) => kind)).toEqual(["silent", ...Array(8).fill("answered")]);
  });

  test("does not come from a peer that keeps silent", async () => {
    const knob = "net.ipv4.icmp_echo_ignore_all";
    await lan.inPeer("sysctl", "-qw", `${knob}=1`);
    const outcome = await askForEcho(ip4(peerAddress), { clock, timeoutMs: 300 });
    expect(outcome).toEqual({ kind: "silent" });
    await lan.inPeer("sysctl", "-qw", `${knob}=0`);
  });

  test("is off without a route, and says so", async () => {
    const outcome = await askForEcho(ip4("203.0.113.1"), { clock });
    expect(outcome).toEqual({
      kind: "off",
      reason: expect.stringMatching(/^nothing was sent: .*unreachable/i),
    });
  });

  test("is off where raw-socket cannot be loaded, and says why", async () => {
    const load = (): never => {
      throw new Error("Cannot find module 'raw-socket'\nRequire stack: …");
    };
    const outcome = await askForEcho(ip4(peerAddress), { clock, load });
    expect(outcome).toEqual({
      kind: "off",
      reason: "raw-socket is not usable: Cannot find module 'raw-socket'",
    });
  });
});
