import { compareIpAddresses, fromBytes, type IpAddress } from "../core/net/ip-address.ts";
import { type IpPrefix, parseIpPrefix } from "../core/net/ip-prefix.ts";
import type { MacAddress } from "../core/net/mac-address.ts";
import type { NetworkInterface } from "../core/net/network-interface.ts";
import type { NativeInterface } from "./native-addon.ts";

/** Interface flags of `linux/if.h`. */
const flag = { up: 0x1, loopback: 0x8, noArp: 0x80, lowerUp: 0x10000 } as const;

/** Kinds that put further hardware addresses, or hosts, on the segment of the interface that they sit on. */
const sharesSegment: ReadonlySet<string> = new Set(["macvlan", "macvtap", "ipvlan", "ipvtap"]);

/** Returns what the addon tells of one interface in the core's words; prefixes in order of address. */
export function toNetworkInterface(native: NativeInterface): NetworkInterface {
  return {
    name: native.name,
    index: native.index,
    mac: native.mac.length === 0 ? undefined : toMacAddress(native.mac),
    up: (native.flags & flag.up) !== 0,
    carrier: (native.flags & flag.lowerUp) !== 0,
    loopback: (native.flags & flag.loopback) !== 0,
    noArp: (native.flags & flag.noArp) !== 0,
    master: native.master === 0 ? undefined : native.master,
    lower: native.link !== 0 && sharesSegment.has(native.kind) ? native.link : undefined,
    kind: native.kind === "" ? undefined : native.kind,
    renewals: native.renewals,
    excludedBy: undefined,
    prefixes: native.addresses.map(toPrefix).sort(byAddress),
  };
}

/** Returns the hardware address made of these six bytes. */
export function toMacAddress(bytes: Uint8Array): MacAddress {
  return Buffer.from(bytes).toString("hex").match(/../g)?.join(":") as MacAddress;
}

/** Returns the address of these bytes; the common four-byte case costs no big numbers. */
export function toIpAddress(bytes: Uint8Array): IpAddress {
  return bytes.length === 4 ? (bytes.join(".") as IpAddress) : fromBytes(bytes);
}

function toPrefix(address: NativeInterface["addresses"][number]): IpPrefix {
  const text = `${toIpAddress(address.bytes)}/${address.length}`;
  const prefix = parseIpPrefix(text);
  if (prefix === undefined) {
    throw new RangeError(`The kernel told an impossible prefix: ${text}`);
  }
  return prefix;
}

function byAddress(a: IpPrefix, b: IpPrefix): number {
  return compareIpAddresses(a.address, b.address) || a.length - b.length;
}
