import { fromBytes, type IpAddress, toBytes } from "../core/net/ip-address.ts";

/** The addon holds addresses of both families as sixteen bytes. */
const length = 16;
/** Where an IPv4 address stands in the IPv6 address that it maps to, behind `::ffff` (RFC 4291 2.5.5.2). */
const mappedAt = 12;
const mappedPrefix = "00000000000000000000ffff";

/** True for an IPv6 address that stands for an IPv4 one; the addon would take it for that. */
export function isMappedAddress(address: IpAddress): boolean {
  return /^::ffff:[0-9a-f]+:[0-9a-f]+$/.test(address);
}

/** Returns the addresses, none of them {@link isMappedAddress}, as the addon takes them. */
export function packAddresses(addresses: readonly IpAddress[]): Uint8Array {
  const packed = new Uint8Array(addresses.length * length);
  for (const [index, address] of addresses.entries()) {
    const bytes = toBytes(address);
    const at = index * length;
    if (bytes.length === length) {
      packed.set(bytes, at);
    } else {
      packed.set([0xff, 0xff, ...bytes], at + mappedAt - 2);
    }
  }
  return packed;
}

/** Returns the address that the addon tells in sixteen bytes. */
export function unpackAddress(bytes: Uint8Array): IpAddress {
  const isMapped =
    Buffer.from(bytes.buffer, bytes.byteOffset, mappedAt).toString("hex") === mappedPrefix;
  return isMapped ? (bytes.subarray(mappedAt).join(".") as IpAddress) : fromBytes(bytes);
}
