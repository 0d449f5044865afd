import { configurationKinds, definitionName, ownKinds } from "../../src/controller/definitions.ts";
import { resourcePath } from "../../src/kube/resource.ts";
import { customResourceDefinitions } from "../../src/kube/resources.ts";
import { changeEndpoints } from "./endpoint-life.ts";
import { changePolicy } from "./policy-life.ts";
import type { Replica } from "./replica.ts";
import type { SeededRandom } from "./seeded-random.ts";
import type { ApiObject } from "./simulated-api.ts";
import type { SimulatedNetwork } from "./simulated-network.ts";
import type { SimulatedSpeaker } from "./simulated-speaker.ts";
import type { Unrest } from "./weather.ts";

export const configNamespace = "metallb-system";
const serviceKeys = ["a/s1", "a/s2", "a/s3", "b/s1", "b/s2", "b/s3"];
const poolRanges = [
  ["192.0.2.10-192.0.2.11"],
  ["192.0.2.10-192.0.2.13"],
  ["192.0.2.12-192.0.2.14"],
  ["192.0.2.10-192.0.2.12", "2001:db8::10-2001:db8::11"],
  ["192.0.2.11-192.0.2.14", "2001:db8::10-2001:db8::10"],
];
const wishes = [
  ...["192.0.2.10", "192.0.2.11", "192.0.2.12", "192.0.2.13", "2001:db8::10"],
  ...["192.0.2.11,192.0.2.10", "192.0.2.12,192.0.2.13,192.0.2.10"],
];
/** What the controllers look at, and people change at will. */
const wishAnnotations = [
  "metallb.io/loadBalancerIPs",
  "metallb.io/address-pool",
  "metallb.io/allow-shared-ip",
];
/**
 * Set for good on a Service that ever asked for several addresses of one family, also on the next
 * one of that name: recreated while the configuration is lost, it has what that one held.
 */
export const askedForSeveral = "test/asked-for-several";

export interface ClusterLifeOptions {
  readonly network: SimulatedNetwork;
  readonly replicas: readonly Replica[];
  readonly speakers: readonly SimulatedSpeaker[];
}

/** What people and machines do to the cluster, at any time, while the controllers work. */
export class ClusterLife {
  readonly #options: ClusterLifeOptions;
  readonly #random: SeededRandom;
  readonly #severalOnce = new Set<string>();
  #calm = false;
  #ended = false;

  constructor(options: ClusterLifeOptions) {
    this.#options = options;
    this.#random = options.network.random;
  }

  /** The cluster as it is at the beginning; then something happens now and then. */
  begin(unrest: Unrest, everyMs: number): void {
    const { network, speakers, replicas } = this.#options;
    for (const name of [configNamespace, "a", "b"]) {
      this.#create("/api/v1/namespaces", { metadata: { name } });
    }
    for (const kind of Object.values({ ...configurationKinds, ...ownKinds })) {
      const name = definitionName(kind);
      this.#create(resourcePath(customResourceDefinitions), { metadata: { name } });
    }
    this.#createAdvertisement("all");
    this.#createPool("p1");
    for (const speaker of speakers) {
      speaker.start();
    }
    for (const key of serviceKeys.slice(0, 3)) {
      this.#createService(key);
      this.#changeEndpoints(key);
    }
    for (const replica of replicas) {
      replica.start();
    }
    const go = (): void => {
      if (!this.#ended) {
        this.#happen(unrest);
        network.schedule.after(this.#random.between(0, 2 * everyMs), go);
      }
    };
    network.schedule.after(this.#random.between(0, 5_000), go);
  }

  /** Nothing more happens. */
  end(): void {
    this.#ended = true;
  }

  /** What was broken is mended; from here on only people do things. */
  mend(): void {
    this.#calm = true;
    const { network, replicas, speakers } = this.#options;
    for (const speaker of speakers.filter(({ alive }) => !alive)) {
      speaker.start();
    }
    for (const replica of replicas) {
      if (!replica.process.alive) {
        replica.start();
      } else if (replica.process.paused) {
        network.schedule.resume(replica.process, this.#random);
      }
    }
  }

  #happen({ pools, policies, advertisement, nodes, replicas, handovers }: Unrest): void {
    const random = this.#random;
    let what = random.next();
    const isOne = (share: number): boolean => {
      what -= share;
      return what < 0;
    };
    if (isOne(pools)) {
      this.#changePools();
    } else if (isOne(policies)) {
      changePolicy(this.#options.network);
    } else if (isOne(advertisement)) {
      this.#changeAdvertisement();
    } else if (isOne(nodes)) {
      this.#changeNode(random.pick(this.#options.speakers));
    } else if (isOne(replicas)) {
      this.#disturb(random.pick(this.#options.replicas), handovers);
    } else {
      this.#changeService(random.pick(serviceKeys));
    }
  }

  #changeService(key: string): void {
    const { api, trace } = this.#options.network;
    const random = this.#random;
    if (api.get("services", key) === undefined) {
      this.#createService(key);
      return;
    }
    if (random.chance(0.25)) {
      this.#changeEndpoints(key);
      return;
    }
    const what = random.next();
    if (what < 0.35) {
      trace(() => `user deletes Service ${key}`);
      api.remove("user", "services", key);
      if (random.chance(0.4)) {
        this.#createService(key);
      }
      return;
    }
    const toggles = what < 0.55;
    api.edit("user", "services", key, ({ metadata, spec }) =>
      toggles ? { spec: this.#toggled(spec) } : { ...this.#wanted(metadata, spec) },
    );
    trace(() => `user changes Service ${key}: ${describeService(api.get("services", key))}`);
  }

  #changeEndpoints(key: string): void {
    const { network, speakers } = this.#options;
    changeEndpoints(
      network,
      key,
      speakers.map(({ node }) => node),
    );
  }

  /** Of another type. The API server drops the class with the type, and lets it be set with it only. */
  #toggled({ loadBalancerClass: _, ...spec }: Readonly<Record<string, unknown>>): object {
    if (spec["type"] === "LoadBalancer") {
      return { ...spec, type: "ClusterIP" };
    }
    const foreign = this.#random.chance(0.15) ? { loadBalancerClass: "other/class" } : {};
    return { ...spec, type: "LoadBalancer", ...foreign };
  }

  #createService(key: string): void {
    const { api, trace } = this.#options.network;
    const [namespace = "", name = ""] = key.split("/");
    const dual = this.#random.chance(0.25);
    const clusterIPs = dual ? ["10.96.0.7", "fd00::7"] : ["10.96.0.7"];
    const ipFamilyPolicy = dual
      ? this.#random.pick(["PreferDualStack", "RequireDualStack"])
      : "SingleStack";
    const spec = { type: "LoadBalancer", clusterIPs, ipFamilyPolicy };
    const path = `/api/v1/namespaces/${namespace}/services`;
    this.#create(path, this.#wanted({ namespace, name }, spec));
    trace(() => `user creates Service ${key}: ${describeService(api.get("services", key))}`);
  }

  /** The same Service with another wish or none, and other ports. */
  #wanted(
    metadata: Pick<ApiObject["metadata"], "namespace" | "name" | "annotations">,
    spec: object,
  ): { metadata: object; spec: object } {
    const random = this.#random;
    const wish = random.chance(0.35) ? { "metallb.io/loadBalancerIPs": random.pick(wishes) } : {};
    const several = Object.values(wish).some((list) => list.includes(","));
    const kept = metadata.annotations ?? {};
    const annotations = {
      ...Object.fromEntries(
        Object.entries(kept).filter(([name]) => !wishAnnotations.includes(name)),
      ),
      ...wish,
      ...(random.chance(0.1) ? { "metallb.io/address-pool": random.pick(["p1", "p2"]) } : {}),
      ...(random.chance(0.6) ? { "metallb.io/allow-shared-ip": random.pick(["x", "x", "y"]) } : {}),
    };
    const ports = [
      { protocol: random.pick(["TCP", "UDP"]), port: random.pick([80, 443]) },
      ...(random.chance(0.2) ? [{ protocol: "TCP", port: 8080 }] : []),
    ];
    const externalIPs = random.chance(0.05) ? ["192.0.2.12"] : [];
    const externalTrafficPolicy = random.chance(0.25) ? "Local" : "Cluster";
    const selector = random.pick([{ app: "one" }, { app: "one" }, { app: "two" }, {}]);
    const { namespace, name } = metadata;
    if (several) {
      this.#severalOnce.add(`${namespace}/${name}`);
    }
    const marked = this.#severalOnce.has(`${namespace}/${name}`)
      ? { [askedForSeveral]: "yes" }
      : {};
    return {
      metadata: { ...metadata, annotations: { ...annotations, ...marked } },
      spec: { ...spec, ports, externalIPs, externalTrafficPolicy, selector },
    };
  }

  #changePools(): void {
    const { api, trace } = this.#options.network;
    const random = this.#random;
    const name = random.pick(["p1", "p2"]);
    const key = `${configNamespace}/${name}`;
    if (api.get("ipaddresspools", key) === undefined) {
      this.#createPool(name);
    } else if (random.chance(0.25)) {
      api.remove("admin", "ipaddresspools", key);
      trace(() => `admin deletes pool ${name}`);
    } else {
      const addresses = this.#ranges(name);
      api.edit("admin", "ipaddresspools", key, ({ spec }) => ({ spec: { ...spec, addresses } }));
      trace(() => `admin changes pool ${name} to ${addresses}`);
    }
  }

  #createPool(name: string): void {
    const addresses = this.#ranges(name);
    this.#create(`/apis/metallb.io/v1beta1/namespaces/${configNamespace}/ipaddresspools`, {
      metadata: { name, namespace: configNamespace },
      spec: { addresses, autoAssign: true },
    });
    this.#options.network.trace(() => `admin creates pool ${name} of ${addresses}`);
  }

  /** Pools do not overlap: the admission of MetalLB refuses it. */
  #ranges(name: string): readonly string[] {
    return name === "p1" ? this.#random.pick(poolRanges) : ["192.0.2.20-192.0.2.20"];
  }

  #changeAdvertisement(): void {
    const { api, trace } = this.#options.network;
    trace(() => "admin adds or removes the advertisement");
    if (api.get("l2advertisements", `${configNamespace}/all`) === undefined) {
      this.#createAdvertisement("all");
    } else {
      api.remove("admin", "l2advertisements", `${configNamespace}/all`);
    }
  }

  #createAdvertisement(name: string): void {
    this.#create(`/apis/metallb.io/v1beta1/namespaces/${configNamespace}/l2advertisements`, {
      metadata: { name, namespace: configNamespace },
      spec: {},
    });
  }

  #changeNode(speaker: SimulatedSpeaker): void {
    const { trace, api } = this.#options.network;
    if (this.#calm) {
      return;
    }
    if (!speaker.alive) {
      speaker.start();
      trace(() => `${speaker.node} comes back`);
      return;
    }
    speaker.stop();
    const removed = this.#random.chance(0.2);
    if (removed) {
      api.remove("admin", "nodes", speaker.node);
      api.remove("admin", "l2speakers", speaker.node);
    }
    trace(() => `${speaker.node} dies${removed ? " and is removed" : ""}`);
  }

  #disturb(replica: Replica, handovers: number): void {
    const { schedule, trace } = this.#options.network;
    const random = this.#random;
    const { process } = replica;
    if (this.#calm || !process.alive || process.paused) {
      return;
    }
    if (random.chance(handovers)) {
      replica.terminate();
    } else if (random.chance(0.7)) {
      process.paused = true;
      trace(() => `${process.name} stands still`);
      schedule.after(random.pick([2_000, 12_000, 20_000, 40_000]), () => {
        trace(() => `${process.name} goes on`);
        schedule.resume(process, random);
      });
    } else {
      trace(() => `${process.name} is killed`);
      replica.kill();
      schedule.after(random.between(100, 8_000), () => this.#restart(replica));
    }
  }

  /** As the kubelet does with a container that has ended. */
  restartIfEnded(replica: Replica): void {
    const { schedule } = this.#options.network;
    schedule.after(this.#random.between(100, 3_000), () => this.#restart(replica));
  }

  #restart(replica: Replica): void {
    if (!replica.process.alive) {
      replica.start();
    }
  }

  #create(path: string, body: object): void {
    this.#options.network.api.handle({ method: "POST", path, body }, "user");
  }
}

function describeService(service: ApiObject | undefined): string {
  return `${service?.metadata.uid} ${JSON.stringify([service?.spec, service?.metadata.annotations])}`;
}
