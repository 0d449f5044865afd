import { holderOf, type IpAllocation, otherHolders, withHolder } from "../model/ip-allocation.ts";
import type { Service } from "../model/service.ts";
import type { AllocationContext } from "./allocation-context.ts";
import { type AllocationDecision, targetOf } from "./allocation-decision.ts";
import { poolFor } from "./pool-for.ts";

/**
 * Puts into the ledger what has been decided about a Service: what it gets is its own, or shared;
 * what it loses stays with those who share it, and cools where there is nobody. `put` is for who
 * has the ledger follow what is written.
 */
export function carryOut(
  decision: AllocationDecision,
  service: Service,
  context: Pick<AllocationContext, "pools" | "namespaceLabels" | "ledger">,
  put = (allocation: IpAllocation): void => context.ledger.put(allocation),
): void {
  const { ledger } = context;
  const target = targetOf(decision);
  const lost = ledger.heldBy(service.key).filter((address) => !target.includes(address));
  for (const address of target) {
    const known = ledger.get(address);
    const pool = poolFor(service, address, context)?.name ?? known?.pool ?? "";
    const holders = withHolder(known, holderOf(service));
    put({ address, pool, holders, state: "Allocated", bundle: undefined });
  }
  for (const address of lost) {
    const known = ledger.get(address);
    const others = otherHolders(known, service.key);
    if (known !== undefined) {
      put(others.length > 0 ? { ...known, holders: others } : { ...known, state: "Cooling" });
    }
  }
}
