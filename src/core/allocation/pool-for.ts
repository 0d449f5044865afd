import { type IpAddressPool, poolAdmits, poolOffers } from "../model/ip-address-pool.ts";
import type { Service } from "../model/service.ts";
import type { IpAddress } from "../net/ip-address.ts";
import type { AllocationContext } from "./allocation-context.ts";

/**
 * The pool from which the Service may have `address`, else the first that offers it. Where pools
 * overlap, each may give what it offers to those it admits, as if the other were not there.
 */
export function poolFor(
  service: Service,
  address: IpAddress,
  context: Pick<AllocationContext, "pools" | "namespaceLabels">,
): IpAddressPool | undefined {
  const { pool: wanted } = service.wish;
  const offering = context.pools.filter((pool) => poolOffers(pool, address));
  const labels = context.namespaceLabels(service.namespace);
  const suitable = offering.find(
    (pool) => poolAdmits(pool, service, labels) && (wanted === undefined || wanted === pool.name),
  );
  return suitable ?? offering[0];
}
