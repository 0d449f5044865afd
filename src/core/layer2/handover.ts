import type { IpAddress } from "../net/ip-address.ts";

/** Who loses an address to another node answers at most so long for it until that one does. */
export const lingerMs = 300;

/**
 * A claim may be heard before it is known that the address moves; so long it is remembered. Not
 * longer: what the other node said when it had the address before, says nothing of the next move.
 */
const claimMemoryMs = 300;
/** Whoever forges claims cannot make us remember more than so many. */
const claimsMax = 1_000;

/** Addresses on their way from this node to another. */
export interface HandoverState {
  /** Until when each is still answered here. */
  readonly until: Map<IpAddress, number>;
  /** When another host was heard last that has the address. */
  readonly claimedAt: Map<IpAddress, number>;
}

export type HandoverInput =
  /** Another node is to announce the address from now on. */
  | { readonly kind: "yield"; readonly address: IpAddress }
  /** It is clear again whether the address is this node's. */
  | { readonly kind: "settled"; readonly address: IpAddress }
  /** Another host says that it has the address. */
  | { readonly kind: "claim"; readonly address: IpAddress }
  /** Time went by. */
  | { readonly kind: "wake" };

export interface HandoverStep {
  readonly state: HandoverState;
  /** Addresses that are not to be answered here any more. */
  readonly stop: readonly IpAddress[];
  /** When to look again; `undefined`: nothing waits. */
  readonly wakeAt: number | undefined;
}

/** Nothing is on its way. */
export function noHandovers(): HandoverState {
  return { until: new Map(), claimedAt: new Map() };
}

/**
 * Takes one change into account. The maps inside `state` are consumed.
 *
 * A planned move takes no answer away before there is another one: the old node stops when it
 * hears the new one claim the address, or after {@link lingerMs}, if it cannot hear it. It goes
 * on forwarding all the same, which is not ours to do.
 */
export function step(state: HandoverState, input: HandoverInput, now: number): HandoverStep {
  const { until, claimedAt } = state;
  const stop: IpAddress[] = [];
  switch (input.kind) {
    case "yield":
      if (now - (claimedAt.get(input.address) ?? Number.NEGATIVE_INFINITY) <= claimMemoryMs) {
        until.delete(input.address);
        stop.push(input.address);
      } else if (!until.has(input.address)) {
        until.set(input.address, now + lingerMs);
      }
      break;
    case "settled":
      until.delete(input.address);
      break;
    case "claim":
      if (until.delete(input.address)) {
        stop.push(input.address);
      } else {
        remember(claimedAt, input.address, now);
      }
      break;
    case "wake":
      for (const [address, end] of until) {
        if (end <= now) {
          until.delete(address);
          stop.push(address);
        }
      }
  }
  // They were put in in this order.
  const [wakeAt] = until.values();
  return { state, stop, wakeAt };
}

function remember(claimedAt: Map<IpAddress, number>, address: IpAddress, now: number): void {
  claimedAt.delete(address);
  claimedAt.set(address, now);
  for (const [oldest, at] of claimedAt) {
    if (claimedAt.size <= claimsMax && now - at <= claimMemoryMs) {
      return;
    }
    claimedAt.delete(oldest);
  }
}
