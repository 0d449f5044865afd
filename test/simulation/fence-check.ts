import { compareBundleVersions } from "../../src/core/model/l2-bundle.ts";
import type { ApiObject, AppliedWrite, SimulatedApi } from "./simulated-api.ts";

interface HolderFields {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
}

/** What must hold after every single write, whoever made it and however late it landed. */
export class FenceCheck {
  readonly #api: SimulatedApi;
  /** The highest version that each bundle ever had, deleted or not. */
  readonly #highest = new Map<string, { term: number; sequence: number }>();

  constructor(api: SimulatedApi) {
    this.#api = api;
  }

  /** What is wrong since this write, in one sentence each. */
  problemsAfter(write: AppliedWrite): readonly string[] {
    switch (write.plural) {
      case "ipallocations":
        return [
          ...this.#takenFromHolder(write),
          ...this.#falseStatuses(write.before?.spec.address),
        ];
      case "services":
        return write.after === undefined ? [] : this.#falseStatus(write.after);
      case "l2bundles":
        return this.#wentBack(write);
      default:
        return [];
    }
  }

  /** No living Service loses its address to another, and never to an older self. */
  #takenFromHolder({ before, after }: AppliedWrite): readonly string[] {
    const [old, now] = [holdersOf(before), holdersOf(after)];
    const address = (after ?? before)?.spec.address;
    const crowded = now.length > 1 ? [`${address} has ${now.length} holders`] : [];
    if (after !== undefined && after.spec.state !== "Allocated") {
      return crowded;
    }
    const robbed = old.filter(
      ({ uid }) => this.#lives(uid) && !now.some((holder) => holder.uid === uid),
    );
    return [...crowded, ...robbed.map((holder) => `${address} was taken from ${named(holder)}`)];
  }

  #lives(uid: string): boolean {
    return this.#api.list("services").some(({ metadata }) => metadata.uid === uid);
  }

  #falseStatuses(address: string | undefined): readonly string[] {
    return this.#api
      .list("services")
      .filter((service) => address !== undefined && ingressOf(service).includes(address))
      .flatMap((service) => this.#falseStatus(service));
  }

  /** What a status shows is the Service's by an allocation, so no two statuses ever show the same. */
  #falseStatus(service: ApiObject): readonly string[] {
    const { namespace, name, uid } = service.metadata;
    return ingressOf(service).flatMap((address) => {
      const allocation = this.#api
        .list("ipallocations")
        .find(({ spec }) => spec.address === address);
      const holds = holdersOf(allocation).some((holder) => holder.uid === uid);
      const state = allocation === undefined ? "free" : JSON.stringify(allocation.spec);
      return holds
        ? []
        : [`the status of ${namespace}/${name} (${uid}) shows ${address}, which is ${state}`];
    });
  }

  /**
   * A speaker tells the newer of two states of a bundle by its version, so each change raises
   * it; and a name that came again would begin below what speakers have seen of it.
   */
  #wentBack({ key, before, after }: AppliedWrite): readonly string[] {
    if (after === undefined) {
      return [];
    }
    const { term, sequence } = after.spec;
    const highest = this.#highest.get(key);
    this.#highest.set(key, { term, sequence });
    if (before === undefined) {
      return highest === undefined ? [] : [`bundle ${key} was deleted and came again`];
    }
    if (highest !== undefined && compareBundleVersions({ term, sequence }, highest) <= 0) {
      const was = `${highest.term}.${highest.sequence}`;
      return [`bundle ${key} went from ${was} to ${term}.${sequence}, which is no higher`];
    }
    return [];
  }
}

/** Who holds an address: only while it is allocated. */
export function holdersOf(allocation: ApiObject | undefined): readonly HolderFields[] {
  return allocation?.spec.state === "Allocated" ? allocation.spec.holders : [];
}

/** The addresses in the status of a Service. */
export function ingressOf(service: ApiObject): readonly string[] {
  const ingress: { ip: string }[] = service.status?.loadBalancer?.ingress ?? [];
  return ingress.map(({ ip }) => ip);
}

function named({ namespace, name, uid }: HolderFields): string {
  return `${namespace}/${name} (${uid})`;
}
