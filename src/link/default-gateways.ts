import { readFileSync } from "node:fs";
import { fromBytes, type IpAddress } from "../core/net/ip-address.ts";

/** RTF_GATEWAY of linux/route.h: the route goes through another host. */
const throughGateway = 0x2;

/**
 * Returns the default gateways of this network namespace, IPv4 and IPv6, as the
 * kernel's route tables tell in procfs. None is a normal answer.
 */
export function readDefaultGateways(): readonly IpAddress[] {
  return [...new Set([...ipv4Gateways(), ...ipv6Gateways()])];
}

/** `/proc/net/route`: Iface Destination Gateway Flags … Mask; addresses in host byte order. */
function ipv4Gateways(): readonly IpAddress[] {
  return lines("/proc/net/route").flatMap((line) => {
    const [, destination, gateway = "", flags, , , , mask] = line.split("\t");
    const isDefault = destination === "00000000" && mask === "00000000";
    if (!isDefault || (Number.parseInt(flags ?? "0", 16) & throughGateway) === 0) {
      return [];
    }
    return [fromBytes(Buffer.from(gateway, "hex").reverse())];
  });
}

/** `/proc/net/ipv6_route`: destination length source length gateway metric refcount use flags iface. */
function ipv6Gateways(): readonly IpAddress[] {
  return lines("/proc/net/ipv6_route").flatMap((line) => {
    const [destination, length, , , gateway = "", , , , flags] = line.split(/ +/);
    const isDefault = /^0+$/.test(destination ?? "") && length === "00";
    if (!isDefault || (Number.parseInt(flags ?? "0", 16) & throughGateway) === 0) {
      return [];
    }
    return [fromBytes(Buffer.from(gateway, "hex"))];
  });
}

function lines(path: string): readonly string[] {
  try {
    return readFileSync(path, "utf8").split("\n");
  } catch {
    // A kernel without IPv6 has no such file, and no such gateway.
    return [];
  }
}
