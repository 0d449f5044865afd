import type { IpRange } from "../net/ip-range.ts";
import type { IpAddressPool } from "./ip-address-pool.ts";
import { anySelects, type LabelSelector } from "./label-selector.ts";

/**
 * Which Services may share an address, if they agree to: any in the cluster, those of one
 * namespace, or none at all. From open to strict.
 */
export const sharingScopes = ["Cluster", "Namespace", "None"] as const;

export type SharingScope = (typeof sharingScopes)[number];

/**
 * What the admission webhook can refuse rather than warn of: to take addresses from Services by
 * an edit of their pool, and a Service that asks for what it cannot have now.
 */
export const admissionMatters = ["PoolInUse", "UnmetWish"] as const;

export type AdmissionMatter = (typeof admissionMatters)[number];

/** What an AddressPolicy demands where it says nothing itself: what MetalLB does, or all that there is. */
export type AddressPolicyProfile = "Compatible" | "Strict";

/** What an admin demands of the pools that are selected, beyond what their objects say. */
export interface AddressPolicy {
  readonly name: string;
  /** Names of pools. */
  readonly pools: readonly string[];
  /** OR-ed, also with `pools`. */
  readonly poolSelectors: readonly LabelSelector[];
  readonly profile: AddressPolicyProfile;
  /** Addresses that are not to be given out, in the order written. */
  readonly excluded: readonly IpRange[];
  /** How long a released address is kept from others, in milliseconds. */
  readonly reuseDelayMs: number | undefined;
  readonly sharingScope: SharingScope | undefined;
  readonly refusedAtAdmission: readonly AdmissionMatter[] | undefined;
}

/** What holds for one pool: the strictest that the policies on it say of each matter. */
export interface PoolPolicy {
  /** How long an address released by its holder cools down, in milliseconds. */
  readonly reuseDelayMs: number;
  /** Whether also who asks for it by name waits, other than its last holder. */
  readonly delaysRequests: boolean;
  /** Whether others wait even when nothing else is free. */
  readonly delaysLastResort: boolean;
  /** Which Services may begin to share an address. Those that share one already go on. */
  readonly sharingScope: SharingScope;
  readonly refusedAtAdmission: readonly AdmissionMatter[];
}

/** True if the policy selects the pool. One that names no pools selects all. */
export function governs(
  { pools, poolSelectors }: Pick<AddressPolicy, "pools" | "poolSelectors">,
  pool: Pick<IpAddressPool, "name" | "labels">,
): boolean {
  const everyPool = pools.length === 0 && poolSelectors.length === 0;
  return everyPool || pools.includes(pool.name) || anySelects(poolSelectors, pool.labels);
}
