import { expect, test } from "vitest";
import { parseMacAddress } from "../../../src/core/net/mac-address.ts";
import { canAnnounceOn, type NetworkInterface } from "../../../src/core/net/network-interface.ts";

const fit: NetworkInterface = {
  name: "eth0",
  index: 2,
  mac: parseMacAddress("02:00:00:00:00:01"),
  up: true,
  carrier: true,
  loopback: false,
  noArp: false,
  master: undefined,
  prefixes: [],
};

test("an interface that is up, with carrier and a hardware address can announce", () => {
  expect(canAnnounceOn(fit)).toBe(true);
});

test.each<[string, Partial<NetworkInterface>]>([
  ["down", { up: false }],
  ["without carrier", { carrier: false }],
  ["the loopback", { loopback: true }],
  ["without ARP", { noArp: true }],
  ["without a hardware address", { mac: undefined }],
  ["a port of a bridge", { master: 7 }],
])("one that is %s cannot", (_, change) => {
  expect(canAnnounceOn({ ...fit, ...change })).toBe(false);
});
