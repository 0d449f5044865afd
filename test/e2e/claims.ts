import type { CapturedFrame } from "../../sandbox/capture.ts";
import { allocationName } from "../../src/core/model/ip-allocation.ts";
import type { IpAddress } from "../../src/core/net/ip-address.ts";

/** A frame that says that a host has an address. */
export interface Claim {
  readonly mac: string;
  /** Milliseconds since 1970, with fractions. */
  readonly timeMs: number;
}

/** The frames that claim `address`, in order: ARP of any kind, or neighbor advertisements (RFC 4861 4.4). */
export function claimsOf(frames: readonly CapturedFrame[], address: string): readonly Claim[] {
  return frames.flatMap(({ arp, bytes, timeMs }) => {
    const claims = address.includes(":")
      ? advertisedTarget(bytes) === allocationName(address as IpAddress).replaceAll("-", "")
      : arp?.senderIp === address;
    return claims ? [{ mac: sourceOf(bytes), timeMs }] : [];
  });
}

/** The target of a neighbor advertisement, in hex; undefined of another frame. */
function advertisedTarget(frame: Buffer): string | undefined {
  const isAdvertisement =
    frame.length >= 78 &&
    frame.readUInt16BE(12) === 0x86dd &&
    frame[20] === 58 &&
    frame[54] === 136;
  return isAdvertisement ? frame.toString("hex", 62, 78) : undefined;
}

function sourceOf(frame: Buffer): string {
  return frame.toString("hex", 6, 12).replace(/..(?=.)/g, "$&:");
}
