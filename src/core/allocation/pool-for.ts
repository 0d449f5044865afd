import { type IpAddressPool, poolAdmits, poolKeeps } from "../model/ip-address-pool.ts";
import type { Service } from "../model/service.ts";
import type { IpAddress } from "../net/ip-address.ts";
import type { AllocationContext } from "./allocation-context.ts";
import { poolIndexOf } from "./pool-index.ts";

/**
 * The pool from which the Service may have `address`, else the first that offers it. An address
 * that is held stays with the pool that gave it, as long as that one names it and admits the
 * Service, also where pools overlap and another one gives from now on.
 */
export function poolFor(
  service: Service,
  address: IpAddress,
  context: Pick<AllocationContext, "pools" | "namespaceLabels" | "ledger">,
): IpAddressPool | undefined {
  const { pool: wanted } = service.wish;
  const labels = context.namespaceLabels(service.namespace);
  const suits = (pool: IpAddressPool): boolean =>
    poolAdmits(pool, service, labels) && (wanted === undefined || wanted === pool.name);
  const allocation = context.ledger.get(address);
  const index = poolIndexOf(context.pools);
  const giver = allocation?.state === "Allocated" ? index.named(allocation.pool) : undefined;
  if (giver !== undefined && poolKeeps(giver, address) && suits(giver)) {
    return giver;
  }
  const offering = index.offering(address);
  return offering.find(suits) ?? offering[0];
}
