import type { IpAddressPool } from "../core/model/ip-address-pool.ts";
import { advertises, coversPool, type L2Advertisement } from "../core/model/l2-advertisement.ts";
import type { BundleNode } from "../core/model/l2-bundle.ts";
import type { IpRange } from "../core/net/ip-range.ts";
import {
  type Candidate,
  eligibleNodes,
  type HinderedNode,
  hinderedNodes,
  missingInterfaces,
  stillEligible,
} from "../core/placement/eligibility.ts";
import type { BundleGroup } from "./bundle-contents.ts";
import type { Configuration } from "./configuration.ts";
import type { Sharers } from "./endpoint-hosts.ts";
import type { PlacementNodes } from "./placement-nodes.ts";

/** Which advertisements an address has, and which nodes they let announce it. */
export class BundleGroups {
  readonly #configuration: Pick<Configuration, "advertisements" | "pools">;
  readonly #nodes: Pick<PlacementNodes, "list">;

  constructor(
    configuration: Pick<Configuration, "advertisements" | "pools">,
    nodes: Pick<PlacementNodes, "list">,
  ) {
    this.#configuration = configuration;
    this.#nodes = nodes;
  }

  /** The group of what these Services have from `pool`: the advertisements of every one of them. */
  of(sharers: Sharers, pool: IpAddressPool): BundleGroup {
    const advertisements = this.#configuration.advertisements
      .filter((advertisement) =>
        sharers.some(({ labels }) => advertises(advertisement, pool, labels)),
      )
      .map(({ name }) => name);
    return { advertisements };
  }

  /** False if an advertisement of the group is gone. */
  isComplete(group: BundleGroup): boolean {
    return this.#advertisements(group).length === group.advertisements.length;
  }

  /** The nodes that may announce for the group, by name; `hosts`: only these. */
  eligible(group: BundleGroup, hosts?: ReadonlySet<string>): readonly Candidate[] {
    const own = group.hosts === undefined ? undefined : new Set(group.hosts);
    const advertisements = this.#advertisements(group);
    const ranges = this.#rangesOf(advertisements);
    return eligibleNodes(advertisements, this.#nodes.list(), hosts ?? own, ranges);
  }

  /** The nodes that the group's advertisements select and that may not announce. */
  hindered(group: BundleGroup, hosts?: ReadonlySet<string>): readonly HinderedNode[] {
    const own = group.hosts === undefined ? undefined : new Set(group.hosts);
    const advertisements = this.#advertisements(group);
    const ranges = this.#rangesOf(advertisements);
    return hinderedNodes(advertisements, this.#nodes.list(), hosts ?? own, ranges);
  }

  /** Interfaces for want of which nobody can announce for the group. */
  missingInterfaces(group: BundleGroup): readonly string[] {
    return missingInterfaces(this.#advertisements(group), this.#nodes.list());
  }

  /** Those of `named` that still can announce, whatever the advertisements say now. */
  still(named: readonly BundleNode[]): readonly Candidate[] {
    return stillEligible(named, this.#nodes.list());
  }

  /** What addresses of the group may be. */
  #rangesOf(advertisements: readonly L2Advertisement[]): readonly IpRange[] {
    return this.#configuration.pools
      .filter((pool) => advertisements.some((one) => coversPool(one, pool)))
      .flatMap(({ ranges }) => ranges);
  }

  #advertisements({ advertisements }: BundleGroup): readonly L2Advertisement[] {
    return this.#configuration.advertisements.filter(({ name }) => advertisements.includes(name));
  }
}
