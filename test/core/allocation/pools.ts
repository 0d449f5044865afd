import type { IpAddressPool } from "../../../src/core/model/ip-address-pool.ts";
import type { Labels } from "../../../src/core/model/label-selector.ts";
import { parseIpRange } from "../../../src/core/net/ip-range.ts";

/** An open pool of these ranges. */
export function poolOf(name: string, texts: readonly string[], labels: Labels = {}): IpAddressPool {
  const ranges = texts.flatMap((text) => {
    const parsed = parseIpRange(text);
    return parsed.ok ? [parsed.range] : [];
  });
  const open = { autoAssign: true, avoidBuggyIPs: false, serviceAllocation: undefined };
  return { name, labels, ranges, ...open };
}
