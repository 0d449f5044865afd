import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  changedDenials,
  type DeniedRange,
  DenyList,
} from "../../../src/core/allocation/deny-list.ts";
import {
  familyOf,
  formatIpAddress,
  isNeverAssignable,
  toNumber,
} from "../../../src/core/net/ip-address.ts";
import { ip, ipAddress, range } from "../net/arbitraries.ts";

function denied(text: string, why: string): DeniedRange {
  return { ...range(text), why };
}

function numbersOf({ first, last }: { readonly first: bigint; readonly last: bigint }): bigint[] {
  return Array.from({ length: Number(last - first) + 1 }, (_, at) => first + BigInt(at));
}

describe("the deny list", () => {
  test("says whose an address is", () => {
    const list = new DenyList();
    list.setRanges([denied("192.0.2.0/30", "the router's"), denied("192.0.2.0/24", "the LAN's")]);
    expect(list.reasonAgainst(ip("192.0.2.1"), "a/one")?.why).toBe("the router's");
    expect(list.reasonAgainst(ip("192.0.2.9"), "a/one")?.why).toBe("the LAN's");
    expect(list.reasonAgainst(ip("192.0.3.1"), "a/one")).toBeUndefined();
    list.setRanges([]);
    expect(list.reasonAgainst(ip("192.0.2.1"), "a/one")).toBeUndefined();
  });

  test("lets a Service have what it claims itself, unless another claims it too", () => {
    const list = new DenyList();
    const address = ip("192.0.2.5");
    list.addClaim(address, "a/one");
    expect(list.reasonAgainst(address, "a/one")).toBeUndefined();
    expect(list.reasonAgainst(address, "b/two")?.why).toContain("another Service");
    list.addClaim(address, "b/two");
    list.addClaim(address, "b/two");
    expect(list.reasonAgainst(address, "a/one")?.why).toContain("another Service");
    list.removeClaim(address, "b/two");
    list.removeClaim(address, "nobody/knows");
    expect(list.reasonAgainst(address, "a/one")).toBeUndefined();
    expect(list.reasonAgainst(address, "b/two")?.why).toContain("another Service");
    list.removeClaim(address, "a/one");
    expect(list.reasonAgainst(address, "b/two")).toBeUndefined();
  });

  test("keeps what a Service has had since before us from all but those who had it too", () => {
    const list = new DenyList();
    const address = ip("192.0.2.5");
    list.setLive("a/one", [address]);
    list.setLive("a/friend", [address]);
    expect(list.reasonAgainst(address, "a/one")).toBeUndefined();
    expect(list.reasonAgainst(address, "a/friend")).toBeUndefined();
    expect(list.reasonAgainst(address, "b/new")?.why).toContain("another Service");
    list.addClaim(address, "b/two");
    list.removeClaim(address, "b/two");
    expect(list.endLive("nobody/knows")).toEqual([]);
    expect(list.endLive("a/one")).toEqual([address]);
    expect(list.isLive(address, "a/one")).toBe(false);
    expect(list.reasonAgainst(address, "a/one")?.why).toContain("another Service");
    expect(list.blocks(address)).toBe(true);
    expect(list.allowed(range("192.0.2.5/32"))).toEqual([]);
    list.endLive("a/friend");
    expect(list.reasonAgainst(address, "b/new")).toBeUndefined();
    expect(list.blocks(address)).toBe(false);
    expect(list.allowed(range("192.0.2.5/32"))).toHaveLength(1);
  });

  test("leaves a Service what it has had since before us, unless another host answers for it", () => {
    const list = new DenyList();
    const harmless = { ...denied("192.0.2.0/30", "the router's"), isHarmless: true as const };
    const [address, other] = [ip("192.0.2.0"), ip("192.0.2.1")];
    list.setRanges([harmless, denied("192.0.2.1/32", "an address of a node")]);
    list.setLive("a/one", [address, other, ip("127.0.0.1")]);
    expect(list.reasonAgainst(address, "a/one")).toBeUndefined();
    expect(list.reasonAgainst(other, "a/one")?.why).toBe("an address of a node");
    expect(list.reasonAgainst(ip("127.0.0.1"), "a/one")).toBeDefined();
    list.addClaim(address, "b/two");
    expect(list.reasonAgainst(address, "a/one")).toBeUndefined();
  });

  test("says what is against an address today, whoever has it since before us", () => {
    const list = new DenyList();
    const [address, other] = [ip("192.0.2.0"), ip("192.0.2.5")];
    list.setRanges([denied("192.0.2.0/30", "the router's")]);
    list.setLive("a/one", [address, other]);
    expect(list.reasonToday(address, "a/one")?.why).toBe("the router's");
    expect(list.reasonToday(other, "b/two")).toBeUndefined();
    list.addClaim(other, "b/two");
    expect(list.reasonToday(other, "a/one")?.why).toContain("another Service");
    expect(list.reasonToday(other, "b/two")).toBeUndefined();
  });

  test("tells which denials changed", () => {
    const [router, lan] = [denied("192.0.2.0/30", "the router's"), denied("192.0.2.0/24", "LAN")];
    expect(changedDenials([router, lan], [lan, router])).toEqual([]);
    expect(changedDenials([router], [lan])).toEqual([router, lan]);
    const renamed = { ...lan, why: "the LAN" };
    expect(changedDenials([router, lan], [router, renamed])).toEqual([lan, renamed]);
  });

  test("names the controller that wrote an address into a status, if it is known", () => {
    const list = new DenyList();
    const address = ip("192.0.2.5");
    list.addClaim(address, "a/one");
    list.addClaim(address, "a/two", "Cilium LB-IPAM");
    expect(list.reasonAgainst(address, "b/asks")?.why).toBe(
      "used by another Service, in a status that Cilium LB-IPAM wrote",
    );
    expect(list.reasonAgainst(address, "a/two")?.why).not.toContain("Cilium");
  });

  test("never names the Service that claims an address", () => {
    const list = new DenyList();
    list.addClaim(ip("192.0.2.5"), "secret/tenant");
    expect(list.reasonAgainst(ip("192.0.2.5"), "a/one")?.why).not.toMatch(/secret|tenant/);
  });

  test("passes over exactly what it has a reason against", () => {
    const first = toNumber(ip("192.0.2.0"));
    const near = fc.nat({ max: 31 }).map((n) => formatIpAddress(4, first + BigInt(n)));
    fc.assert(
      fc.property(fc.array(near), fc.array(near), near, (ranges, claims, from) => {
        const list = new DenyList();
        list.setRanges(ranges.map((address) => denied(`${address}/32`, "taken")));
        for (const address of claims) {
          list.addClaim(address, "b/other");
        }
        const range = { family: 4 as const, first: toNumber(from), last: first + 31n };
        const allowed = list.allowed(range).flatMap((run) => numbersOf(run));
        const expected = numbersOf(range).filter(
          (n) => list.reasonAgainst(formatIpAddress(4, n), "a/one") === undefined,
        );
        expect(allowed).toEqual(expected);
        for (const n of numbersOf(range)) {
          expect(list.blocks(formatIpAddress(4, n))).toBe(!expected.includes(n));
        }
      }),
    );
  });

  test("tells of each change, of one address or of any", () => {
    const list = new DenyList();
    const told: unknown[] = [];
    list.onChange((address) => told.push(address));
    list.setRanges([]);
    list.addClaim(ip("192.0.2.5"), "a/one");
    list.removeClaim(ip("192.0.2.5"), "a/one");
    expect(told).toEqual([undefined, "192.0.2.5", "192.0.2.5"]);
  });

  test("passes over addresses that are never assignable, however many there are", () => {
    const list = new DenyList();
    list.setRanges([]);
    const all = { 4: (1n << 32n) - 1n, 6: (1n << 128n) - 1n };
    fc.assert(
      fc.property(ipAddress, (address) => {
        expect(list.blocks(address)).toBe(isNeverAssignable(address));
      }),
    );
    const multicast = { family: 6 as const, first: 0xffn << 120n, last: all[6] };
    expect(list.allowed(multicast)).toEqual([]);
  });

  test.each([
    ["0.0.0.0", "1.0.0.0"],
    ["127.0.0.0", "128.0.0.0"],
    ["169.254.0.0", "169.255.0.0"],
    ["::", "::2"],
    ["fe80::", "fec0::"],
  ])("goes on from %s at %s", (from, to) => {
    const last = (1n << 128n) - 1n;
    const range = { family: familyOf(ip(from)), first: toNumber(ip(from)), last };
    expect(new DenyList().allowed(range)[0]?.first).toBe(toNumber(ip(to)));
  });
});
