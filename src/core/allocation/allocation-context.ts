import type { IpAddressPool } from "../model/ip-address-pool.ts";
import type { Labels } from "../model/label-selector.ts";
import type { DenyList } from "./deny-list.ts";
import type { Ledger } from "./ledger.ts";

/** All that a decision may look at. */
export interface AllocationContext {
  /** In the order of `comparePools`. */
  readonly pools: readonly IpAddressPool[];
  /** Pools that exist and cannot be read. What was given from them stays. */
  readonly unreadablePools: ReadonlySet<string>;
  readonly ledger: Ledger;
  readonly denyList: DenyList;
  readonly namespaceLabels: (namespace: string) => Labels;
  /** False until speakers have told which network and broadcast addresses there are. */
  readonly networksKnown: boolean;
}
