import type { DeniedRange } from "../core/allocation/deny-list.ts";
import { excludedRanges, policyFor } from "../core/allocation/policy-for.ts";
import type { DatedPool } from "../core/allocation/pool-contest.ts";
import type { AddressPolicy, PoolPolicy } from "../core/model/address-policy.ts";
import { comparePools, type IpAddressPool } from "../core/model/ip-address-pool.ts";
import type { L2Advertisement } from "../core/model/l2-advertisement.ts";
import type { Clock } from "../runtime/clock.ts";
import type { ClusterStores } from "./cluster-stores.ts";
import { configurationKinds, definitionProblem, whyConfigurationIsGone } from "./definitions.ts";

/** How long after the last coming or going the set of pools and advertisements counts as settled. */
export const settleMs = 5_000;

export type ConfigurationStores = Pick<
  ClusterStores,
  "pools" | "advertisements" | "policies" | "namespaces" | "definitions"
>;

/**
 * Pools, advertisements and policies as they were last read well: an edit that cannot
 * be read changes nothing, and the other objects go on.
 */
export class Configuration {
  readonly #stores: ConfigurationStores;
  readonly #namespace: string;
  readonly #clock: Clock;
  #names = "";
  #settlesAt = 0;
  #datedPools: readonly DatedPool[] = [];
  #pools: readonly IpAddressPool[] = [];
  #advertisements: readonly L2Advertisement[] = [];
  #policies: readonly AddressPolicy[] = [];
  #excluded: readonly DeniedRange[] = [];
  readonly #poolPolicies = new Map<string, PoolPolicy>();
  /** The configuration was gone as a whole, and no advertisement is there since: that is nobody's wish. */
  #advertisementsGone = false;

  /** `namespace` is where the pools are. */
  constructor(stores: ConfigurationStores, namespace: string, clock: Clock) {
    this.#stores = stores;
    this.#namespace = namespace;
    this.#clock = clock;
  }

  /** The configuration is gone as a whole: nothing that it said is taken back, nothing new is given. */
  get lost(): boolean {
    return this.whyLost !== undefined;
  }

  /** Why the configuration counts as lost, for the log; undefined: it is there. */
  get whyLost(): string | undefined {
    const gone = whyConfigurationIsGone(this.#stores, this.#namespace);
    const { pools, advertisements, policies } = this.#stores;
    if (gone !== undefined) {
      return gone;
    }
    if (!pools.synced || !advertisements.synced || !policies.synced) {
      return "pools, advertisements and policies have not been read yet";
    }
    return pools.size === 0 ? "there is no IPAddressPool" : undefined;
  }

  /**
   * False for some seconds after a pool or an advertisement came or went. Whoever
   * deletes or restores all of them does it one by one; until it is clear what
   * remains, nobody loses what a missing one gave.
   */
  get settled(): boolean {
    return this.#clock.now() >= this.#settlesAt;
  }

  /** As their objects say, in the order in which they are asked. */
  get pools(): readonly IpAddressPool[] {
    return this.#pools;
  }

  /** The same with their age; another list after each {@link refresh}. */
  get datedPools(): readonly DatedPool[] {
    return this.#datedPools;
  }

  /** By name. */
  get advertisements(): readonly L2Advertisement[] {
    return this.#advertisements;
  }

  /** By name. Where no good version of one is known: what of it can be read. */
  get policies(): readonly AddressPolicy[] {
    return this.#policies;
  }

  /** What the policies exclude from being given out. */
  get excluded(): readonly DeniedRange[] {
    return this.#excluded;
  }

  /** What the policies say of the pool of that name; of one that is gone, what they say of its name. */
  policyFor(pool: string): PoolPolicy {
    const known = this.#poolPolicies.get(pool);
    if (known !== undefined) {
      return known;
    }
    const found = this.pools.find(({ name }) => name === pool);
    const policy = policyFor(found ?? { name: pool, labels: {} }, this.#policies);
    if (found !== undefined) {
      // Of names of no pool there are as many as somebody likes to ask for.
      this.#poolPolicies.set(pool, policy);
    }
    return policy;
  }

  /** True if a pool that we do not see may still be there: unreadable, or gone a moment ago. */
  mayReturn(pool: string): boolean {
    // One that we see, and that offers the address no longer, was edited so.
    const seen = names(this.pools).includes(pool);
    return !this.settled || (!seen && names(this.#stores.pools.values()).includes(pool));
  }

  /** True if advertisements that we do not see may still be there. */
  get advertisementsMayReturn(): boolean {
    const unreadable = this.#stores.advertisements.size > this.#advertisements.length;
    return unreadable || this.#advertisementsGone || this.lost || !this.settled;
  }

  /** Reads everything again. */
  refresh(): void {
    const pools = [...this.#stores.pools.values()];
    const advertisements = [...this.#stores.advertisements.values()];
    const oldPools = byName(this.#pools);
    const oldAdvertisements = byName(this.#advertisements);
    this.#datedPools = pools
      .flatMap(({ name, createdAt, pool }): readonly DatedPool[] => {
        const inForce = pool ?? oldPools.get(name);
        return inForce === undefined ? [] : [{ pool: inForce, createdAt }];
      })
      .sort((a, b) => comparePools(a.pool, b.pool));
    this.#pools = this.#datedPools.map(({ pool }) => pool);
    this.#advertisements = advertisements
      .flatMap(({ name, advertisement }) => advertisement ?? oldAdvertisements.get(name) ?? [])
      .sort((a, b) => (a.name < b.name ? -1 : 1));
    this.refreshPolicies();
    if (whyConfigurationIsGone(this.#stores, this.#namespace) !== undefined) {
      this.#advertisementsGone = true;
    } else if (advertisements.length > 0) {
      this.#advertisementsGone = false;
    }
    const present = JSON.stringify([pools, advertisements].map((kind) => [...names(kind)].sort()));
    if (present !== this.#names) {
      this.#names = present;
      this.#settlesAt = this.#clock.now() + settleMs;
    }
  }

  /** Reads the policies again, and what they mean for the pools. */
  refreshPolicies(): void {
    const { policies, definitions } = this.#stores;
    // While their kind is gone the known ones stay: that they went was nobody's wish.
    if (definitionProblem(definitions.policies, configurationKinds.policies) === undefined) {
      const old = byName(this.#policies);
      this.#policies = [...policies.values()]
        .flatMap(({ name, policy, errors }) => {
          const lastGood = errors.length === 0 ? undefined : old.get(name);
          return lastGood ?? policy ?? [];
        })
        .sort((a, b) => (a.name < b.name ? -1 : 1));
    }
    this.#poolPolicies.clear();
    this.#excluded = excludedRanges(this.#policies, this.pools);
  }
}

function names(objects: Iterable<{ readonly name: string }>): readonly string[] {
  return [...objects].map(({ name }) => name);
}

function byName<T extends { readonly name: string }>(objects: readonly T[]): Map<string, T> {
  return new Map(objects.map((object) => [object.name, object]));
}
