import type { AllocationContext } from "../allocation/allocation-context.ts";
import type { IpAddressPool } from "../model/ip-address-pool.ts";
import type { L2Advertisement } from "../model/l2-advertisement.ts";
import type { Labels } from "../model/label-selector.ts";
import type { Service } from "../model/service.ts";

/** All that the judgement of an incoming object may look at: the cluster as it is without it. */
export interface KnownCluster {
  /** What decisions about Services look at. */
  readonly allocation: AllocationContext;
  /** Those in force, as their objects say, each object of them the same one until it changes. */
  readonly pools: readonly IpAddressPool[];
  readonly advertisements: readonly L2Advertisement[];
  /** Labels of all Nodes; undefined: not known, as where there are only files. */
  readonly nodes: readonly Labels[] | undefined;
  /** Labels of all Namespaces by name; undefined: not known. */
  readonly namespaces: ReadonlyMap<string, Labels> | undefined;
  /** The Service of that key, if there is one. */
  readonly service: (key: string) => Service | undefined;
}
