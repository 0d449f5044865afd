import { currentHolders } from "../core/model/ip-allocation.ts";
import { serviceKey } from "../core/model/service.ts";
import type { ServiceObject } from "../kube/decode/service.ts";
import type { AllocationState } from "./allocation-state.ts";
import type { ClusterStores } from "./cluster-stores.ts";

/** Services to be looked at, by key; no key is in both. */
export interface WholeLook {
  /** Those that have an address or say so in their status, in the order of their turn. */
  readonly having: readonly string[];
  /** Those that want one. */
  readonly wanting: readonly string[];
}

/**
 * Every Service that has or wants an address. Those that have one, or say so in their status, come
 * before those that want one. Of two that say so and may not share it the first by name has it,
 * whatever the order of the store. Those that want one wait for them also where they stood before
 * them: what a status says, and nobody holds yet, would look free to them.
 */
export function wholeLook(
  services: Pick<ClusterStores["services"], "values">,
  { ledger }: Pick<AllocationState, "ledger">,
): WholeLook {
  const holders = [...ledger.allocations()].flatMap((allocation) =>
    currentHolders(allocation).map(serviceKey),
  );
  const ours = [...services.values()].filter(({ service }) => service.wantsAddress);
  const claimsOne = ({ service }: ServiceObject): boolean => service.statusAddresses.length > 0;
  const claiming = ours.filter(claimsOne).map(({ key }) => key);
  return {
    having: [...holders, ...claiming.sort()],
    wanting: ours
      .filter((object) => !claimsOne(object) && ledger.heldBy(object.key).length === 0)
      .map(({ key }) => key),
  };
}
