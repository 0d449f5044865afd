import { expect, test } from "vitest";
import { parseMacAddress } from "../../../src/core/net/mac-address.ts";
import {
  canAnnounceOn,
  holdsNodeAddresses,
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

test.each(["docker0", "veth1a2b", "cali123", "cni0", "flannel.1", "kube-ipvs0", "virbr0", "lxc9"])(
  "%s is inside the node: nobody on the LAN is behind it",
  (name) => {
    expect(canAnnounceOn({ ...fit, name })).toBe(false);
  },
);

test.each(["eth0", "eno1", "bond0", "br0", "ens3f0", "wlan0", "myveth"])(
  "%s may be a LAN",
  (name) => {
    expect(canAnnounceOn({ ...fit, name })).toBe(true);
  },
);

test("addresses of an interface that is down or without ARP are not the node's own", () => {
  expect(holdsNodeAddresses(fit)).toBe(true);
  expect(holdsNodeAddresses({ ...fit, up: false })).toBe(false);
  expect(holdsNodeAddresses({ ...fit, noArp: true })).toBe(false);
});
