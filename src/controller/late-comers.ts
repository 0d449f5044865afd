import { type IpAddressPool, poolOffers } from "../core/model/ip-address-pool.ts";
import { currentHolders } from "../core/model/ip-allocation.ts";
import { reasons } from "../core/model/reason.ts";
import { claims, type Service, serviceKey, statusWriter } from "../core/model/service.ts";
import type { IpAddress } from "../core/net/ip-address.ts";
import type { L2SpeakerObject } from "../kube/decode/l2-speaker.ts";
import type { EventRecorder } from "../kube/event-recorder.ts";
import type { Log } from "../runtime/log.ts";
import type { AllocationState } from "./allocation-state.ts";
import type { ClusterStores } from "./cluster-stores.ts";
import type { Configuration } from "./configuration.ts";

export interface LateComersOptions {
  readonly stores: Pick<ClusterStores, "nodes" | "speakers" | "services">;
  readonly configuration: Pick<Configuration, "pools">;
  readonly state: Pick<AllocationState, "ledger">;
  readonly events: Pick<EventRecorder, "record">;
  readonly log: Log;
}

/**
 * Tells Nodes and Services that come with an address of a pool that is there already: they are
 * what is wrong then, and whoever made them looks there. The pool tells it in any case.
 */
export class LateComers {
  readonly #options: LateComersOptions;

  constructor(options: LateComersOptions) {
    this.#options = options;
  }

  /** Follows Nodes, what speakers find on them, and Services from now on. What is there already was told when it came. */
  start(): void {
    const { nodes, speakers, services } = this.#options.stores;
    nodes.onChange(({ before, after }) => {
      for (const address of added(before?.node.addresses, after?.node.addresses)) {
        this.#nodeHas(address, after?.node ?? { name: "", uid: "" });
      }
    });
    speakers.onChange(({ key, before, after }) => {
      const { node } = nodes.get(key) ?? {};
      const known = [...interfaceAddresses(before), ...(node?.addresses ?? [])];
      for (const address of added(known, interfaceAddresses(after))) {
        this.#nodeHas(address, node ?? { name: key, uid: "" });
      }
    });
    services.onChange(({ before, after }) => {
      for (const address of added(claims(before?.service), claims(after?.service))) {
        if (after !== undefined) {
          this.#serviceUses(address, after.service);
        }
      }
    });
  }

  /** No Service is named: the Event of a Node is where all may read that may read those of `default`. */
  #nodeHas(
    address: IpAddress,
    { name, uid }: { readonly name: string; readonly uid: string },
  ): void {
    const pool = this.#poolOf(address);
    if (pool === undefined) {
      return;
    }
    const trouble =
      this.#holdersOf(address).length === 0
        ? "It is not given out"
        : "A Service has it, so that two answer for it; the pool's status says which";
    const message = `${address} of this node is in IPAddressPool ${pool.name}. ${trouble}. Take it out of the pool, or give the node another one`;
    const reason = reasons.PoolHasNodeAddress;
    this.#options.log.warn({ node: name, address, reason }, message);
    const object = { apiVersion: "v1", kind: "Node", name, uid };
    this.#options.events.record({ object, type: "Warning", reason, message });
  }

  /** Other Services are not named: they may be another tenant's. */
  #serviceUses(address: IpAddress, service: Service): void {
    const { key, namespace, name, uid } = service;
    const pool = this.#poolOf(address);
    const holders = this.#holdersOf(address);
    if (pool === undefined || holders.includes(key)) {
      return;
    }
    const trouble = holders.length === 0 ? "It is given to nobody else" : "Another Service has it";
    const source = statusWriter(service, address);
    const way =
      source === undefined ? "by spec.externalIPs or from another controller" : `from ${source}`;
    const message = `${address} is in IPAddressPool ${pool.name}. ${trouble}. Ask for it as a Service of type LoadBalancer instead of ${way}, or use another address`;
    const reason = reasons.PoolHasClaimedAddress;
    this.#options.log.warn({ service: key, address, reason }, message);
    const object = { apiVersion: "v1", kind: "Service", namespace, name, uid };
    this.#options.events.record({ object, type: "Warning", reason, message });
  }

  #poolOf(address: IpAddress): IpAddressPool | undefined {
    return this.#options.configuration.pools.find((pool) => poolOffers(pool, address));
  }

  #holdersOf(address: IpAddress): readonly string[] {
    return currentHolders(this.#options.state.ledger.get(address)).map(serviceKey);
  }
}

function interfaceAddresses(object: L2SpeakerObject | undefined): readonly IpAddress[] {
  const interfaces = object?.speaker.report?.interfaces ?? [];
  return interfaces.flatMap(({ prefixes }) => prefixes.map(({ address }) => address));
}

function added(
  before: readonly IpAddress[] = [],
  after: readonly IpAddress[] = [],
): readonly IpAddress[] {
  return after.filter((address) => !before.includes(address));
}
