import type { KnownCluster } from "../../../src/core/admission/known-cluster.ts";
import type { IpAddressPool } from "../../../src/core/model/ip-address-pool.ts";
import type { L2Advertisement } from "../../../src/core/model/l2-advertisement.ts";
import type { Labels } from "../../../src/core/model/label-selector.ts";
import type { Service } from "../../../src/core/model/service.ts";
import { decodeAddressPolicy } from "../../../src/kube/decode/address-policy.ts";
import {
  decodeIpAddressPool,
  type IpAddressPoolObject,
} from "../../../src/kube/decode/ip-address-pool.ts";
import {
  decodeL2Advertisement,
  type L2AdvertisementObject,
} from "../../../src/kube/decode/l2-advertisement.ts";
import { decodeNode } from "../../../src/kube/decode/node.ts";
import { decodeService } from "../../../src/kube/decode/service.ts";
import { AllocationWorld } from "../allocation/allocation-world.ts";

/** A cluster without a cluster, as the judgement of incoming objects knows it. */
export class AdmissionWorld implements KnownCluster {
  readonly allocation = new AllocationWorld();
  readonly advertisements: L2Advertisement[] = [];
  nodes: Labels[] | undefined = [{ rack: "a" }];

  readonly #pools = new Map<string, IpAddressPool>();

  get pools(): readonly IpAddressPool[] {
    return [...this.#pools.values()];
  }

  get namespaces(): ReadonlyMap<string, Labels> {
    return this.allocation.namespaces;
  }

  readonly service = (key: string): Service | undefined => this.allocation.services.get(key);

  /** A policy that is in force. */
  addPolicy(name: string, spec: object): void {
    const { policy } = decodeAddressPolicy({ metadata: { name }, spec });
    if (policy !== undefined) {
      this.allocation.policies.set(name, policy);
    }
  }

  /** A pool that is in force. */
  addPool(name: string, spec: object): IpAddressPoolObject {
    const object = writtenPool(name, spec);
    if (object.pool !== undefined) {
      this.#pools.set(name, object.pool);
      this.allocation.putPool(object.pool);
    }
    return object;
  }

  dropPool(name: string): void {
    this.#pools.delete(name);
    this.allocation.removePool(name);
  }

  addNode(name: string, address: string): void {
    const status = { addresses: [{ type: "InternalIP", address }] };
    this.allocation.nodes.set(name, decodeNode({ metadata: { name }, status }).node);
    this.allocation.networksChanged();
  }

  /** An advertisement that is in force. */
  addAdvertisement(name: string, spec: object): L2AdvertisementObject {
    const object = writtenAdvertisement(name, spec);
    this.advertisements.push(...(object.advertisement === undefined ? [] : [object.advertisement]));
    return object;
  }

  /** A Service that asked for this address and has it. */
  addHolder(key: string, address: string): Service {
    const service = writtenService(key, { loadBalancerIP: address });
    this.allocation.putService(key, service);
    this.allocation.settle(key);
    return service;
  }
}

export function writtenPool(name: string, spec: object): IpAddressPoolObject {
  return decodeIpAddressPool({ metadata: { name }, spec });
}

export function writtenAdvertisement(name: string, spec: object): L2AdvertisementObject {
  return decodeL2Advertisement({ metadata: { name }, spec });
}

export function writtenService(key: string, spec: object, annotations: object = {}): Service {
  const [namespace, name] = key.split("/");
  const { service } = decodeService(
    {
      metadata: { namespace, name, uid: `uid-${key}`, annotations },
      spec: {
        type: "LoadBalancer",
        clusterIPs: ["10.96.0.9"],
        ports: [{ protocol: "TCP", port: 80 }],
        ...spec,
      },
    },
    "",
  );
  return service;
}
