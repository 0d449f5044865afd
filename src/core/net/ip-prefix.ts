import {
  formatIpAddress,
  type IpAddress,
  type IpFamily,
  parseIpAddress,
  toNumber,
} from "./ip-address.ts";

/** A CIDR prefix, as an interface carries it: the address keeps its host bits. */
export interface IpPrefix {
  readonly address: IpAddress;
  readonly family: IpFamily;
  /** Prefix length: 0-32 or 0-128. */
  readonly length: number;
  /** First and last address of the prefix, as numbers. */
  readonly first: bigint;
  readonly last: bigint;
}

/** Returns the prefix that `text` (`address/length`) spells, or `undefined`. */
export function parseIpPrefix(text: string): IpPrefix | undefined {
  const match = /^([^/]+)\/(0|[1-9]\d{0,2})$/.exec(text);
  const address = match?.[1] === undefined ? undefined : parseIpAddress(match[1]);
  const length = Number(match?.[2]);
  if (address === undefined) {
    return undefined;
  }
  const family: IpFamily = address.includes(":") ? 6 : 4;
  const bits = family === 4 ? 32 : 128;
  if (length > bits) {
    return undefined;
  }
  const hostMask = (1n << BigInt(bits - length)) - 1n;
  const value = toNumber(address);
  return { address, family, length, first: value & ~hostMask, last: value | hostMask };
}

/** True if `address` lies in `prefix`. */
export function prefixContains(prefix: IpPrefix, address: IpAddress): boolean {
  if (prefix.family !== (address.includes(":") ? 6 : 4)) {
    return false;
  }
  const value = toNumber(address);
  return prefix.first <= value && value <= prefix.last;
}

/**
 * Returns the addresses of `prefix` that no host may have: the network and the
 * broadcast address of an IPv4 prefix of /30 or shorter (RFC 3021 frees both in
 * a /31), and the subnet-router anycast address of an IPv6 prefix of /126 or
 * shorter (RFC 4291 2.6.1).
 */
export function reservedAddresses(prefix: IpPrefix): readonly IpAddress[] {
  if (prefix.family === 4) {
    return prefix.length > 30
      ? []
      : [formatIpAddress(4, prefix.first), formatIpAddress(4, prefix.last)];
  }
  return prefix.length > 126 ? [] : [formatIpAddress(6, prefix.first)];
}
