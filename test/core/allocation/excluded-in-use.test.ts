import { expect, test } from "vitest";
import { excludedInUse } from "../../../src/core/allocation/excluded-in-use.ts";
import { Ledger } from "../../../src/core/allocation/ledger.ts";
import type { IpAllocation } from "../../../src/core/model/ip-allocation.ts";
import { ip, range } from "../net/arbitraries.ts";
import { poolOf } from "./pools.ts";

function allocation(address: string, state: IpAllocation["state"] = "Allocated"): IpAllocation {
  return { address: ip(address), pool: "web", holders: [], state, bundle: undefined };
}

test("excluded addresses in use are those that Services hold in the pools of the policy", () => {
  const ledger = new Ledger();
  const held = ["192.0.2.10", "192.0.2.9", "192.0.2.20", "198.51.100.1", "2001:db8::1"];
  for (const address of held) {
    ledger.put(allocation(address));
  }
  ledger.put(allocation("192.0.2.11", "Cooling"));
  ledger.put(allocation("192.0.2.12", "Quarantined"));
  const excluded = ["192.0.2.8-192.0.2.15", "198.51.100.1/32", "2001:db8::/64"].map(range);
  const pools = [poolOf("web", ["192.0.2.0/24", "2001:db8::/64"])];
  const policy = { name: "lan", pools: [], poolSelectors: [], profile: "Compatible" as const };
  const rest = {
    excluded,
    reuseDelayMs: undefined,
    sharingScope: undefined,
    refusedAtAdmission: undefined,
  };
  expect(excludedInUse({ ...policy, ...rest }, pools, ledger)).toEqual([
    "192.0.2.9",
    "192.0.2.10",
    "2001:db8::1",
  ]);
  expect(excludedInUse({ ...policy, ...rest, excluded: [] }, pools, ledger)).toEqual([]);
});
