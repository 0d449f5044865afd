import type { PoolPolicy } from "../model/address-policy.ts";
import type { IpAddressPool } from "../model/ip-address-pool.ts";
import type { IpAllocation } from "../model/ip-allocation.ts";
import type { Labels } from "../model/label-selector.ts";
import type { IpAddress } from "../net/ip-address.ts";
import type { DenyList } from "./deny-list.ts";
import type { Ledger } from "./ledger.ts";
import type { Supply } from "./supply.ts";

/** All that a decision may look at. */
export interface AllocationContext {
  /** In the order of `comparePools`. */
  readonly pools: readonly IpAddressPool[];
  /** There is no pool at all, or there soon will be none. What is held is kept, nothing is given. */
  readonly configurationLost: boolean;
  /**
   * True for a pool that we do not see and that may still be there: it cannot be
   * read, or it went a moment ago and others may follow. What it gave is kept.
   */
  readonly mayReturn: (pool: string) => boolean;
  /** What AddressPolicies say of the pool of that name, be it there or not. */
  readonly policyFor: (pool: string) => PoolPolicy;
  /** Counts what is about to be written, too. */
  readonly ledger: Ledger;
  /** Who holds the address as it is written: what is only about to be takes nothing from anybody. */
  readonly asWritten: (address: IpAddress) => IpAllocation | undefined;
  readonly denyList: DenyList;
  /** What {@link pools} can still give. */
  readonly supply: Supply;
  readonly namespaceLabels: (namespace: string) => Labels;
  /** False until speakers have told which network and broadcast addresses there are. */
  readonly networksKnown: boolean;
}
