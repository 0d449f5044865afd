import type { Refusal, RevokeReason } from "../model/reason.ts";
import type { IpAddress } from "../net/ip-address.ts";

/**
 * What should become of one Service. `addresses` is always the complete list
 * that it should hold from now on.
 *
 * - `keep`: nothing changes. `refusal` says why a wish was not met, if one was not.
 * - `grant`: it gets addresses that it does not hold yet; `revoked` says why it
 *   loses others at the same time, if it does.
 * - `revoke`: it loses addresses and gets none. `refusal` says why it gets no others.
 * - `refuse`: it holds nothing and gets nothing.
 */
export type AllocationDecision =
  | { readonly kind: "keep"; readonly addresses: readonly IpAddress[]; readonly refusal?: Refusal }
  | {
      readonly kind: "grant";
      readonly addresses: readonly IpAddress[];
      readonly revoked?: RevokeReason;
      readonly refusal?: Refusal;
    }
  | {
      readonly kind: "revoke";
      readonly addresses: readonly IpAddress[];
      readonly reason: RevokeReason;
      readonly refusal?: Refusal;
    }
  | ({ readonly kind: "refuse" } & Refusal);

/** The addresses that the Service should hold from now on. */
export function targetOf(decision: AllocationDecision): readonly IpAddress[] {
  return decision.kind === "refuse" ? [] : decision.addresses;
}

/** Why the Service does not get all that it asks for, if it does not. */
export function refusalOf(decision: AllocationDecision): Refusal | undefined {
  return decision.kind === "refuse"
    ? { reason: decision.reason, message: decision.message }
    : decision.refusal;
}

/** Why the Service loses addresses, if it does. */
export function revokeReasonOf(decision: AllocationDecision): RevokeReason | undefined {
  switch (decision.kind) {
    case "revoke":
      return decision.reason;
    case "grant":
      return decision.revoked;
    default:
      return undefined;
  }
}

/** Turns "held now" and "should hold" into a decision. */
export function settle(
  held: readonly IpAddress[],
  target: readonly IpAddress[],
  revoked: RevokeReason,
  refused?: Refusal,
): AllocationDecision {
  // A Service may ask for as many as an annotation has room for.
  const [before, after] = [new Set(held), new Set(target)];
  const gains = target.some((address) => !before.has(address));
  const loses = held.some((address) => !after.has(address));
  const note = refused === undefined ? {} : { refusal: refused };
  if (gains) {
    return { kind: "grant", addresses: target, ...(loses ? { revoked } : {}), ...note };
  }
  if (loses) {
    return { kind: "revoke", addresses: target, reason: revoked, ...note };
  }
  return target.length === 0 && refused !== undefined
    ? { kind: "refuse", ...refused }
    : { kind: "keep", addresses: target, ...note };
}
