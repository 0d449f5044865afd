import type { IpAddress } from "../net/ip-address.ts";
import { type IpPrefix, prefixContains } from "../net/ip-prefix.ts";
import { lookoutMax } from "./lookout.ts";

/** So many of the addresses that a pool gives next are looked for ahead, of each family. */
export const aheadPerPool = 16;

/** A part of a node's network: an interface that speaks ARP and neighbor discovery, and its subnets. */
export interface Segment {
  readonly name: string;
  readonly usable: boolean;
  readonly prefixes: readonly IpPrefix[];
}

/** A speaker that could look for addresses. */
export interface Asker {
  readonly node: string;
  readonly interfaces: readonly Segment[];
}

export interface QuestionPlan {
  /** The addresses that each pool gives next, of each family. */
  readonly next: readonly (readonly IpAddress[])[];
  readonly quarantined: readonly IpAddress[];
  /** Those that live, in an order that lasts. */
  readonly speakers: readonly Asker[];
  /** What each is asked for now. */
  readonly present: ReadonlyMap<string, readonly IpAddress[]>;
}

/** The interface on whose segment a host with the address would be, if it is on any of them. */
export function segmentOf(interfaces: readonly Segment[], address: IpAddress): string | undefined {
  let best: { readonly name: string; readonly length: number } | undefined;
  for (const { name, usable, prefixes } of interfaces) {
    for (const prefix of usable ? prefixes : []) {
      if (prefixContains(prefix, address) && prefix.length > (best?.length ?? 0)) {
        best = { name, length: prefix.length };
      }
    }
  }
  return best?.name;
}

/**
 * Returns which speaker is to look for which addresses: one for each address, the first with a
 * subnet that holds it, or whoever does already. What nobody has on a subnet is not looked for.
 *
 * What is looked for ahead is filled up only when half of it is used up, and what was given out
 * meanwhile stays until then: a grant costs no write of its own.
 */
export function planQuestions(plan: QuestionPlan): ReadonlyMap<string, readonly IpAddress[]> {
  const { speakers, present } = plan;
  const wanted = new Set([
    ...plan.quarantined,
    ...plan.next.flatMap((window) => enoughOf(window, askedIn(plan))),
  ]);
  const lists = new Map<string, IpAddress[]>(speakers.map(({ node }) => [node, []]));
  const askerNow = new Map<IpAddress, string>();
  for (const [node, addresses] of present) {
    for (const address of addresses) {
      askerNow.set(address, node);
    }
  }
  for (const address of wanted) {
    const able = speakers.filter(({ interfaces }) => segmentOf(interfaces, address) !== undefined);
    const asker = able.find(({ node }) => node === askerNow.get(address)) ?? able[0];
    const list = lists.get(asker?.node ?? "");
    if (list !== undefined && list.length < lookoutMax) {
      list.push(address);
    }
  }
  return new Map([...lists].map(([node, fresh]) => [node, settled(fresh, present.get(node))]));
}

function askedIn({ present }: QuestionPlan): ReadonlySet<IpAddress> {
  return new Set([...present.values()].flat());
}

function enoughOf(
  window: readonly IpAddress[],
  asked: ReadonlySet<IpAddress>,
): readonly IpAddress[] {
  const kept = window.filter((address) => asked.has(address));
  return 2 * kept.length >= window.length ? kept : window;
}

/** The present list where it asks for all that is wanted and for little more. */
function settled(
  fresh: readonly IpAddress[],
  present: readonly IpAddress[] = [],
): readonly IpAddress[] {
  const has = new Set(present);
  const isEnough = fresh.every((address) => has.has(address));
  return isEnough && present.length - fresh.length <= aheadPerPool && fresh.length > 0
    ? present
    : fresh;
}
