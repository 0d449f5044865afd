import type { IpAddress } from "../net/ip-address.ts";
import { electNode, loadLimit } from "./elect.ts";
import type { Candidate } from "./eligibility.ts";
import { bestOf } from "./tiers.ts";

/** Addresses that may be announced by the same nodes. */
export interface BalancedGroup {
  /** What tells it from others. */
  readonly key: string;
  readonly candidates: readonly Candidate[];
  /** Those of the group that a node announces, in any order. */
  readonly addressesOf: (node: string) => readonly IpAddress[];
}

/** What is remembered from one look to the next. */
export interface BalanceState {
  /** Since when a node has what others should have, by group, node and reason. */
  readonly since: ReadonlyMap<string, number>;
  /** When addresses were moved by this; those of long ago are forgotten. */
  readonly movedAt: ReadonlyMap<IpAddress, number>;
}

/** An address that should be announced by another node, though the present one can. */
export interface Move {
  readonly address: IpAddress;
  readonly from: string;
  readonly to: string;
  readonly reason: "NodePreferred" | "NodeLoad";
}

/** Of all addresses at most this share moves at one look, but always one. */
const shareMoved = 0.01;

/** Nothing was ever out of balance. */
export const balanced: BalanceState = { since: new Map(), movedAt: new Map() };

/**
 * Looks whether addresses should move, lazily: only what has been on a node that is not
 * preferred, or that has clearly more than the others, for all of `afterMs`; few at a
 * look; none that was moved within that time; none to a node with a reserve.
 *
 * @param loads how many addresses each node announces, of all groups
 */
export function rebalance(
  before: BalanceState,
  groups: Iterable<BalancedGroup>,
  loads: ReadonlyMap<string, number>,
  { now, afterMs }: { readonly now: number; readonly afterMs: number },
): { readonly state: BalanceState; readonly moves: readonly Move[] } {
  const since = new Map<string, number>();
  const movedAt = new Map([...before.movedAt].filter(([, at]) => now - at < afterMs));
  const total = [...loads.values()].reduce((sum, load) => sum + load, 0);
  const round = new Round(new Map(loads), movedAt, Math.max(1, Math.floor(shareMoved * total)));
  for (const group of groups) {
    for (const burden of burdensOf(group, round.load)) {
      const key = `${group.key} ${burden.node} ${burden.reason}`;
      const seen = before.since.get(key) ?? now;
      since.set(key, seen);
      if (now - seen >= afterMs) {
        round.relieve(group, burden);
      }
    }
  }
  for (const { address } of round.moves) {
    movedAt.set(address, now);
  }
  return { state: { since, movedAt }, moves: round.moves };
}

/** A node that has what others should have, and those others. */
interface Burden {
  readonly node: string;
  readonly reason: Move["reason"];
  readonly heirs: readonly string[];
  /** Those among which the load should be even. */
  readonly peers: readonly string[];
}

function burdensOf(
  { candidates }: BalancedGroup,
  load: (node: string) => number,
): readonly Burden[] {
  const best = bestOf(candidates);
  const [{ preference = 0, reserve } = {}] = best;
  if (reserve !== undefined) {
    return [];
  }
  const heirs = best.map(({ node }) => node);
  return candidates.flatMap((candidate): readonly Burden[] => {
    const { node } = candidate;
    const peers = heirs.includes(node) ? heirs : [...heirs, node];
    if (candidate.preference < preference) {
      return [{ node, reason: "NodePreferred", heirs, peers }];
    }
    return load(node) > loadLimit(peers, load) ? [{ node, reason: "NodeLoad", heirs, peers }] : [];
  });
}

/** The moves of one look. */
class Round {
  readonly moves: Move[] = [];
  readonly load = (node: string): number => this.#loads.get(node) ?? 0;
  readonly #loads: Map<string, number>;
  readonly #rested: (address: IpAddress) => boolean;
  readonly #budget: number;

  constructor(loads: Map<string, number>, movedAt: ReadonlyMap<IpAddress, number>, budget: number) {
    this.#loads = loads;
    this.#rested = (address) => !movedAt.has(address);
    this.#budget = budget;
  }

  relieve(group: BalancedGroup, { node, reason, heirs, peers }: Burden): void {
    for (const address of group.addressesOf(node).filter(this.#rested)) {
      const isOver = reason === "NodePreferred" || this.load(node) > loadLimit(peers, this.load);
      if (this.moves.length >= this.#budget || !isOver) {
        return;
      }
      const fit = reason === "NodePreferred" ? heirs : this.#lighter(node, heirs);
      const to = electNode(fit, address, this.load);
      if (to === undefined) {
        return;
      }
      this.moves.push({ address, from: node, to, reason });
      this.#loads.set(node, this.load(node) - 1);
      this.#loads.set(to, this.load(to) + 1);
    }
  }

  /** Those with so much less that they have not more afterwards. */
  #lighter(node: string, heirs: readonly string[]): readonly string[] {
    const mean = heirs.reduce((sum, heir) => sum + this.load(heir), 0) / heirs.length;
    return heirs.filter((heir) => this.load(heir) + 1 < this.load(node) && this.load(heir) <= mean);
  }
}
