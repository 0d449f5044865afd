import { describe, expect, test } from "vitest";
import { toIpAddress, toMacAddress, toNetworkInterface } from "../../src/link/interface-picture.ts";

describe("the picture of an interface", () => {
  test("flags, master and prefixes are put in the core's words, prefixes in order", () => {
    const nic = toNetworkInterface({
      name: "eth0",
      index: 7,
      flags: 0x1 | 0x80,
      master: 3,
      kind: "",
      link: 0,
      renewals: 0,
      mac: Uint8Array.of(2, 0, 0, 0, 0xab, 1),
      addresses: [
        {
          bytes: Uint8Array.of(0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1),
          length: 64,
        },
        { bytes: Uint8Array.of(192, 0, 2, 241), length: 24 },
        { bytes: Uint8Array.of(10, 0, 0, 1), length: 8 },
      ],
    });
    expect(nic).toMatchObject({
      name: "eth0",
      index: 7,
      mac: "02:00:00:00:ab:01",
      up: true,
      carrier: false,
      loopback: false,
      noArp: true,
      master: 3,
    });
    expect(nic.prefixes.map((prefix) => `${prefix.address}/${prefix.length}`)).toEqual([
      "10.0.0.1/8",
      "192.0.2.241/24",
      "2001:db8::1/64",
    ]);
  });

  test("an interface without Ethernet address and master has neither", () => {
    const nic = toNetworkInterface({
      name: "lo",
      index: 1,
      flags: 0x1 | 0x8 | 0x10000,
      master: 0,
      kind: "",
      link: 0,
      renewals: 0,
      mac: new Uint8Array(),
      addresses: [],
    });
    expect(nic).toMatchObject({ mac: undefined, master: undefined, loopback: true, carrier: true });
  });

  test("bytes become addresses in canonical text", () => {
    expect(toIpAddress(Uint8Array.of(192, 0, 2, 4))).toBe("192.0.2.4");
    expect(toMacAddress(Uint8Array.of(2, 0, 0, 0xff, 0, 10))).toBe("02:00:00:ff:00:0a");
  });
});
