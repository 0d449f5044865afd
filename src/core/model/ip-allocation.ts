import {
  familyOf,
  formatIpAddress,
  type IpAddress,
  parseIpAddress,
  toNumber,
} from "../net/ip-address.ts";
import type { MacAddress } from "../net/mac-address.ts";
import {
  type Service,
  type ServiceIdentity,
  type ServicePort,
  type Sharing,
  serviceKey,
} from "./service.ts";

/** One Service that holds an address. */
export interface Holder extends ServiceIdentity {
  readonly ports: readonly ServicePort[];
  /** Absent: it shares with nobody. */
  readonly sharing?: Sharing;
}

/**
 * The fact that an address is not free. The object is named after the address,
 * so the API server's uniqueness of names is the lock.
 */
export interface IpAllocation {
  readonly address: IpAddress;
  readonly pool: string;
  /** Several share it; who came first stands first. While `Cooling`: who held it last. */
  readonly holders: readonly Holder[];
  readonly state: "Allocated" | "Cooling" | "Quarantined";
  /** Name of the L2Bundle that announces it; absent: not announced. */
  readonly bundle: string | undefined;
  /** While `Quarantined`: the host that has it. Absent: not known. */
  readonly claimant?: Claimant;
}

/** A host that has an address and is none of ours. */
export interface Claimant {
  readonly mac: MacAddress;
  /** The node whose speaker saw it. */
  readonly node: string;
}

/** What is recorded of a Service that holds an address. */
export function holderOf({ namespace, name, uid, ports, sharing }: Service): Holder {
  return { namespace, name, uid, ports, ...(sharing === undefined ? {} : { sharing }) };
}

/** Who holds the address, first come first; nobody holds one that is free, cools down or is quarantined. */
export function currentHolders(allocation: IpAllocation | undefined): readonly Holder[] {
  return allocation?.state === "Allocated" ? allocation.holders : [];
}

/** The {@link currentHolders} beside the Service `namespace/name`. */
export function otherHolders(allocation: IpAllocation | undefined, key: string): readonly Holder[] {
  return currentHolders(allocation).filter((holder) => serviceKey(holder) !== key);
}

/** The holders when `holder` is one of them: where it stood already, else at the end. */
export function withHolder(
  allocation: IpAllocation | undefined,
  holder: Holder,
): readonly Holder[] {
  const holders = currentHolders(allocation);
  const isSame = (other: Holder): boolean => serviceKey(other) === serviceKey(holder);
  return holders.some(isSame)
    ? holders.map((other) => (isSame(other) ? holder : other))
    : [...holders, holder];
}

/**
 * The object name of an address: IPv4 verbatim, IPv6 as eight four-digit groups
 * joined by `-`, because `:` may not stand in a name.
 */
export function allocationName(address: IpAddress): string {
  if (familyOf(address) === 4) {
    return address;
  }
  const digits = toNumber(address).toString(16).padStart(32, "0");
  return (digits.match(/.{4}/g) as string[]).join("-");
}

/** The address that an object name stands for, or `undefined`; the inverse of {@link allocationName}. */
export function addressOfAllocationName(name: string): IpAddress | undefined {
  if (/^[0-9a-f]{4}(-[0-9a-f]{4}){7}$/.test(name)) {
    return formatIpAddress(6, BigInt(`0x${name.replaceAll("-", "")}`));
  }
  const address = parseIpAddress(name);
  return address !== undefined && familyOf(address) === 4 ? address : undefined;
}
