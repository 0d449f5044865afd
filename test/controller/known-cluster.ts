import { AllocationState } from "../../src/controller/allocation-state.ts";
import { AllocationWriter } from "../../src/controller/allocation-writer.ts";
import { Announcements } from "../../src/controller/announcements.ts";
import { type ClusterStores, ClusterWatch } from "../../src/controller/cluster-stores.ts";
import { Configuration, settleMs } from "../../src/controller/configuration.ts";
import { configurationKinds, definitionName, ownKinds } from "../../src/controller/definitions.ts";
import { LeaderTerm } from "../../src/controller/leader-term.ts";
import { Placement, type PlacementRules } from "../../src/controller/placement.ts";
import { SpeakerReports } from "../../src/controller/speaker-reports.ts";
import { decodeAddressPolicy } from "../../src/kube/decode/address-policy.ts";
import { decodeDefinition } from "../../src/kube/decode/definition.ts";
import { decodeIpAddressPool } from "../../src/kube/decode/ip-address-pool.ts";
import { decodeIpAllocation } from "../../src/kube/decode/ip-allocation.ts";
import { decodeL2Advertisement } from "../../src/kube/decode/l2-advertisement.ts";
import { decodeL2Bundle } from "../../src/kube/decode/l2-bundle.ts";
import { decodeNamespace } from "../../src/kube/decode/namespace.ts";
import { decodeService } from "../../src/kube/decode/service.ts";
import type { Store, Stored } from "../../src/kube/store.ts";
import type { ApiClient, ApiRequest } from "../../src/kube/transport.ts";
import { Writer } from "../../src/kube/write.ts";
import { silentLog } from "../../src/runtime/log.ts";
import { HandClock } from "../kube/hand-clock.ts";
import { type ApiObject, SimulatedApi } from "../simulation/simulated-api.ts";

export const configNamespace = "metallb-system";

/**
 * A cluster with a pool of 192.0.2.10-12, and what a leader knows of it: the real
 * stores and state over an API server in memory. Nothing is watched: what others
 * write is known once {@link KnownCluster.see} was called.
 */
export class KnownCluster {
  readonly api = new SimulatedApi(() => undefined);
  readonly clock = new HandClock();
  readonly stores: ClusterStores;
  readonly configuration: Configuration;
  readonly reports: SpeakerReports;
  readonly state: AllocationState;
  readonly placement: Placement;
  readonly announcements: Announcements;
  /** Nobody else has addresses of ours. */
  readonly conflicts = { of: (): undefined => undefined, heldCount: 0 };
  readonly writer: Writer;
  readonly allocations: AllocationWriter;
  /** What the leader asked of the API server, such as `PUT ipallocations 192.0.2.10`. */
  readonly asked: string[] = [];
  /** Called before a request of the leader arrives, to have others come first. */
  beforeRequest: (asked: string) => void = () => undefined;

  constructor(given: Partial<PlacementRules> = {}) {
    const transport: ApiClient = {
      request: (request) => this.#request(request),
      stream: () => Promise.reject(new Error("nothing is watched here")),
    };
    const [clock, log] = [this.clock, silentLog];
    const names = { namespace: "steelyard-system", configNamespace, loadBalancerClass: "" };
    this.stores = new ClusterWatch({ transport, clock, log, ...names }).stores;
    this.#begin();
    const { stores } = this;
    const writer = new Writer(transport, () => true);
    const configuration = new Configuration(stores, configNamespace, clock);
    const reports = new SpeakerReports(stores);
    const state = new AllocationState(stores, configuration, reports);
    const term = new LeaderTerm(stores, 0);
    const isAlive = (): boolean => true;
    const rules = { ignoreExcludeLabel: false, withdrawWithoutEndpoints: false, ...given };
    const placement = new Placement({
      ...{ stores, configuration, reports, writer, term, isAlive, rules, clock, log },
    });
    this.writer = writer;
    this.configuration = configuration;
    this.reports = reports;
    this.state = state;
    this.placement = placement;
    this.announcements = new Announcements({ stores, state, placement });
    this.allocations = new AllocationWriter({ stores, state, placement, writer, clock });
    configuration.refresh();
    state.load();
    placement.load();
    state.networksKnown = true;
  }

  /** Others create an object. */
  create(path: string, metadata: object, rest: object = {}): void {
    this.api.handle({ method: "POST", path, body: { metadata, ...rest } }, "others");
  }

  /** Others create a Service that wants an address, on its own or with those that have its sharing key. */
  createService(name: string, sharing?: { readonly key: string; readonly port: number }): void {
    const spec = {
      type: "LoadBalancer",
      clusterIPs: ["10.96.0.7"],
      ipFamilyPolicy: "SingleStack",
      ports: [{ protocol: "TCP", port: sharing?.port ?? 80 }],
    };
    const annotations = sharing === undefined ? {} : { "metallb.io/allow-shared-ip": sharing.key };
    const metadata = { namespace: "a", name, annotations };
    this.create("/api/v1/namespaces/a/services", metadata, { spec });
  }

  /** Others give an address to the Service `a/<name>`, or gave it at `creationTimestamp`. */
  allocate(
    address: string,
    name: string,
    state = "Allocated",
    pool = "p1",
    creationTimestamp?: string,
  ): void {
    const uid = this.api.get("services", `a/${name}`)?.metadata.uid ?? "gone";
    const holders = [{ namespace: "a", name, uid, ports: [{ protocol: "TCP", port: 80 }] }];
    const spec = { address, pool, holders, state };
    const metadata = { name: address, creationTimestamp };
    this.create("/apis/steelyard.dev/v1alpha1/ipallocations", metadata, { spec });
  }

  /** The leader learns of all that its work is about, as it is now: Services, allocations, configuration. */
  see(): void {
    const { services, allocations, bundles, pools, advertisements, policies } = this.stores;
    this.#seeKind("services", services, (raw) => decodeService(raw, ""));
    this.#seeKind("ipallocations", allocations, decodeIpAllocation);
    this.#seeKind("l2bundles", bundles, decodeL2Bundle);
    this.#seeKind("ipaddresspools", pools, decodeIpAddressPool);
    this.#seeKind("l2advertisements", advertisements, decodeL2Advertisement);
    this.#seeKind("addresspolicies", policies, decodeAddressPolicy);
  }

  /** Has the ledger follow the store, where no Triggers do it. */
  followAllocations(): void {
    this.stores.allocations.onChange(({ before, after }) => {
      const address = (after ?? before)?.allocation.address;
      if (address !== undefined) {
        this.state.settle(address);
      }
    });
  }

  /** Lets time pass until configuration counts as settled. */
  async settle(): Promise<void> {
    await this.clock.advance(settleMs + 1);
  }

  #begin(): void {
    const { namespaces, definitions } = this.stores;
    for (const name of [configNamespace, "a"]) {
      this.create("/api/v1/namespaces", { name });
    }
    this.#seeKind("namespaces", namespaces, decodeNamespace);
    const kinds = { ...configurationKinds, ...ownKinds };
    for (const [kind, resource] of Object.entries(kinds) as [keyof typeof kinds, never][]) {
      const metadata = { name: definitionName(resource), uid: kind, resourceVersion: "1" };
      definitions[kind].upsert(decodeDefinition({ metadata }));
    }
    this.create(
      `/apis/metallb.io/v1beta1/namespaces/${configNamespace}/ipaddresspools`,
      { namespace: configNamespace, name: "p1" },
      { spec: { addresses: ["192.0.2.10-192.0.2.12"], autoAssign: true } },
    );
    this.see();
  }

  #seeKind<T extends Stored>(
    plural: string,
    store: Store<T>,
    decode: (raw: ApiObject) => T | undefined,
  ): void {
    const objects = this.api.list(plural).flatMap((raw) => decode(raw) ?? []);
    for (const { key, uid } of [...store.values()]) {
      if (!objects.some((object) => object.uid === uid)) {
        store.remove(key, uid, this.api.version());
      }
    }
    for (const object of objects) {
      store.upsert(object);
    }
  }

  async #request(request: ApiRequest): Promise<unknown> {
    const [, , ...parts] = request.path.split("/").filter((part) => part !== "");
    const asked = `${request.method} ${parts.slice(-2).join(" ")}`;
    this.asked.push(asked);
    this.beforeRequest(asked);
    return await Promise.resolve(this.api.handle(request, "leader"));
  }
}
