import { describe, expect, test } from "vitest";
import { type Asker, planQuestions, segmentOf } from "../../../src/core/conflicts/questions.ts";
import type { IpAddress } from "../../../src/core/net/ip-address.ts";
import { parseIpPrefix } from "../../../src/core/net/ip-prefix.ts";
import { ip } from "../net/arbitraries.ts";

function asker(node: string, ...prefixes: readonly string[]): Asker {
  const parsed = prefixes.flatMap((text) => parseIpPrefix(text) ?? []);
  return { node, interfaces: [{ name: "eth0", usable: true, prefixes: parsed }] };
}

function window(first: number, count = 16): readonly IpAddress[] {
  return Array.from({ length: count }, (_, index) => ip(`192.0.2.${first + index}`));
}

const a = asker("a", "192.0.2.241/24");
const b = asker("b", "192.0.2.242/24");
const elsewhere = asker("c", "198.51.100.1/24");

describe("what pools give next is looked for", () => {
  test("by one speaker that has its subnet, and by nobody where there is none", () => {
    const plan = { quarantined: [], present: new Map(), speakers: [elsewhere, a, b] };
    const lists = planQuestions({ ...plan, next: [window(1), [ip("203.0.113.1")]] });
    expect(lists).toEqual(
      new Map([
        ["c", []],
        ["a", window(1)],
        ["b", []],
      ]),
    );
  });

  test("by the same speaker as before, also when another one comes", () => {
    const present = new Map([["b", window(1)]]);
    const lists = planQuestions({ next: [window(1)], quarantined: [], speakers: [a, b], present });
    expect(lists.get("b")).toEqual(window(1));
    expect(lists.get("a")).toEqual([]);
  });

  test("by another one when the first is gone", () => {
    const present = new Map([["b", window(1)]]);
    const lists = planQuestions({ next: [window(1)], quarantined: [], speakers: [a], present });
    expect(lists.get("a")).toEqual(window(1));
  });

  test("without a change while half of it is left: grants cost no writes", () => {
    const present = new Map([["a", window(1)]]);
    const plan = { quarantined: [], speakers: [a], present };
    expect(planQuestions({ ...plan, next: [window(9)] }).get("a")).toEqual(window(1));
    expect(planQuestions({ ...plan, next: [window(10)] }).get("a")).toEqual(window(10));
  });
});

test("what is in quarantine is looked for at once and for as long as it is", () => {
  const present = new Map([["a", window(1)]]);
  const quarantined = [ip("192.0.2.200")];
  const lists = planQuestions({ next: [window(1)], quarantined, speakers: [a], present });
  expect(lists.get("a")).toEqual([ip("192.0.2.200"), ...window(1)]);
});

test("an address belongs to the usable interface with the longest prefix that holds it", () => {
  const wide = { name: "eth0", usable: true, prefixes: a.interfaces[0]?.prefixes ?? [] };
  const narrow = {
    ...wide,
    name: "eth1",
    prefixes: [parseIpPrefix("192.0.2.17/28")].flatMap((it) => it ?? []),
  };
  expect(segmentOf([wide, narrow], ip("192.0.2.20"))).toBe("eth1");
  expect(segmentOf([wide, { ...narrow, usable: false }], ip("192.0.2.20"))).toBe("eth0");
  expect(segmentOf([wide, narrow], ip("192.0.3.20"))).toBeUndefined();
});
