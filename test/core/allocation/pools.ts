import { DenyList } from "../../../src/core/allocation/deny-list.ts";
import { Ledger } from "../../../src/core/allocation/ledger.ts";
import { Supply } from "../../../src/core/allocation/supply.ts";
import type { IpAddressPool } from "../../../src/core/model/ip-address-pool.ts";
import type { Labels } from "../../../src/core/model/label-selector.ts";
import { range } from "../net/arbitraries.ts";

/** An open pool of these ranges. */
export function poolOf(name: string, texts: readonly string[], labels: Labels = {}): IpAddressPool {
  const open = { autoAssign: true, avoidBuggyIPs: false, serviceAllocation: undefined };
  return { name, labels, ranges: texts.map(range), ...open };
}

/** How many addresses of the family the pool gives out at most. */
export function sizeOf(pool: IpAddressPool, family: 4 | 6): bigint {
  const supply = new Supply(new Ledger(), new DenyList());
  supply.setPools([pool]);
  return supply.count(pool.name, family).size;
}
