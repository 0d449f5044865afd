import { poolFor } from "../core/allocation/pool-for.ts";
import { allocationName } from "../core/model/ip-allocation.ts";
import type { BundleMove } from "../core/model/l2-bundle.ts";
import { isDeath } from "../core/model/reason.ts";
import type { Service } from "../core/model/service.ts";
import type { IpAddress } from "../core/net/ip-address.ts";
import type { AddressAnnouncement } from "../core/placement/announced.ts";
import type { AllocationState } from "./allocation-state.ts";
import type { ClusterStores } from "./cluster-stores.ts";
import type { Placement } from "./placement.ts";

export interface AnnouncementsOptions {
  readonly stores: ClusterStores;
  readonly state: AllocationState;
  readonly placement: Placement;
}

/** What is known about the announcement of addresses: the condition, ServiceL2Statuses and Events say the same. */
export class Announcements {
  readonly #options: AnnouncementsOptions;

  constructor(options: AnnouncementsOptions) {
    this.#options = options;
  }

  /** What is known of an address that `service` holds, or is about to. */
  of(service: Service, address: IpAddress): AddressAnnouncement {
    const { stores, state, placement } = this.#options;
    const object = stores.allocations.get(allocationName(address));
    const bundle = stores.bundles.get(object?.allocation.bundle ?? "");
    const owner = bundle?.bundle.owner;
    const pool = poolFor(service, address, state);
    const sharers = state.sharersOf(service, object?.allocation);
    const covered = owner !== undefined || (pool !== undefined && placement.covers(sharers, pool));
    return {
      address,
      unplaced: placement.hosts.withdraws(sharers)
        ? "NoEndpoints"
        : covered
          ? undefined
          : "NoAdvertisement",
      owner: owner?.node,
      heirOf: diedWith(bundle?.bundle.moved),
      interfaces: owner?.interfaces ?? [],
      ...(owner === undefined && pool !== undefined
        ? {
            missingInterfaces: placement.missingInterfaces(sharers, pool),
            hinderedNodes: placement.hinderedNodes(sharers, pool),
          }
        : {}),
      allocationVersion: BigInt(object?.resourceVersion ?? 0),
      bundleVersion: BigInt(bundle?.resourceVersion ?? 0),
      report: owner === undefined ? undefined : stores.speakers.get(owner.node)?.speaker.report,
    };
  }
}

/** The node from which a bundle came because it died; `undefined`: from none. */
function diedWith(move: BundleMove | undefined): string | undefined {
  return move !== undefined && isDeath(move.reason) ? move.from : undefined;
}
