import type { AllocationContext } from "../../../src/core/allocation/allocation-context.ts";
import type { AllocationDecision } from "../../../src/core/allocation/allocation-decision.ts";
import { carryOut } from "../../../src/core/allocation/carry-out.ts";
import { clusterRanges } from "../../../src/core/allocation/cluster-ranges.ts";
import { decide } from "../../../src/core/allocation/decide.ts";
import { DenyList } from "../../../src/core/allocation/deny-list.ts";
import { Ledger } from "../../../src/core/allocation/ledger.ts";
import { type DatedService, liveAddresses } from "../../../src/core/allocation/live-addresses.ts";
import { excludedRanges, policyFor } from "../../../src/core/allocation/policy-for.ts";
import { type DatedPool, PoolContest } from "../../../src/core/allocation/pool-contest.ts";
import { Supply } from "../../../src/core/allocation/supply.ts";
import type { AddressPolicy, PoolPolicy } from "../../../src/core/model/address-policy.ts";
import {
  comparePools,
  type IpAddressPool,
  poolOffers,
} from "../../../src/core/model/ip-address-pool.ts";
import type { IpAllocation } from "../../../src/core/model/ip-allocation.ts";
import type { L2Speaker } from "../../../src/core/model/l2-speaker.ts";
import type { Labels } from "../../../src/core/model/label-selector.ts";
import type { Node } from "../../../src/core/model/node.ts";
import {
  absentService,
  claims,
  type Service,
  statusWriter,
} from "../../../src/core/model/service.ts";
import type { IpAddress } from "../../../src/core/net/ip-address.ts";
import type { IpPrefix } from "../../../src/core/net/ip-prefix.ts";

/** Pools, Services and networks without a cluster: decisions are carried out on the spot. */
export class AllocationWorld implements AllocationContext {
  readonly ledger = new Ledger();
  readonly denyList = new DenyList();
  readonly #supply = new Supply(this.ledger, this.denyList);
  /** Pools that exist and cannot be read. */
  readonly unreadablePools = new Set<string>();
  readonly policies = new Map<string, AddressPolicy>();
  readonly namespaces = new Map<string, Labels>();
  readonly services = new Map<string, Service>();
  /** What Services have had since before us, until they are decided about. */
  readonly live = new Map<string, readonly IpAddress[]>();
  readonly nodes = new Map<string, Node>();
  readonly speakers = new Map<string, L2Speaker>();
  readonly serviceCidrs: IpPrefix[] = [];
  readonly apiServers: IpAddress[] = [];
  /** As the controller's `--lb-class`. */
  loadBalancerClass = "";
  readonly #written = new Map<string, DatedPool>();
  readonly #contest = new PoolContest();
  #births = 0;
  #poolsChanged = false;
  #networksKnown = true;

  constructor() {
    this.ledger.onChange((_, before, after) => this.#contest.allocationChanged(before, after));
  }

  // Accessors, as in the controller: code that copies a context by its own fields loses them.
  get networksKnown(): boolean {
    return this.#networksKnown;
  }

  set networksKnown(known: boolean) {
    this.#networksKnown = known;
  }

  get configurationLost(): boolean {
    return this.#written.size === 0 && this.unreadablePools.size === 0;
  }

  /** Without what they yield to others. */
  get pools(): readonly IpAddressPool[] {
    if (this.#poolsChanged) {
      this.#poolsChanged = false;
      const dated = [...this.#written.values()].sort((a, b) => comparePools(a.pool, b.pool));
      this.#contest.setPools(dated, this.ledger.allocations());
    }
    return this.#contest.pools;
  }

  /** The pools as they were put, in no order. */
  get written(): Iterable<DatedPool> {
    return this.#written.values();
  }

  get supply(): Supply {
    this.#supply.setPools(this.pools);
    return this.#supply;
  }

  asWritten(address: IpAddress): IpAllocation | undefined {
    return this.ledger.get(address);
  }

  namespaceLabels(namespace: string): Labels {
    return this.namespaces.get(namespace) ?? {};
  }

  mayReturn(pool: string): boolean {
    return this.unreadablePools.has(pool);
  }

  policyFor(name: string): PoolPolicy {
    const labels = this.#written.get(name)?.pool.labels ?? {};
    return policyFor({ name, labels }, [...this.policies.values()]);
  }

  /** A pool that is there keeps its age; a new one, without a word on that, is the youngest. */
  putPool(pool: IpAddressPool, createdAt?: string): void {
    this.#births += 1;
    const known = this.#written.get(pool.name)?.createdAt;
    const now = String(this.#births).padStart(9, "0");
    this.#written.set(pool.name, { pool, createdAt: createdAt ?? known ?? now });
    this.#poolsChanged = true;
    this.networksChanged();
  }

  removePool(name: string): void {
    this.#written.delete(name);
    this.#poolsChanged = true;
    this.networksChanged();
  }

  /** To be called after any change of nodes, speakers, CIDRs, API servers or policies. */
  networksChanged(): void {
    this.denyList.setRanges([
      ...excludedRanges([...this.policies.values()], this.pools),
      ...clusterRanges({
        nodes: this.nodes.values(),
        speakers: this.speakers.values(),
        serviceCidrs: this.serviceCidrs,
        apiServers: this.apiServers,
      }),
    ]);
  }

  /** Takes note of a Service as it reads now; `undefined`: it is deleted. Decides nothing. */
  putService(key: string, service: Service | undefined): void {
    for (const address of claims(this.services.get(key))) {
      this.denyList.removeClaim(address, key);
    }
    if (service === undefined) {
      this.services.delete(key);
      return;
    }
    this.services.set(key, service);
    for (const address of claims(service)) {
      this.denyList.addClaim(address, key, statusWriter(service, address));
    }
  }

  /** We are new, and find what statuses show: another controller gave it. The first of `keys` is the oldest. */
  takeOver(keys: readonly string[]): void {
    for (const key of [...this.live.keys()]) {
      this.endLive(key);
    }
    const found = keys.map((key, createdAt): DatedService => {
      return { service: this.services.get(key) ?? absentService(key), createdAt };
    });
    for (const [key, addresses] of liveAddresses(found, this.ledger)) {
      this.live.set(key, addresses);
      this.denyList.setLive(key, addresses);
    }
  }

  /** The Service has been decided about. */
  endLive(key: string): void {
    this.live.delete(key);
    this.denyList.endLive(key);
  }

  /** What would become of the Service; nothing changes. */
  decide(key: string): AllocationDecision {
    return decide(this.services.get(key) ?? absentService(key), this);
  }

  /** Decides about one Service and carries the decision out. */
  settle(key: string): AllocationDecision {
    const service = this.services.get(key) ?? absentService(key);
    const decision = decide(service, this);
    carryOut(decision, service, this);
    if (!service.wantsAddress || (this.networksKnown && !this.configurationLost)) {
      this.endLive(key);
    }
    return decision;
  }

  poolOf(address: IpAddress): IpAddressPool | undefined {
    return this.pools.find((pool) => poolOffers(pool, address));
  }
}
