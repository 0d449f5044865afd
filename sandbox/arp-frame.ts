/** An ARP packet for IPv4 over Ethernet (RFC 826) with the Ethernet addresses around it. */
export interface ArpFrame {
  readonly operation: "request" | "reply";
  readonly ethernetSource: string;
  readonly ethernetDestination: string;
  readonly senderMac: string;
  readonly senderIp: string;
  readonly targetMac: string;
  readonly targetIp: string;
  /** Announces its sender (RFC 5227 section 3): sender and target address are the same. */
  readonly gratuitous: boolean;
}

const arpEtherType = 0x0806;
/** Hardware type Ethernet, protocol type IPv4, address lengths 6 and 4. */
const ethernetIpv4 = Buffer.from([0, 1, 8, 0, 6, 4]);
const arpStart = 14;
const arpEnd = arpStart + 28;

/** Parses an untagged Ethernet frame; undefined when it is no ARP request or reply. */
export function parseArpFrame(frame: Buffer): ArpFrame | undefined {
  if (frame.length < arpEnd || frame.readUInt16BE(12) !== arpEtherType) {
    return undefined;
  }
  const arp = frame.subarray(arpStart, arpEnd);
  const operation = arp.readUInt16BE(6);
  if (!arp.subarray(0, 6).equals(ethernetIpv4) || (operation !== 1 && operation !== 2)) {
    return undefined;
  }
  const senderIp = ip(arp, 14);
  const targetIp = ip(arp, 24);
  return {
    operation: operation === 1 ? "request" : "reply",
    ethernetDestination: mac(frame, 0),
    ethernetSource: mac(frame, 6),
    senderMac: mac(arp, 8),
    senderIp,
    targetMac: mac(arp, 18),
    targetIp,
    gratuitous: senderIp === targetIp,
  };
}

function mac(bytes: Buffer, at: number): string {
  return bytes.toString("hex", at, at + 6).replace(/..(?=.)/g, "$&:");
}

function ip(bytes: Buffer, at: number): string {
  return [...bytes.subarray(at, at + 4)].join(".");
}
