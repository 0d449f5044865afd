import type { IpAddressPool } from "../../../src/core/model/ip-address-pool.ts";
import type { Labels } from "../../../src/core/model/label-selector.ts";
import { range } from "../net/arbitraries.ts";

/** An open pool of these ranges. */
export function poolOf(name: string, texts: readonly string[], labels: Labels = {}): IpAddressPool {
  const open = { autoAssign: true, avoidBuggyIPs: false, serviceAllocation: undefined };
  return { name, labels, ranges: texts.map(range), ...open };
}
