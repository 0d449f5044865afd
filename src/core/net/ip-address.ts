import { isIPv4, isIPv6 } from "node:net";
import ipaddr from "ipaddr.js";

/**
 * An IP address in canonical text: dotted decimal, or RFC 5952. Two equal
 * addresses are the same string, so `Map`, `Set` and `===` compare by value.
 */
export type IpAddress = string & { readonly brand: "IpAddress" };

const zeroCode = "0".charCodeAt(0);
const colonCode = ":".charCodeAt(0);
/** Less ten, so that the code of a digit from `a` on less this is its value. */
const tenCode = "a".charCodeAt(0) - 10;

/** IPv4 or IPv6. */
export type IpFamily = 4 | 6;

/**
 * Returns the address that `text` spells, or `undefined` if it spells none.
 *
 * Strict on purpose: `node:net` decides what is an address, because ipaddr.js
 * alone reads `010.0.0.1` as 8.0.0.1 and `10` as 0.0.0.10. Zone identifiers
 * (`fe80::1%eth0`) are refused; an IPv4-mapped IPv6 address stays IPv6.
 */
export function parseIpAddress(text: string): IpAddress | undefined {
  if (isIPv4(text)) {
    return text as IpAddress;
  }
  if (!isIPv6(text) || text.includes("%")) {
    return undefined;
  }
  return formatIpAddress(6, bytesToNumber(parseIpv6Bytes(text)));
}

/** Returns the family of `address`. */
export function familyOf(address: IpAddress): IpFamily {
  return address.includes(":") ? 6 : 4;
}

/** Returns `address` as a number: 32 bits for IPv4, 128 for IPv6. */
export function toNumber(address: IpAddress): bigint {
  return familyOf(address) === 4 ? BigInt(ipv4Number(address)) : ipv6Number(address);
}

/** Returns the 4 or 16 bytes of `address` in network order. */
export function toBytes(address: IpAddress): Uint8Array {
  return familyOf(address) === 4
    ? Uint8Array.from(address.split("."), Number)
    : parseIpv6Bytes(address);
}

/** Returns the address whose 4 or 16 bytes in network order are given. Any other length is a bug. */
export function fromBytes(bytes: Uint8Array): IpAddress {
  if (bytes.length !== 4 && bytes.length !== 16) {
    throw new RangeError(`Cannot read an address: 4 or 16 bytes expected, got ${bytes.length}`);
  }
  return formatIpAddress(bytes.length === 4 ? 4 : 6, bytesToNumber(bytes));
}

/** Returns the address of `family` that has the number `value`; the inverse of {@link toNumber}. */
export function formatIpAddress(family: IpFamily, value: bigint): IpAddress {
  if (family === 4) {
    const n = Number(value);
    return `${n >>> 24}.${(n >>> 16) & 255}.${(n >>> 8) & 255}.${n & 255}` as IpAddress;
  }
  return formatIpv6(value) as IpAddress;
}

/** Orders addresses: IPv4 before IPv6, then by number. */
export function compareIpAddresses(a: IpAddress, b: IpAddress): number {
  const byFamily = familyOf(a) - familyOf(b);
  if (byFamily !== 0) {
    return byFamily;
  }
  const [x, y] = [toNumber(a), toNumber(b)];
  return x < y ? -1 : x > y ? 1 : 0;
}

/** Loopback, link-local, multicast, unspecified, broadcast or IPv4-mapped: never an address of a Service. */
export function isNeverAssignable(address: IpAddress): boolean {
  const range = ipaddr.parse(address).range();
  return (
    range === "loopback" ||
    range === "linkLocal" ||
    range === "multicast" ||
    range === "unspecified" ||
    range === "broadcast" ||
    range === "ipv4Mapped"
  );
}

function parseIpv6Bytes(text: string): Uint8Array {
  // ipaddr.js misreads an embedded dotted quad (`::1.2.3.4`), so it is turned into two groups first.
  const dotted = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(text);
  if (dotted === null) {
    return Uint8Array.from(ipaddr.IPv6.parse(text).toByteArray());
  }
  const [a, b, c, d] = dotted.slice(2).map(Number) as [number, number, number, number];
  const groups = `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
  return Uint8Array.from(ipaddr.IPv6.parse(`${dotted[1]}${groups}`).toByteArray());
}

/** Each decision does this several times, so it makes no arrays on the way. */
function ipv4Number(address: IpAddress): number {
  let [value, part] = [0, 0];
  for (let at = 0; at < address.length; at += 1) {
    const digit = address.charCodeAt(at) - zeroCode;
    if (digit < 0) {
      value = value * 256 + part;
      part = 0;
    } else {
      part = part * 10 + digit;
    }
  }
  return value * 256 + part;
}

/** Canonical text has no dotted quad, and at most one `::`. */
function ipv6Number(address: IpAddress): bigint {
  const groups = [0, 0, 0, 0, 0, 0, 0, 0];
  let [at, group] = [0, 0];
  let gapAt: number | undefined;
  for (let index = 0; index <= address.length; index += 1) {
    const code = index === address.length ? colonCode : address.charCodeAt(index);
    if (code !== colonCode) {
      group = group * 16 + (code < colonCode ? code - zeroCode : code - tenCode);
    } else if (index > 0 && address.charCodeAt(index - 1) === colonCode) {
      gapAt = at;
    } else if (index > 0) {
      groups[at] = group;
      group = 0;
      at += 1;
    }
  }
  return groupsToNumber(gapAt === undefined ? groups : spread(groups, gapAt, at));
}

/** Moves the groups from `gapAt` on, of `count`, to the end. */
function spread(groups: readonly number[], gapAt: number, count: number): readonly number[] {
  const zeros = groups.slice(count);
  return [...groups.slice(0, gapAt), ...zeros, ...groups.slice(gapAt, count)];
}

function groupsToNumber(groups: readonly number[]): bigint {
  let value = 0n;
  for (let at = 0; at < groups.length; at += 2) {
    value = (value << 32n) | BigInt((groups[at] ?? 0) * 65_536 + (groups[at + 1] ?? 0));
  }
  return value;
}

function bytesToNumber(bytes: Uint8Array): bigint {
  let value = 0n;
  for (const byte of bytes) {
    value = (value << 8n) | BigInt(byte);
  }
  return value;
}

/** RFC 5952: lower case, no leading zeros, the first longest run of two or more zero groups as `::`. */
function formatIpv6(value: bigint): string {
  const groups: number[] = [];
  for (let shift = 112n; shift >= 0n; shift -= 16n) {
    groups.push(Number((value >> shift) & 0xffffn));
  }
  const [start, length] = longestZeroRun(groups);
  const text = (part: readonly number[]): string => part.map((g) => g.toString(16)).join(":");
  return length < 2
    ? text(groups)
    : `${text(groups.slice(0, start))}::${text(groups.slice(start + length))}`;
}

function longestZeroRun(groups: readonly number[]): readonly [start: number, length: number] {
  let best: readonly [number, number] = [0, 0];
  let start = 0;
  for (const [index, group] of groups.entries()) {
    if (group !== 0) {
      start = index + 1;
    } else if (index + 1 - start > best[1]) {
      best = [start, index + 1 - start];
    }
  }
  return best;
}
