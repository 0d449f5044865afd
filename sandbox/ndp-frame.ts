import { fromBytes } from "../src/core/net/ip-address.ts";

/** A neighbor advertisement (RFC 4861 4.4) with the Ethernet addresses around it. */
export interface AdvertisementFrame {
  readonly ethernetSource: string;
  readonly ethernetDestination: string;
  /** The address that it tells of. */
  readonly target: string;
  /** The hardware address in its option; empty without one. */
  readonly targetMac: string;
  readonly solicited: boolean;
  readonly override: boolean;
}

const ipv6EtherType = 0x86dd;
const icmpv6 = 58;
const advertisement = 136;
const flag = { solicited: 0x40, override: 0x20 } as const;
/** Where things stand behind the Ethernet header: RFC 8200 3, RFC 4861 4.4. */
const at = { nextHeader: 20, type: 54, flags: 58, target: 62, option: 78, end: 86 } as const;
const targetMacOption = 2;

/** Parses an untagged Ethernet frame; undefined when it is no advertisement without extension headers. */
export function parseAdvertisement(frame: Buffer): AdvertisementFrame | undefined {
  if (
    frame.length < at.option ||
    frame.readUInt16BE(12) !== ipv6EtherType ||
    frame[at.nextHeader] !== icmpv6 ||
    frame[at.type] !== advertisement
  ) {
    return undefined;
  }
  const flags = frame.readUInt8(at.flags);
  const hasMac = frame.length >= at.end && frame[at.option] === targetMacOption;
  return {
    ethernetDestination: mac(frame, 0),
    ethernetSource: mac(frame, 6),
    target: fromBytes(frame.subarray(at.target, at.option)),
    targetMac: hasMac ? mac(frame, at.option + 2) : "",
    solicited: (flags & flag.solicited) !== 0,
    override: (flags & flag.override) !== 0,
  };
}

function mac(bytes: Buffer, start: number): string {
  return bytes.toString("hex", start, start + 6).replace(/..(?=.)/g, "$&:");
}
