import { parseIpAddress, toBytes } from "../../src/core/net/ip-address.ts";
import { nodeMac, peerAddress6, peerMac } from "./lan.ts";

/** ICMPv6 types of RFC 4861. */
export const solicitation = 135;
export const advertisement = 136;

/** The fields of a neighbor discovery frame that tests set; all else is that of a correct solicitation by the peer. */
export interface NdpFields {
  readonly destinationMac?: string;
  readonly sourceMac?: string;
  /** In hex, such as `81000005` for VLAN 5. */
  readonly tag?: string;
  readonly hopLimit?: number;
  readonly source?: string;
  /** By default the target's solicited-node group. */
  readonly destination?: string;
  readonly type?: number;
  readonly code?: number;
  /** The byte with R, S and O of an advertisement. */
  readonly flags?: number;
  readonly target: string;
  /** In hex; by default the peer's hardware address. */
  readonly options?: string;
  /** By default the right one. */
  readonly checksum?: number;
}

/** Returns a neighbor discovery frame in hex. */
export function ndpFrame(fields: NdpFields): string {
  const destination = fields.destination ?? solicitedNode(fields.target);
  const message = messageOf(fields);
  const addresses = Buffer.concat([bytesOf(fields.source ?? peerAddress6), bytesOf(destination)]);
  message.writeUInt16BE(fields.checksum ?? checksum(addresses, message), 2);
  const header = Buffer.from("6000000000003aff", "hex");
  header.writeUInt16BE(message.length, 4);
  header.writeUInt8(fields.hopLimit ?? 255, 7);
  return [
    macHex(fields.destinationMac ?? macOfGroup(destination)),
    macHex(fields.sourceMac ?? peerMac),
    fields.tag ?? "",
    "86dd",
    ...[header, addresses, message].map((part) => part.toString("hex")),
  ].join("");
}

/** Returns the advertisement with which a host at `mac` must answer the peer, or all where `toAll`. */
export function ndpAnswer(fields: {
  address: string;
  mac?: string;
  to?: string;
  toMac?: string;
}): string {
  const mac = fields.mac ?? nodeMac;
  return ndpFrame({
    type: advertisement,
    flags: 0x60,
    destinationMac: fields.toMac ?? peerMac,
    sourceMac: mac,
    source: fields.address,
    destination: fields.to ?? peerAddress6,
    target: fields.address,
    options: macOption(2, mac),
  });
}

/** Returns the unsolicited advertisement of `address` at `mac`. */
export function ndpAnnouncement(address: string, mac: string = nodeMac): string {
  return ndpFrame({
    type: advertisement,
    flags: 0x20,
    sourceMac: mac,
    source: address,
    destination: "ff02::1",
    target: address,
    options: macOption(2, mac),
  });
}

/** Returns the option with a hardware address: 1 the source's, 2 the target's. */
export function macOption(kind: 1 | 2, mac: string): string {
  return `0${kind}01${macHex(mac)}`;
}

/** Returns the group in which the owner of `address` is asked for. */
export function solicitedNode(address: string): string {
  const [a, b, c] = [...bytesOf(address).subarray(13)].map((byte) =>
    byte.toString(16).padStart(2, "0"),
  );
  return `ff02::1:ff${a}:${b}${c}`;
}

function macOfGroup(group: string): string {
  return `3333${bytesOf(group).subarray(12).toString("hex")}`;
}

function messageOf(fields: NdpFields): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt8(fields.type ?? solicitation, 0);
  head.writeUInt8(fields.code ?? 0, 1);
  head.writeUInt8(fields.flags ?? 0, 4);
  const options = Buffer.from(fields.options ?? macOption(1, peerMac), "hex");
  return Buffer.concat([head, bytesOf(fields.target), options]);
}

/** RFC 4443 2.3, over the pseudo-header. */
function checksum(addresses: Buffer, message: Buffer): number {
  const tail = Buffer.alloc(8);
  tail.writeUInt32BE(message.length, 0);
  tail.writeUInt8(58, 7);
  const all = Buffer.concat([addresses, tail, message, Buffer.alloc(message.length % 2)]);
  let sum = 0;
  for (let at = 0; at < all.length; at += 2) {
    sum += all.readUInt16BE(at);
  }
  while (sum > 0xffff) {
    sum = (sum & 0xffff) + (sum >>> 16);
  }
  return ~sum & 0xffff;
}

function bytesOf(text: string): Buffer {
  const address = parseIpAddress(text);
  if (address === undefined) {
    throw new RangeError(`No address: ${text}`);
  }
  return Buffer.from(toBytes(address));
}

function macHex(mac: string): string {
  return mac.replaceAll(":", "");
}
