import { configurationKinds, definitionName, ownKinds } from "../../src/controller/definitions.ts";
import { resourcePath } from "../../src/kube/resource.ts";
import { customResourceDefinitions } from "../../src/kube/resources.ts";
import type { ApiClient } from "../../src/kube/transport.ts";
import { configNamespace } from "./cluster-life.ts";
import { Replica } from "./replica.ts";
import { Schedule } from "./schedule.ts";
import { SeededRandom } from "./seeded-random.ts";
import { SimulatedAdmission } from "./simulated-admission.ts";
import { type ApiObject, parsePath, SimulatedApi } from "./simulated-api.ts";
import { SimulatedNetwork } from "./simulated-network.ts";
import { SimulatedSpeaker } from "./simulated-speaker.ts";

/** A cluster in fair weather with one real controller, for what people see of what it does. */
export class CalmCluster {
  readonly api: SimulatedApi;
  readonly speakers: readonly SimulatedSpeaker[];
  readonly replica: Replica;
  readonly #schedule = new Schedule();
  /** When each Lease was written last. */
  readonly #renewed = new Map<string, string>();

  /** @param nodes so many, `n1` and so on, each at an address from 192.0.2.241 */
  constructor(nodes: number) {
    const schedule = this.#schedule;
    const time = (): string => this.now.toISOString();
    const api = new SimulatedApi(({ plural, key }) => {
      if (plural === "leases") {
        this.#renewed.set(key, time());
      }
    }, time);
    const random = new SeededRandom(1);
    const admission = new SimulatedAdmission("all", api, schedule);
    const [trace, onCrash] = [(): void => undefined, (): void => undefined];
    const network = new SimulatedNetwork({ api, admission, schedule, random, trace, onCrash });
    const onError = (error: unknown): void => {
      throw error;
    };
    this.api = api;
    this.replica = new Replica("c0", network, { onEnd: () => undefined, onError });
    this.speakers = Array.from(
      { length: nodes },
      (_, i) => new SimulatedSpeaker(`n${i + 1}`, `192.0.2.${241 + i}`, network),
    );
    this.create("/api/v1/namespaces", { name: configNamespace });
    for (const kind of Object.values({ ...configurationKinds, ...ownKinds })) {
      this.create(resourcePath(customResourceDefinitions), { name: definitionName(kind) });
    }
  }

  /** The time at the API server. */
  get now(): Date {
    return new Date(Date.UTC(2026, 0, 1) + this.#schedule.now);
  }

  /** An admin creates an object. */
  create(path: string, metadata: object, rest: object = {}): void {
    this.api.handle({ method: "POST", path, body: { metadata, ...rest } }, "admin");
  }

  /** The speakers and the controller begin. */
  start(): void {
    for (const speaker of this.speakers) {
      speaker.start();
    }
    this.replica.start();
  }

  async pass(ms: number): Promise<void> {
    await this.#schedule.run(ms, () => false);
  }

  /** What a user of the cluster reads, at once. */
  client(): Pick<ApiClient, "request"> {
    return {
      request: async (request) => {
        const answer = await Promise.resolve(this.api.handle(request, "user"));
        const { plural } = parsePath(request.path);
        return plural === "leases" ? this.#dated(answer as { items: ApiObject[] }) : answer;
      },
    };
  }

  /** The real API server says of every object when it was written. */
  #dated({ items }: { readonly items: readonly ApiObject[] }): unknown {
    return {
      items: items.map((lease) => {
        const { namespace, name } = lease.metadata;
        const managedFields = [{ time: this.#renewed.get(`${namespace}/${name}`) }];
        return { ...lease, metadata: { ...lease.metadata, managedFields } };
      }),
    };
  }
}
