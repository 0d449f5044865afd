import type { ServiceL2StatusObject } from "../kube/decode/service-l2-status.ts";
import type { ClusterStores } from "./cluster-stores.ts";

const nobody: readonly string[] = [];

/**
 * Who announced a Service last, by its ServiceL2Statuses: those of MetalLB's speakers, whose
 * place we take, and our own. A hint where nothing else says it, never a fact.
 */
export class LastAnnouncers {
  readonly #stores: Pick<ClusterStores, "serviceL2Statuses">;
  readonly #nodes = new Map<string, readonly string[]>();

  constructor(stores: Pick<ClusterStores, "serviceL2Statuses">) {
    this.#stores = stores;
  }

  /** Follows the ServiceL2Statuses from now on. */
  load(): void {
    const { serviceL2Statuses } = this.#stores;
    for (const object of serviceL2Statuses.values()) {
      this.#take(undefined, object);
    }
    serviceL2Statuses.onChange(({ before, after }) => this.#take(before, after));
  }

  /** The nodes that announced these Services, `namespace/name`, in no order; mostly one. */
  of(services: readonly string[]): readonly string[] {
    return services.flatMap((service) => this.#nodes.get(service) ?? nobody);
  }

  #take(before: ServiceL2StatusObject | undefined, after: ServiceL2StatusObject | undefined): void {
    if (before?.service === after?.service && before?.node === after?.node) {
      return;
    }
    if (before?.service !== undefined && before.node !== undefined) {
      const left = this.of([before.service]).filter((node) => node !== before.node);
      if (left.length === 0) {
        this.#nodes.delete(before.service);
      } else {
        this.#nodes.set(before.service, left);
      }
    }
    if (after?.service !== undefined && after.node !== undefined) {
      this.#nodes.set(after.service, [...this.of([after.service]), after.node]);
    }
  }
}
