import { isIP } from "node:net";
import { domainToASCII } from "node:url";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  compareIpAddresses,
  familyOf,
  formatIpAddress,
  fromBytes,
  isNeverAssignable,
  parseIpAddress,
  toBytes,
  toNumber,
} from "../../../src/core/net/ip-address.ts";
import { ip, ipAddress, ipv4, ipv6 } from "./arbitraries.ts";

describe("parsing", () => {
  const accepted: readonly (readonly [text: string, canonical: string])[] = [
    ["192.0.2.4", "192.0.2.4"],
    ["0.0.0.0", "0.0.0.0"],
    ["255.255.255.255", "255.255.255.255"],
    ["::", "::"],
    ["::1", "::1"],
    ["::1.2.3.4", "::102:304"],
    ["::ffff:192.0.2.4", "::ffff:c000:204"],
    ["64:ff9b::192.0.2.33", "64:ff9b::c000:221"],
    ["2001:DB8::A", "2001:db8::a"],
    ["2001:0db8:0000:0000:0000:0000:0000:0001", "2001:db8::1"],
    ["2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
    ["2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
    ["2001:0:0:1:0:0:0:1", "2001:0:0:1::1"],
    ["1:0:0:0:0:0:0:0", "1::"],
  ];
  test.each(accepted)("reads %s as %s", (text, canonical) => {
    expect(parseIpAddress(text)).toBe(canonical);
  });

  const refused = [
    ...[
      "",
      " ",
      "10",
      "192.168.1",
      "10.1",
      "010.0.0.1",
      "01.2.3.4",
      "1.2.3.04",
      "0x7f.1",
      "0x7f.0.0.1",
    ],
    ...[
      "1.2.3.256",
      "1.2.3.4.5",
      "1.2.3.-4",
      "+1.2.3.4",
      "1.2.3.4/32",
      " 1.2.3.4",
      "1.2.3.4 ",
      "1.2.3.4\n",
    ],
    ...[
      "fe80::1%eth0",
      "fe80::1%1",
      "::1%lo",
      "1::2::3",
      ":::",
      "12345::",
      "1:2:3:4:5:6:7",
      "::1.2.3",
      "::010.0.0.1",
    ],
    ...["[::1]", "::/0", "localhost", "１.2.3.4", "none", "None"],
  ];
  test.each(refused)("refuses %j", (text) => {
    expect(parseIpAddress(text)).toBeUndefined();
  });

  test("never accepts what Node does not call an address", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(..."0123456789abfx.:%/ -") }), (text) => {
        expect(parseIpAddress(text) !== undefined).toBe(isIP(text) !== 0 && !text.includes("%"));
      }),
    );
  });
});

describe("writing", () => {
  test("gives IPv6 the text that Node's URL parser gives it (RFC 5952)", () => {
    fc.assert(
      fc.property(ipv6, (address) => {
        expect(new URL(`http://[${address}]/`).hostname).toBe(`[${address}]`);
        expect(domainToASCII(`[${address}]`)).toBe(`[${address}]`);
      }),
    );
  });

  test("is undone by parsing, for text, numbers and bytes", () => {
    fc.assert(
      fc.property(ipAddress, (address) => {
        expect(parseIpAddress(address)).toBe(address);
        expect(formatIpAddress(familyOf(address), toNumber(address))).toBe(address);
        expect(fromBytes(toBytes(address))).toBe(address);
        expect(toBytes(address)).toHaveLength(familyOf(address) === 4 ? 4 : 16);
      }),
    );
  });

  test("spells bytes in network order", () => {
    expect(toBytes(ip("192.0.2.4"))).toEqual(Uint8Array.of(192, 0, 2, 4));
    expect(toBytes(ip("::1.2.3.4")).subarray(12)).toEqual(Uint8Array.of(1, 2, 3, 4));
  });

  test.each([0, 3, 5, 15, 17])("refuses %i bytes", (length) => {
    expect(() => fromBytes(new Uint8Array(length))).toThrow(
      `4 or 16 bytes expected, got ${length}`,
    );
  });
});

describe("order", () => {
  test("puts IPv4 first, then counts by number", () => {
    const sorted = ["9.0.0.0", "10.0.0.0", "10.0.0.9", "10.0.0.10", "::1", "::2", "2001::"].map(ip);
    expect([...sorted].reverse().sort(compareIpAddresses)).toEqual(sorted);
  });

  test("is total: antisymmetric, and zero only for equals", () => {
    fc.assert(
      fc.property(ipAddress, ipAddress, (a, b) => {
        expect(Math.sign(compareIpAddresses(a, b))).toBe(-Math.sign(compareIpAddresses(b, a)) + 0);
        expect(compareIpAddresses(a, b) === 0).toBe(a === b);
      }),
    );
  });
});

describe("addresses that no Service may have", () => {
  test.each([
    ...["127.0.0.1", "127.255.255.255", "169.254.0.1", "224.0.0.1", "239.255.255.255"],
    ...["0.0.0.0", "255.255.255.255", "::", "::1", "fe80::1", "febf::1", "ff02::1", "ff00::"],
  ])("%s is one", (text) => {
    expect(isNeverAssignable(ip(text))).toBe(true);
  });

  test.each([
    ...["10.0.0.0", "192.168.1.255", "100.64.0.1", "192.0.2.4", "223.255.255.255", "8.8.8.8"],
    ...["2001:db8::1", "fd00::1", "fe7f::1", "fec0::1", "2a00::1"],
  ])("%s is none", (text) => {
    expect(isNeverAssignable(ip(text))).toBe(false);
  });

  test("asking never throws", () => {
    fc.assert(fc.property(fc.oneof(ipv4, ipv6), (address) => void isNeverAssignable(address)));
  });
});
