import {
  allocationName,
  currentHolders,
  type IpAllocation,
} from "../../core/model/ip-allocation.ts";
import { advertises, type L2Advertisement } from "../../core/model/l2-advertisement.ts";
import type { L2Bundle } from "../../core/model/l2-bundle.ts";
import { serviceKey } from "../../core/model/service.ts";
import type { IpAddress } from "../../core/net/ip-address.ts";
import { hostsOf } from "../../core/placement/hosts.ts";
import type { Dated, ServiceFacts } from "./service-facts.ts";

/** An address of a Service, with what belongs to it. */
export interface HeldAddress {
  readonly address: IpAddress;
  /** Undefined: Steelyard has not given it to the Service, or it may not be read. */
  readonly allocation: IpAllocation | undefined;
  /** RFC 3339; empty: not known. */
  readonly allocatedAt: string;
  readonly allocationVersion: bigint;
  readonly bundle: L2Bundle | undefined;
  /** RFC 3339; empty: not known. */
  readonly bundledAt: string;
  readonly bundleVersion: bigint;
  /** Those of its bundle, else those that would cover it; by name. */
  readonly advertisements: readonly L2Advertisement[];
  /** The nodes that alone can serve it; undefined: any can. */
  readonly hosts: ReadonlySet<string> | undefined;
}

/** Finds what belongs to an address of the Service. */
export function heldAddress(facts: ServiceFacts, address: IpAddress): HeldAddress {
  const found = facts.allocations?.find(({ object }) => object.key === allocationName(address));
  const allocation = found?.object.allocation;
  const home = facts.bundles.find(({ object }) => object.key === allocation?.bundle);
  return {
    address,
    allocation,
    allocatedAt: found?.createdAt ?? "",
    allocationVersion: versionOf(found),
    bundle: home?.object.bundle,
    bundledAt: home?.createdAt ?? "",
    bundleVersion: versionOf(home),
    advertisements: covering(facts, allocation, home?.object.bundle),
    hosts: hostsFor(facts, allocation),
  };
}

function versionOf(found: Dated<{ readonly resourceVersion: string }> | undefined): bigint {
  const text = found?.object.resourceVersion ?? "";
  return /^\d+$/.test(text) ? BigInt(text) : 0n;
}

function covering(
  { object, sharers, pools, advertisements }: ServiceFacts,
  allocation: IpAllocation | undefined,
  bundle: L2Bundle | undefined,
): readonly L2Advertisement[] {
  const pool = pools?.find(({ name }) => name === allocation?.pool)?.pool;
  const holders = currentHolders(allocation).map(serviceKey);
  const labels = [object.service, ...sharers.filter(({ key }) => holders.includes(key))];
  return advertisements
    .flatMap(({ advertisement }) => advertisement ?? [])
    .filter((one) =>
      bundle === undefined
        ? pool !== undefined && labels.some((service) => advertises(one, pool, service.labels))
        : bundle.advertisements.includes(one.name),
    )
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** As placement has it, of the Services on the address whose traffic is local. */
function hostsFor(
  { object, sharers, endpoints }: ServiceFacts,
  allocation: IpAllocation | undefined,
): ReadonlySet<string> | undefined {
  const holders = currentHolders(allocation).map(serviceKey);
  const local = [object.service, ...sharers]
    .filter(({ key, localTraffic }) => localTraffic === true && holders.includes(key))
    .flatMap(({ key }) => endpoints.get(key) ?? []);
  return local.length === 0 ? undefined : hostsOf(local);
}
