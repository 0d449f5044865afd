import { createHash } from "node:crypto";
import type { IpAddress } from "../net/ip-address.ts";

/**
 * Returns `nodes` in the order in which they should announce `address`: by
 * `sha256(node + "#" + address)`, lowest first.
 *
 * The formula is MetalLB's, so a cluster that moves over keeps its announcers.
 */
export function rankNodes(nodes: readonly string[], address: IpAddress): readonly string[] {
  const rank = new Map(nodes.map((node) => [node, hash(node, address)]));
  return [...nodes].sort((a, b) => ((rank.get(a) as string) < (rank.get(b) as string) ? -1 : 1));
}

/**
 * Returns the node that should announce `address`, or `undefined` without any.
 *
 * The first in rank whose load is not above 1.25 times the mean plus one; `load`
 * tells how many addresses a node announces already.
 */
export function electNode(
  nodes: readonly string[],
  address: IpAddress,
  load: (node: string) => number,
): string | undefined {
  const limit = loadLimit(nodes, load);
  const ranked = rankNodes(nodes, address);
  return ranked.find((node) => load(node) <= limit) ?? ranked[0];
}

/** How many addresses one of `nodes` may have without having clearly more than the others. */
export function loadLimit(nodes: readonly string[], load: (node: string) => number): number {
  const total = nodes.reduce((sum, node) => sum + load(node), 0);
  return (1.25 * total) / nodes.length + 1;
}

function hash(node: string, address: IpAddress): string {
  return createHash("sha256").update(`${node}#${address}`).digest("hex");
}
