import { allocationName, type Holder, type IpAllocation } from "../core/model/ip-allocation.ts";
import type { L2Bundle } from "../core/model/l2-bundle.ts";
import type { NewObject } from "./write.ts";

/**
 * The IPAllocation object that says `allocation`. `releasedAt` and `services` are for people only:
 * a column of kubectl can show no more than one item of a list.
 */
export function encodeIpAllocation(allocation: IpAllocation, releasedAt?: Date): NewObject {
  const { address, pool, state, holders, bundle, claimant } = allocation;
  return {
    metadata: { name: allocationName(address) },
    spec: {
      address,
      pool,
      state,
      holders: holders.map(encodeHolder),
      services: holders.map(({ namespace, name }) => `${namespace}/${name}`).join(","),
      ...(bundle === undefined ? {} : { bundle }),
      ...(claimant === undefined ? {} : { claimant }),
      ...(releasedAt === undefined ? {} : { releasedAt: releasedAt.toISOString() }),
    },
  };
}

function encodeHolder({ sharing, ...holder }: Holder): object {
  return sharing === undefined
    ? holder
    : {
        ...holder,
        sharingKey: sharing.key,
        ...(sharing.backend === "" ? {} : { backend: sharing.backend }),
      };
}

/** The L2Bundle object that says `bundle`. */
export function encodeL2Bundle(bundle: L2Bundle): NewObject {
  const { name, advertisements, hosts, owner, standbys, version, moved } = bundle;
  const where = hosts === undefined ? {} : { hosts };
  const how = moved === undefined ? {} : { moved };
  const spec = { advertisements, ...where, owner, standbys, ...version, ...how };
  return { metadata: { name }, spec };
}
