import { explainService } from "../../../src/cli/explain/explain-service.ts";
import type { ServiceExplanation } from "../../../src/cli/explain/service-explanation.ts";
import { readServiceFacts } from "../../../src/cli/explain/service-facts.ts";
import {
  addLease,
  addNode,
  ago,
  inspectSettings,
  now,
  RawCluster,
} from "../inspect/raw-cluster.ts";

const { configNamespace } = inspectSettings;

/** What differs from a Service that has what it wants, and is announced. */
interface ServiceTraits {
  readonly namespace?: string;
  readonly spec?: object;
  readonly annotations?: object;
  /** Its own conditions in the place of good ones: type, status, reason, message. */
  readonly conditions?: readonly (readonly [string, string, string, string])[];
}

/** A cluster with a pool, an advertisement, a bundle and Services of the namespace `shop`, piece by piece. */
export class Shop {
  readonly cluster = new RawCluster();

  constructor() {
    addLease(this.cluster, "steelyard-controller", "steelyard-controller-5d9-x7k2p_0a1b", 2);
  }

  async explain(name: string): Promise<ServiceExplanation> {
    const reading = this.cluster.reading();
    const target = { namespace: "shop", name };
    const facts = await readServiceFacts(reading, inspectSettings, target, () => now);
    if (facts === undefined) {
      throw new Error("there is no such Service");
    }
    return explainService(facts, reading.unread);
  }

  addNodes(...names: readonly string[]): void {
    for (const name of names) {
      addNode(this.cluster, name, { labels: { rack: "1" } });
    }
  }

  addService(name: string, ingress: readonly string[], traits: ServiceTraits = {}): void {
    const { namespace = "shop", spec, annotations, conditions = good } = traits;
    const pool = { "metallb.io/ip-allocated-from-pool": "public" };
    this.cluster.put("services", {
      metadata: {
        ...{ name, namespace, uid: `uid-${name}` },
        annotations: { ...(ingress.length === 0 ? {} : pool), ...annotations },
      },
      spec: { type: "LoadBalancer", externalTrafficPolicy: "Cluster", ...spec },
      status: {
        loadBalancer: { ingress: ingress.map((ip) => ({ ip })) },
        conditions: conditions.map(([type, status, reason, message]) => ({
          ...{ type, status, reason, message, lastTransitionTime: ago(89_998) },
        })),
      },
    } as never);
  }

  /** Gives an address to Services, `name` or `namespace/name`. */
  addAllocation(address: string, more: object, ...services: readonly string[]): void {
    const holders = services.map((service) => {
      const [first = "", second] = service.split("/");
      const [namespace, name] = second === undefined ? ["shop", first] : [first, second];
      return { namespace, name, uid: `uid-${name}`, ports: [] };
    });
    const metadata = { name: address, resourceVersion: "500", creationTimestamp: ago(90_000) };
    const spec = { address, pool: "public", state: "Allocated", holders, ...more };
    this.cluster.put("ipallocations", { metadata, spec } as never);
  }

  addPool(conditions: readonly object[] = []): void {
    const counts = { assignedIPv4: 2, availableIPv4: 28, assignedIPv6: 0, availableIPv6: 0 };
    this.cluster.put("ipaddresspools", {
      metadata: { name: "public", namespace: configNamespace },
      spec: { addresses: ["192.0.2.0/28", "192.0.2.64-192.0.2.79"] },
      status: { ...counts, conditions },
    } as never);
  }

  /** An advertisement for nodes of rack 1, which prefers those with ssds. */
  addAdvertisement(): void {
    const selected = { matchLabels: { rack: "1" } };
    this.cluster.put("l2advertisements", {
      metadata: { name: "lan", namespace: configNamespace },
      spec: {
        nodeSelectors: [selected],
        preferredNodeSelectors: [{ weight: 10, preference: { matchLabels: { disk: "ssd" } } }],
      },
    } as never);
  }

  /** The bundle `l2-b1`. */
  addBundle(node: string, standbys: readonly string[], moved?: object): void {
    const spec = {
      advertisements: ["lan"],
      owner: { node, interfaces: [] },
      standbys: standbys.map((one) => ({ node: one, interfaces: [] })),
      ...{ term: 1, sequence: 2 },
      ...(moved === undefined ? {} : { moved }),
    };
    const metadata = { name: "l2-b1", resourceVersion: "510", creationTimestamp: ago(100_000) };
    this.cluster.put("l2bundles", { metadata, spec } as never);
  }

  /** Pods of a Service on these nodes, one each. */
  addPods(service: string, nodes: readonly string[], conditions: object = { ready: true }): void {
    this.cluster.put("endpointslices", {
      metadata: {
        ...{ name: `${service}-${nodes.join("-")}`, namespace: "shop" },
        labels: { "kubernetes.io/service-name": service },
      },
      endpoints: nodes.map((nodeName) => ({ nodeName, conditions })),
    } as never);
  }

  addEvent(service: string, seconds: number, reason: string, message: string, count = 1): void {
    this.cluster.put("events", {
      metadata: { name: `${service}.${seconds}`, namespace: "shop" },
      involvedObject: { kind: "Service", name: service, uid: `uid-${service}` },
      source: { component: "steelyard-controller" },
      ...{ type: "Normal", reason, message, count, lastTimestamp: ago(seconds) },
    } as never);
  }

  /** Nodes, pool, advertisement, and the Service `web` on one address that node-1 announces. */
  addServed(traits: ServiceTraits = {}): void {
    this.addNodes("node-1", "node-2", "node-3");
    this.addPool();
    this.addAdvertisement();
    this.addBundle("node-1", ["node-2", "node-3"]);
    this.addService("web", ["192.0.2.3"], traits);
    this.addAllocation("192.0.2.3", { bundle: "l2-b1" }, "web");
    this.addPods("web", ["node-1", "node-3"]);
  }

  /** Twenty nodes of all sorts, the Service `web` on two addresses, one of them shared. */
  addBusy(): void {
    const { cluster } = this;
    const rack1 = { rack: "1" };
    addNode(cluster, "node-1", { labels: rack1, heardAgo: 8_100 });
    addNode(cluster, "node-2", { labels: { ...rack1, disk: "ssd" }, announced: 2 });
    addNode(cluster, "node-3", { labels: { ...rack1, disk: "ssd" } });
    addNode(cluster, "node-4", { labels: rack1 });
    const excluded = { "node.kubernetes.io/exclude-from-external-load-balancers": "" };
    addNode(cluster, "node-5", { labels: { ...rack1, ...excluded } });
    addNode(cluster, "node-6", { labels: rack1, annotations: { "steelyard.dev/drain": "true" } });
    for (let i = 0; i < 14; i += 1) {
      addNode(cluster, `rack2-node-${String(i).padStart(2, "0")}`, { labels: { rack: "2" } });
    }
    this.addPool();
    this.addAdvertisement();
    this.addBundle("node-2", ["node-3", "node-1", "node-4"], {
      ...{ from: "node-1", reason: "SpeakerSilent", at: ago(8_094) },
    });
    this.addService("web", ["192.0.2.3", "192.0.2.4"]);
    this.addService("api", ["192.0.2.3"]);
    this.addAllocation("192.0.2.3", { bundle: "l2-b1" }, "web", "api");
    this.addAllocation("192.0.2.4", { bundle: "l2-b1" }, "web");
    this.addPods("web", ["node-1", "node-3"]);
    cluster.put("addresspolicies", {
      metadata: { name: "tenants" },
      spec: { profile: "Strict" },
    } as never);
    const given = "Assigned: 192.0.2.3, 192.0.2.4 from pool public";
    this.addEvent("web", 90_000, "IPAllocated", given);
    const announced = "Announced: 192.0.2.3 by node-1; 192.0.2.4 by node-1";
    this.addEvent("web", 89_998, "nodeAssigned", announced, 3);
  }
}

const good = [
  ["steelyard.dev/AddressAssigned", "True", "Assigned", ""],
  ["steelyard.dev/Announced", "True", "Announced", "192.0.2.3 by node-2; 192.0.2.4 by node-2"],
  ["example.com/Other", "False", "Whatever", "of somebody else"],
] as const;
