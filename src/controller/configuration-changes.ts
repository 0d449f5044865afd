import type { AddressPolicy } from "../core/model/address-policy.ts";
import type { IpAddressPool } from "../core/model/ip-address-pool.ts";
import type { L2Advertisement } from "../core/model/l2-advertisement.ts";
import type { Stored } from "../kube/store.ts";
import type { ClusterStores } from "./cluster-stores.ts";
import { differs } from "./differs.ts";

/** What changed in the configuration. */
export interface ConfigurationChange {
  /** An object of that kind, or whether the configuration as a whole is there. */
  readonly what: "pool" | "advertisement" | "policy" | "presence";
  /** There is an object now that cannot be read. */
  readonly isUnreadable: boolean;
}

/**
 * Calls `listener` after each change of what pools, advertisements and policies say, from now on:
 * not when somebody writes to their status, and not at changes of other kinds and namespaces.
 */
export function onConfigurationChange(
  stores: Pick<
    ClusterStores,
    "pools" | "advertisements" | "policies" | "namespaces" | "definitions"
  >,
  /** Where the pools are. */
  namespace: string,
  listener: (change: ConfigurationChange) => void,
): void {
  const { pools, advertisements, policies, namespaces, definitions } = stores;
  const presence = (): void => listener({ what: "presence", isUnreadable: false });
  const objects = { pool: pools, advertisement: advertisements, policy: policies } as const;
  for (const what of ["pool", "advertisement", "policy"] as const) {
    objects[what].onChange(({ before, after }) => {
      if (differs(saidBy(before), saidBy(after))) {
        listener({ what, isUnreadable: (after?.errors.length ?? 0) > 0 });
      }
    });
  }
  const kinds = [definitions.pools, definitions.advertisements, definitions.policies];
  for (const definition of kinds) {
    definition.onChange(presence);
  }
  for (const store of [pools, advertisements, policies, ...kinds]) {
    if (!store.synced) {
      store.onSynced(presence);
    }
  }
  namespaces.onChange(({ key, before, after }) => {
    if (key === namespace && before?.terminating !== after?.terminating) {
      presence();
    }
  });
}

/** A pool, an advertisement or a policy. */
interface ConfigurationObject extends Stored {
  readonly errors: readonly string[];
  readonly pool?: IpAddressPool | undefined;
  readonly advertisement?: L2Advertisement | undefined;
  readonly policy?: AddressPolicy | undefined;
}

function saidBy(object: ConfigurationObject | undefined): unknown {
  return object && [object.uid, object.errors, object.pool, object.advertisement, object.policy];
}
