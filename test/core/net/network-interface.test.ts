import { expect, test } from "vitest";
import { parseMacAddress } from "../../../src/core/net/mac-address.ts";
import {
  canAnnounceOn,
  holdsNodeAddresses,
  type InterfaceState,
  interfaceState,
  type NetworkInterface,
} from "../../../src/core/net/network-interface.ts";

const fit: NetworkInterface = {
  name: "eth0",
  index: 2,
  mac: parseMacAddress("02:00:00:00:00:01"),
  up: true,
  carrier: true,
  loopback: false,
  noArp: false,
  master: undefined,
  lower: undefined,
  kind: undefined,
  renewals: 1,
  excludedBy: undefined,
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
  ["excluded by the admin", { excludedBy: "^eth" }],
])("one that is %s cannot", (_, change) => {
  expect(canAnnounceOn({ ...fit, ...change })).toBe(false);
});

test.each<[InterfaceState, Partial<NetworkInterface>]>([
  ["Usable", {}],
  ["Down", { up: false, carrier: false }],
  ["NoCarrier", { carrier: false }],
  ["Port", { master: 7, carrier: false }],
  ["Excluded", { excludedBy: "^eth", master: 7 }],
  ["NoArp", { noArp: true, excludedBy: "^eth" }],
])("what is said of it first is what lasts longest: %s", (state, change) => {
  expect(interfaceState({ ...fit, ...change })).toBe(state);
});

test("addresses of an interface that is down or without ARP are not the node's own", () => {
  expect(holdsNodeAddresses(fit)).toBe(true);
  expect(holdsNodeAddresses({ ...fit, up: false })).toBe(false);
  expect(holdsNodeAddresses({ ...fit, noArp: true })).toBe(false);
});
