import { type IpAddressPool, poolAdmits, poolKeeps, poolOffers } from "../model/ip-address-pool.ts";
import type { Service } from "../model/service.ts";
import type { IpAddress } from "../net/ip-address.ts";
import type { AllocationContext } from "./allocation-context.ts";

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
  const giver =
    allocation?.state === "Allocated"
      ? context.pools.find(
          (pool) => pool.name === allocation.pool && poolKeeps(pool, address) && suits(pool),
        )
      : undefined;
  if (giver !== undefined) {
    return giver;
  }
  const offering = context.pools.filter((pool) => poolOffers(pool, address));
  return offering.find(suits) ?? offering[0];
}
