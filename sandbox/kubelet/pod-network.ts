import { createHash, randomUUID } from "node:crypto";
import { formatIpAddress, type IpAddress } from "../../src/core/net/ip-address.ts";
import { type IpPrefix, parseIpPrefix } from "../../src/core/net/ip-prefix.ts";
import { run, runOrThrow } from "../command.ts";

/** An address that a Pod holds, and the node's end of its link. */
export interface PodAddress {
  readonly address: IpAddress;
  readonly gateway: IpAddress;
}

/** The addresses of a node's Pod CIDRs, given out lowest first: .1 is the node's end, Pods start at .2. */
export class PodAddressPool {
  readonly #prefixes: readonly IpPrefix[];
  readonly #taken = new Set<number>();

  constructor(podCIDRs: readonly string[]) {
    this.#prefixes = podCIDRs.map((text) => {
      const prefix = parseIpPrefix(text);
      if (prefix === undefined) {
        throw new Error(`Pod CIDR ${JSON.stringify(text)} is no prefix`);
      }
      return prefix;
    });
  }

  /** Returns a slot, the same offset in every CIDR. Throws when the smallest CIDR is full. */
  take(): number {
    let slot = 2;
    while (this.#taken.has(slot)) {
      slot++;
    }
    if (this.#prefixes.some((prefix) => prefix.first + BigInt(slot) >= prefix.last)) {
      throw new Error("No address is left in the Pod CIDR of this node");
    }
    this.#taken.add(slot);
    return slot;
  }

  release(slot: number): void {
    this.#taken.delete(slot);
  }

  /** The addresses of `slot`, one per CIDR, in the order of the CIDRs. */
  addresses(slot: number): readonly PodAddress[] {
    return this.#prefixes.map(({ family, first }) => ({
      address: formatIpAddress(family, first + BigInt(slot)),
      gateway: formatIpAddress(family, first + 1n),
    }));
  }
}

/** A network namespace with one leg in its node. */
export interface PodNetwork {
  readonly netns: string;
  readonly addresses: readonly IpAddress[];
}

/**
 * Makes a network namespace for a Pod, joined to the node's by a veth pair.
 * The link is point to point: the node routes the Pod's addresses to it, the
 * Pod routes everything to the node. Names are new each time, so a Pod that is
 * still being taken down never stands in the way of the next one.
 */
export async function createPodNetwork(
  nodeNetns: string,
  addresses: readonly PodAddress[],
): Promise<PodNetwork> {
  const id = createHash("sha256").update(randomUUID()).digest("hex").slice(0, 10);
  const netns = `pod-${id}`;
  const link = `veth${id}`;
  await runOrThrow(["ip", "netns", "add", netns]);
  const inNode = [
    `link add ${link} type veth peer name eth0 netns ${netns}`,
    `link set ${link} up`,
    ...addresses.flatMap(({ address, gateway }) => [
      `addr add ${hostPrefix(gateway)} dev ${link} ${withoutDad(gateway)}`,
      `route add ${hostPrefix(address)} dev ${link}`,
    ]),
  ];
  const inPod = [
    "link set lo up",
    "link set eth0 up",
    ...addresses.flatMap(({ address, gateway }) => [
      `addr add ${hostPrefix(address)} dev eth0 ${withoutDad(address)}`,
      `route add ${hostPrefix(gateway)} dev eth0`,
      `route add default via ${gateway} dev eth0`,
    ]),
  ];
  try {
    await ipBatch(nodeNetns, inNode);
    await ipBatch(netns, inPod);
  } catch (error) {
    await removePodNetwork(netns);
    throw error;
  }
  return { netns, addresses: addresses.map(({ address }) => address) };
}

/** Deletes the namespace, and with it the veth pair. Does nothing when it is gone. */
export async function removePodNetwork(netns: string): Promise<void> {
  await run(["ip", "netns", "delete", netns]);
}

function ipBatch(netns: string, lines: readonly string[]): Promise<string> {
  return runOrThrow(["ip", "-n", netns, "-batch", "-"], { input: `${lines.join("\n")}\n` });
}

function hostPrefix(address: IpAddress): string {
  return address.includes(":") ? `${address}/128` : `${address}/32`;
}

/** Duplicate address detection would hold an IPv6 address back for a second. */
function withoutDad(address: IpAddress): string {
  return address.includes(":") ? "nodad" : "";
}
