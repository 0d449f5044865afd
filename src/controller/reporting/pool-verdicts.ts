import {
  type ClusterClashes,
  claimConflict,
  clusterClashes,
  clusterConflicts,
  overlapConflict,
  type PoolConflict,
} from "../../core/allocation/conflicts.ts";
import type { DeniedRange } from "../../core/allocation/deny-list.ts";
import type { DatedPool } from "../../core/allocation/pool-contest.ts";
import { type PoolUse, poolUse } from "../../core/model/pool-counts.ts";
import type { IpAddressPoolObject, PoolCountField } from "../../kube/decode/ip-address-pool.ts";
import type { AllocationState } from "../allocation-state.ts";
import type { Configuration } from "../configuration.ts";
import { type ConfigurationVerdict, conflictCondition, validity } from "./configuration-status.ts";

/** What there is to say of each pool now. */
export class PoolVerdicts {
  readonly #configuration: Pick<Configuration, "datedPools">;
  readonly #foreignHosts: (pool: string) => PoolConflict | undefined;
  readonly #state: Pick<AllocationState, "contest" | "supply" | "ledger" | "denyList">;
  /** What the sweep over all pools found, and of which pools and denials that is true. */
  #swept: readonly [readonly DatedPool[], readonly DeniedRange[]] | undefined;
  #clashes: ReadonlyMap<string, ClusterClashes> = new Map();

  constructor(
    configuration: Pick<Configuration, "datedPools">,
    state: Pick<AllocationState, "contest" | "supply" | "ledger" | "denyList">,
    foreignHosts: (pool: string) => PoolConflict | undefined,
  ) {
    this.#foreignHosts = foreignHosts;
    this.#configuration = configuration;
    this.#state = state;
  }

  /** The conditions and counts of a pool. */
  of({ name, errors, warnings }: IpAddressPoolObject): ConfigurationVerdict {
    const { contest, ledger, denyList } = this.#state;
    const pool = this.#configuration.datedPools.find((one) => one.pool.name === name)?.pool;
    const claims = pool === undefined ? undefined : claimConflict(pool, denyList, ledger);
    const overlap = overlapConflict(contest.yieldedBy(name));
    const conflicts = [
      ...(overlap === undefined ? [] : [overlap]),
      ...clusterConflicts(this.#sweep().get(name), ledger),
      ...(claims === undefined ? [] : [claims]),
      ...[this.#foreignHosts(name)].flatMap((found) => found ?? []),
    ];
    return {
      conditions: [
        validity({ errors, warnings, inForce: pool !== undefined }),
        ...conflicts.map(conflictCondition),
      ],
      numbers: this.#counts(name),
    };
  }

  #counts(name: string): Readonly<Record<PoolCountField, number>> {
    const use = (family: 4 | 6): PoolUse => {
      // Without what the pool leaves to others: that is not available here.
      const { size, assigned } = this.#state.supply.count(name, family);
      return poolUse(size, assigned);
    };
    const [four, six] = [use(4), use(6)];
    return {
      assignedIPv4: four.assigned,
      assignedIPv6: six.assigned,
      availableIPv4: four.available,
      availableIPv6: six.available,
    };
  }

  #sweep(): ReadonlyMap<string, ClusterClashes> {
    const { datedPools } = this.#configuration;
    const { ranges } = this.#state.denyList;
    if (this.#swept?.[0] !== datedPools || this.#swept[1] !== ranges) {
      this.#swept = [datedPools, ranges];
      this.#clashes = clusterClashes(
        datedPools.map(({ pool }) => pool),
        ranges,
      );
    }
    return this.#clashes;
  }
}
