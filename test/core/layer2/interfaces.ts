import { type IpPrefix, parseIpPrefix } from "../../../src/core/net/ip-prefix.ts";
import { parseMacAddress } from "../../../src/core/net/mac-address.ts";
import type { NetworkInterface } from "../../../src/core/net/network-interface.ts";

/** An interface that can announce, with the prefixes given. */
export function nic(
  name: string,
  prefixes: readonly string[] = [],
  change: Partial<NetworkInterface> = {},
): NetworkInterface {
  return {
    name,
    index: Number(name.replace(/\D/g, "")) + 1,
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
    prefixes: prefixes.flatMap((text): readonly IpPrefix[] => {
      const prefix = parseIpPrefix(text);
      return prefix === undefined ? [] : [prefix];
    }),
    ...change,
  };
}
