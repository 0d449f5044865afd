import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { familyOf, toNumber } from "../../../src/core/net/ip-address.ts";
import {
  type IpPrefix,
  parseIpPrefix,
  prefixContains,
  reservedAddresses,
} from "../../../src/core/net/ip-prefix.ts";
import { ip, ipAddress } from "./arbitraries.ts";

function prefix(text: string): IpPrefix {
  return parseIpPrefix(text) ?? expect.unreachable(`${text} is no prefix`);
}

describe("a prefix", () => {
  test.each([
    ...["", "/", "192.0.2.0", "192.0.2.0/", "192.0.2.0/33", "192.0.2.0/-1", "192.0.2.0/024"],
    ...["192.0.2/24", "10/8", "192.0.2.0/24/24", "192.0.2.0/ 24", "192.0.2.0/2.4", "::/129"],
    ...["fe80::1%eth0/64", "192.0.2.0/255.255.255.0", "010.0.0.0/8"],
  ])("is not %j", (text) => {
    expect(parseIpPrefix(text)).toBeUndefined();
  });

  test("keeps its host bits and knows its ends", () => {
    expect(prefix("192.0.2.77/24")).toEqual({
      address: "192.0.2.77",
      family: 4,
      length: 24,
      first: toNumber(ip("192.0.2.0")),
      last: toNumber(ip("192.0.2.255")),
    });
  });

  test.each(["0.0.0.0/0", "::/0"])("can be everything: %s", (text) => {
    fc.assert(
      fc.property(ipAddress, (address) => {
        const all = prefix(text);
        expect(prefixContains(all, address)).toBe(familyOf(address) === all.family);
      }),
    );
  });

  test("contains its own address, and what shares its first bits", () => {
    fc.assert(
      fc.property(ipAddress, ipAddress, fc.nat({ max: 128 }), (address, other, n) => {
        const bits = familyOf(address) === 4 ? 32 : 128;
        const length = n % (bits + 1);
        const parsed = prefix(`${address}/${length}`);
        expect(prefixContains(parsed, address)).toBe(true);
        const shift = BigInt(bits - length);
        expect(prefixContains(parsed, other)).toBe(
          familyOf(other) === familyOf(address) &&
            toNumber(other) >> shift === toNumber(address) >> shift,
        );
      }),
    );
  });
});

test.each([
  ["192.0.2.77/24", ["192.0.2.0", "192.0.2.255"]],
  ["192.0.2.5/30", ["192.0.2.4", "192.0.2.7"]],
  ["192.0.2.5/31", []],
  ["192.0.2.5/32", []],
  ["2001:db8::9/64", ["2001:db8::"]],
  ["2001:db8::9/126", ["2001:db8::8"]],
  ["2001:db8::9/127", []],
  ["2001:db8::9/128", []],
] as const)("no host may have these of %s: %j", (text, reserved) => {
  expect(reservedAddresses(prefix(text))).toEqual(reserved);
});
