import { peerAddress, peerMac } from "./lan.ts";

/** The fields of an ARP frame that tests set; all else is that of a correct request by the peer. */
export interface ArpFields {
  readonly destination?: string;
  readonly source?: string;
  /** In hex, such as `81000005` for VLAN 5. */
  readonly tag?: string;
  readonly hardwareType?: string;
  readonly protocolType?: string;
  readonly hardwareLength?: string;
  readonly protocolLength?: string;
  readonly operation?: 1 | 2 | 3;
  readonly senderMac?: string;
  readonly senderAddress?: string;
  readonly targetMac?: string;
  readonly targetAddress: string;
}

/** Returns an ARP frame in hex, without padding. */
export function arpFrame(fields: ArpFields): string {
  return [
    macHex(fields.destination ?? "ff:ff:ff:ff:ff:ff"),
    macHex(fields.source ?? peerMac),
    fields.tag ?? "",
    "0806",
    fields.hardwareType ?? "0001",
    fields.protocolType ?? "0800",
    fields.hardwareLength ?? "06",
    fields.protocolLength ?? "04",
    `000${fields.operation ?? 1}`,
    macHex(fields.senderMac ?? peerMac),
    addressHex(fields.senderAddress ?? peerAddress),
    macHex(fields.targetMac ?? "00:00:00:00:00:00"),
    addressHex(fields.targetAddress),
  ].join("");
}

/** Returns the frame that must answer such a request, padded as sent. */
export function arpReply(fields: {
  address: string;
  mac: string;
  to?: string;
  toAddress?: string;
}): string {
  return padded(
    arpFrame({
      destination: fields.to ?? peerMac,
      source: fields.mac,
      operation: 2,
      senderMac: fields.mac,
      senderAddress: fields.address,
      targetMac: fields.to ?? peerMac,
      targetAddress: fields.toAddress ?? peerAddress,
    }),
  );
}

/** Returns `frame` with zeros up to the smallest Ethernet frame. */
export function padded(frame: string): string {
  return frame.padEnd(120, "0");
}

function macHex(mac: string): string {
  return mac.replaceAll(":", "");
}

function addressHex(address: string): string {
  return address
    .split(".")
    .map((byte) => Number(byte).toString(16).padStart(2, "0"))
    .join("");
}
