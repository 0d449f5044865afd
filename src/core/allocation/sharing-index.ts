import type { SharingScope } from "../model/address-policy.ts";
import type { IpAllocation } from "../model/ip-allocation.ts";
import type { ServicePort, Sharing } from "../model/service.ts";
import { IntervalSet } from "../net/interval-set.ts";
import {
  familyOf,
  formatIpAddress,
  type IpAddress,
  type IpFamily,
  toNumber,
} from "../net/ip-address.ts";
import type { IpRange } from "../net/ip-range.ts";
import type { Sharer } from "./sharing.ts";

/** Addresses of one family held by Services that agree on key, backend and, where it counts, namespace. */
interface Circle {
  readonly members: IntervalSet;
  /** The addresses on which one of these Services uses a port, by port. */
  readonly byPort: Map<string, IntervalSet>;
}

/**
 * Where the friends of a Service are: the addresses whose holders might share with it. Those on
 * which they use a port of its own are passed over in one step, be they thousands in a row.
 */
export class SharingIndex {
  readonly #circles = new Map<string, Circle>();

  /** Records the holders of an address of which none is recorded. */
  add(allocation: IpAllocation): void {
    const value = toNumber(allocation.address);
    for (const { name, ports } of memberships(allocation)) {
      const circle = this.#circles.get(name) ?? { members: new IntervalSet(), byPort: new Map() };
      this.#circles.set(name, circle);
      circle.members.add(value);
      for (const port of ports.map(portName)) {
        const users = circle.byPort.get(port) ?? new IntervalSet();
        circle.byPort.set(port, users);
        users.add(value);
      }
    }
  }

  /** Takes back {@link add}. */
  remove(allocation: IpAllocation): void {
    const value = toNumber(allocation.address);
    for (const { name, ports } of memberships(allocation)) {
      const circle = this.#circles.get(name);
      for (const port of ports.map(portName)) {
        const users = circle?.byPort.get(port);
        users?.delete(value);
        if (users?.nextMember(0n) === undefined) {
          circle?.byPort.delete(port);
        }
      }
      circle?.members.delete(value);
      if (circle?.members.nextMember(0n) === undefined) {
        this.#circles.delete(name);
      }
    }
  }

  /** False where {@link next} finds nothing, whatever the range, the scope and the ports. */
  has({ sharing, namespace }: Pick<Sharer, "sharing" | "namespace">, family: IpFamily): boolean {
    const local = sharing?.backend !== "";
    return (
      sharing !== undefined &&
      this.#circles.has(circleName(family, sharing, local ? namespace : ""))
    );
  }

  /**
   * The lowest address of `range` not below `from` with a holder that `sharer` could join, as far
   * as this one goes; its other holders may be in the way.
   */
  next(
    { sharing, namespace, ports }: Sharer,
    scope: SharingScope,
    range: IpRange,
    from: bigint,
  ): IpAddress | undefined {
    if (sharing === undefined || scope === "None") {
      return undefined;
    }
    const local = scope === "Namespace" || sharing.backend !== "";
    const circle = this.#circles.get(circleName(range.family, sharing, local ? namespace : ""));
    const taken = ports.flatMap((port) => circle?.byPort.get(portName(port)) ?? []);
    let value = circle?.members.nextMember(from);
    while (value !== undefined && value <= range.last) {
      const here = value;
      const past = taken.reduce((furthest, users) => max(furthest, users.nextGap(here)), here);
      if (past === here) {
        return formatIpAddress(range.family, here);
      }
      value = circle?.members.nextMember(past);
    }
    return undefined;
  }
}

/** In which circles the holders are, with their ports. Without a backend two namespaces can meet. */
function memberships({
  address,
  holders,
}: IpAllocation): readonly { readonly name: string; readonly ports: readonly ServicePort[] }[] {
  const family = familyOf(address);
  return holders.flatMap(({ sharing, namespace, ports }) => {
    if (sharing === undefined) {
      return [];
    }
    const inNamespace = { name: circleName(family, sharing, namespace), ports };
    return sharing.backend === ""
      ? [inNamespace, { name: circleName(family, sharing, ""), ports }]
      : [inNamespace];
  });
}

/** A text for the fields, each delimited: two that differ in any field have two names. */
function circleName(family: IpFamily, { key, backend }: Sharing, namespace: string): string {
  return JSON.stringify([family, key, backend, namespace]);
}

function portName({ protocol, port }: ServicePort): string {
  return `${protocol}/${port}`;
}

function max(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}
