import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { familyOf } from "../../../src/core/net/ip-address.ts";
import {
  formatIpBlock,
  formatIpRange,
  type IpRange,
  parseIpRange,
  rangeContains,
  rangesOverlap,
} from "../../../src/core/net/ip-range.ts";
import { ip, ipAddress, range } from "./arbitraries.ts";

describe("an entry of spec.addresses", () => {
  test.each([
    ["192.0.2.0/24", "192.0.2.0-192.0.2.255", undefined],
    ["192.0.2.4/32", "192.0.2.4", undefined],
    ["192.0.2.9-192.0.2.10", "192.0.2.9-192.0.2.10", undefined],
    ["192.0.2.9-192.0.2.9", "192.0.2.9", undefined],
    ["2001:db8::/126", "2001:db8::-2001:db8::3", undefined],
    ["192.0.2.77/24", "192.0.2.0-192.0.2.255", "host bits set; it is read as 192.0.2.0/24"],
    ["192.0.2.9 - 192.0.2.10", "192.0.2.9-192.0.2.10", "blanks around an address"],
    [" 192.0.2.0/24 ", "192.0.2.0-192.0.2.255", "blanks around it"],
  ])("reads %j as %s, warning: %s", (text, written, warning) => {
    const parsed = parseIpRange(text);
    expect(parsed.ok && formatIpRange(parsed.range)).toBe(written);
    expect(parsed.ok && parsed.warning).toEqual(
      warning === undefined ? undefined : expect.stringContaining(warning),
    );
  });

  test.each([
    ["", "neither a CIDR prefix nor a range"],
    ["nonsense", "neither a CIDR prefix nor a range"],
    ["192.0.2.4", "write 192.0.2.4/32"],
    ["2001:db8::1", "write 2001:db8::1/128"],
    ["192.0.2.0/33", "neither a CIDR prefix nor a range"],
    ["010.0.0.0/8", "neither a CIDR prefix nor a range"],
    ["010.0.0.0/8", "leading zeros mean something else to some programs: write 10.0.0.0/8"],
    [
      "192.0.2.1-192.0.02.010",
      "leading zeros mean something else to some programs: write 192.0.2.10",
    ],
    ["192.0.2.0/024", "write 192.0.2.0/24"],
    ["192.0.2.9-", '"" is not an IP address'],
    ["-192.0.2.9", '"" is not an IP address'],
    ["192.0.2.9-20", '"20" is not an IP address'],
    ["192.0.2.9-192.0.2.10-192.0.2.11", '"192.0.2.10-192.0.2.11" is not an IP address'],
    ["192.0.2.9-2001:db8::1", "mixes IPv4 and IPv6"],
    ["192.0.2.10-192.0.2.9", "ends before it starts"],
  ])("refuses %j: %s", (text, error) => {
    expect(parseIpRange(text)).toEqual({ ok: false, error: expect.stringContaining(error) });
  });

  test("is read or refused, never thrown at", () => {
    const texts = fc.oneof(
      fc.string(),
      fc.string({ unit: fc.constantFrom(..."0123456789a.:/- ") }),
    );
    fc.assert(fc.property(texts, (text) => void parseIpRange(text)));
  });
});

describe("ranges", () => {
  const two = fc.tuple(ipAddress, ipAddress).filter(([a, b]) => familyOf(a) === familyOf(b));
  const anyRange = two.map(([a, b]) => {
    const parsed = parseIpRange(`${a}-${b}`);
    return parsed.ok ? parsed.range : range(`${b}-${a}`);
  });

  test("contain their ends, and are written as they are read", () => {
    fc.assert(
      fc.property(anyRange, (it) => {
        const [first = "", last = first] = formatIpRange(it).split("-");
        expect(rangeContains(it, ip(first))).toBe(true);
        expect(rangeContains(it, ip(last))).toBe(true);
        expect(range(`${first}-${last}`)).toEqual(it);
      }),
    );
  });

  test("overlap if and only if one contains an end of the other", () => {
    fc.assert(
      fc.property(anyRange, anyRange, (a, b) => {
        const startsIn = (x: IpRange, y: IpRange): boolean =>
          x.family === y.family && x.first <= y.first && y.first <= x.last;
        expect(rangesOverlap(a, b)).toBe(startsIn(a, b) || startsIn(b, a));
      }),
    );
  });

  test.each([
    ["192.0.2.1-192.0.2.4", "192.0.2.4-192.0.2.9", true],
    ["192.0.2.1-192.0.2.4", "192.0.2.5-192.0.2.9", false],
    ["192.0.2.0/24", "192.0.2.7/32", true],
    ["0.0.0.0/0", "::/0", false],
  ])("%s and %s overlap: %s", (a, b, overlap) => {
    expect(rangesOverlap(range(a), range(b))).toBe(overlap);
    expect(rangesOverlap(range(b), range(a))).toBe(overlap);
  });

  test("never contain an address of the other family", () => {
    expect(rangeContains(range("0.0.0.0/0"), ip("::1"))).toBe(false);
    expect(rangeContains(range("::/0"), ip("0.0.0.1"))).toBe(false);
  });
});

test.each([
  ["192.0.2.0/24", "192.0.2.0/24"],
  ["192.0.2.64-192.0.2.79", "192.0.2.64/28"],
  ["192.0.2.8-192.0.2.63", "192.0.2.8-192.0.2.63"],
  ["192.0.2.8-192.0.2.23", "192.0.2.8-192.0.2.23"],
  ["192.0.2.7/32", "192.0.2.7"],
  ["0.0.0.0/0", "0.0.0.0/0"],
  ["2001:db8::/64", "2001:db8::/64"],
  ["::/0", "::/0"],
])("as a block %s is %s", (text, block) => {
  expect(formatIpBlock(range(text))).toBe(block);
});
