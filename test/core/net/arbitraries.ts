import fc from "fast-check";
import {
  formatIpAddress,
  type IpAddress,
  parseIpAddress,
} from "../../../src/core/net/ip-address.ts";
import { type IpRange, parseIpRange } from "../../../src/core/net/ip-range.ts";

/** Any IPv4 address. */
export const ipv4 = fc
  .bigInt({ min: 0n, max: (1n << 32n) - 1n })
  .map((value) => formatIpAddress(4, value));

/** IPv6 addresses, many of them with runs of zero groups. */
export const ipv6 = fc
  .array(fc.oneof(fc.constant(0n), fc.bigInt({ min: 0n, max: 0xffffn })), {
    minLength: 8,
    maxLength: 8,
  })
  .map((groups) =>
    formatIpAddress(
      6,
      groups.reduce((value, group) => (value << 16n) | group, 0n),
    ),
  );

export const ipAddress = fc.oneof(ipv4, ipv6);

/** The address that a literal spells; a literal that spells none is a mistake in the test. */
export function ip(text: string): IpAddress {
  const address = parseIpAddress(text);
  if (address === undefined) {
    throw new Error(`${text} is not an address`);
  }
  return address;
}

/** The range that an entry of `spec.addresses` spells, likewise. */
export function range(text: string): IpRange {
  const parsed = parseIpRange(text);
  if (!parsed.ok) {
    throw new Error(parsed.error);
  }
  return parsed.range;
}
