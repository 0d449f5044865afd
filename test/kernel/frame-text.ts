import { fromBytes } from "../../src/core/net/ip-address.ts";

const arp = 0x0806;
const ipv6 = 0x86dd;
const vlan = 0x8100;
const solicitation = 135;
const advertisement = 136;
const optionNames = new Map([
  [1, "source"],
  [2, "destination"],
]);

/**
 * Returns what `tcpdump -e -nn -v` prints for an ARP frame, a solicitation or an advertisement, on
 * one line; for any other bytes no more than their length and what they start with.
 */
export function frameText(frame: Buffer): string {
  if (frame.length < 14) {
    return `${frame.length} bytes`;
  }
  const head = `${mac(frame, 6)} > ${mac(frame, 0)}, ethertype`;
  const type = frame.readUInt16BE(12);
  if (type !== vlan || frame.length < 18) {
    return `${head} ${typed(type, `, length ${frame.length}: `, frame.subarray(14))}`;
  }
  const tag = frame.readUInt16BE(14);
  const inside = typed(frame.readUInt16BE(16), ", ", frame.subarray(18));
  const priority = `vlan ${tag & 0xfff}, p ${tag >> 13}`;
  return `${head} 802.1Q (0x8100), length ${frame.length}: ${priority}, ethertype ${inside}`;
}

function typed(type: number, between: string, payload: Buffer): string {
  switch (type) {
    case arp:
      return `ARP (0x0806)${between}${arpText(payload)}`;
    case ipv6:
      return `IPv6 (0x86dd)${between}${ipv6Text(payload)}`;
    default:
      return `0x${type.toString(16).padStart(4, "0")}${between}${payload.length} bytes`;
  }
}

function arpText(packet: Buffer): string {
  if (packet.length < 28 || packet.readUIntBE(0, 6) !== 0x000108000604) {
    return "no ARP for IPv4 over Ethernet";
  }
  const [sender, target] = [ipv4(packet, 14), ipv4(packet, 24)];
  const operation = packet.readUInt16BE(6);
  const targetMac = mac(packet, 18) === "00:00:00:00:00:00" ? "" : ` (${mac(packet, 18)})`;
  const said = new Map([
    [1, `Request who-has ${target}${targetMac} tell ${sender}`],
    [2, `Reply ${sender} is-at ${mac(packet, 8)}`],
  ]).get(operation);
  const lengths = "Ethernet (len 6), IPv4 (len 4)";
  return `${lengths}, ${said ?? `operation ${operation}`}, length ${packet.length}`;
}

function ipv6Text(packet: Buffer): string {
  if (packet.length < 40 || packet[6] !== 58) {
    return "no ICMPv6";
  }
  const length = packet.readUInt16BE(4);
  const header = `(hlim ${packet[7]}, next-header ICMPv6 (58) payload length: ${length})`;
  const [source, destination] = [address(packet, 8), address(packet, 24)];
  const message = packet.subarray(40, 40 + length);
  const sum =
    checksumRemainder(packet, message) === 0xffff ? "[icmp6 sum ok]" : "[bad icmp6 cksum]";
  return `${header} ${source} > ${destination}: ${sum} ICMP6, ${ndpText(message)}`;
}

function ndpText(message: Buffer): string {
  const [type] = message;
  if (message.length < 24 || (type !== solicitation && type !== advertisement)) {
    return `type ${type ?? "missing"}, length ${message.length}`;
  }
  const target = address(message, 8);
  const said =
    type === solicitation
      ? `neighbor solicitation, length ${message.length}, who has ${target}`
      : `neighbor advertisement, length ${message.length}, tgt is ${target}, Flags [${flags(message)}]`;
  return [said, ...options(message.subarray(24))].join(" ");
}

function flags(message: Buffer): string {
  const byte = message[4] ?? 0;
  const names = [
    [0x80, "router"],
    [0x40, "solicited"],
    [0x20, "override"],
  ] as const;
  const set = names.filter(([bit]) => (byte & bit) !== 0).map(([, name]) => name);
  return set.length === 0 ? "none" : set.join(", ");
}

function options(bytes: Buffer): readonly string[] {
  const [type = 0, units = 0] = bytes;
  const length = units * 8;
  if (length === 0 || length > bytes.length) {
    return bytes.length === 0 ? [] : ["an option that does not fit"];
  }
  const name = optionNames.get(type);
  const head = `option (${type}), length ${length} (${units})`;
  const text = name === undefined ? head : `${name} link-address ${head}: ${mac(bytes, 2)}`;
  return [text, ...options(bytes.subarray(length))];
}

/** RFC 4443 2.3: 0xffff where the checksum is right. */
function checksumRemainder(packet: Buffer, message: Buffer): number {
  const tail = Buffer.alloc(8);
  tail.writeUInt32BE(message.length, 0);
  tail.writeUInt8(58, 7);
  const all = Buffer.concat([
    packet.subarray(8, 40),
    tail,
    message,
    Buffer.alloc(message.length % 2),
  ]);
  let sum = 0;
  for (let at = 0; at < all.length; at += 2) {
    sum += all.readUInt16BE(at);
  }
  while (sum > 0xffff) {
    sum = (sum & 0xffff) + (sum >>> 16);
  }
  return sum;
}

function mac(bytes: Buffer, at: number): string {
  return bytes.toString("hex", at, at + 6).replace(/..(?=.)/g, "$&:");
}

function ipv4(bytes: Buffer, at: number): string {
  return [...bytes.subarray(at, at + 4)].join(".");
}

function address(bytes: Buffer, at: number): string {
  return fromBytes(bytes.subarray(at, at + 16));
}
