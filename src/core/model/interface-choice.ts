import { familyOf, type IpAddress, isNeverAssignable, toNumber } from "../net/ip-address.ts";
import type { IpPrefix } from "../net/ip-prefix.ts";
import type { InterfaceState } from "../net/network-interface.ts";
import type { AnnounceFailure } from "./reason.ts";

/** What the choice of interfaces looks at: of this node, or as its speaker reported it. */
export interface InterfaceCandidate {
  readonly name: string;
  readonly state: InterfaceState;
  readonly prefixes: readonly IpPrefix[];
  /** Index, and that of the interface of whose segment this one is a further member; reports have neither. */
  readonly index?: number;
  readonly lower?: number | undefined;
}

/** The names of the interfaces on which an address is announced, or why on none. */
export type InterfaceChoice =
  | { readonly kind: "chosen"; readonly names: readonly string[] }
  | {
      readonly kind: "failed";
      readonly reason: Extract<AnnounceFailure, "InterfaceMissing" | "NoUsableInterface">;
      readonly message: string;
    };

/**
 * Returns the interfaces of a node on which it announces `address`: those that the advertisements
 * name (`named`), exactly; else the one whose subnet holds the address; else all that can announce.
 *
 * A subnet whose interface is down for now is no reason to use another one: its neighbours are not
 * there. And of several interfaces on one segment only one is chosen, the first by name (a macvlan
 * after others), so that neighbours see one hardware address.
 */
export function chooseInterfaces(
  interfaces: readonly InterfaceCandidate[],
  named: readonly string[],
  address: IpAddress,
): InterfaceChoice {
  if (named.length > 0) {
    const usable = interfaces.filter((nic) => isUsable(nic) && named.includes(nic.name));
    return chosen(usable) ?? failed("InterfaceMissing", named, interfaces);
  }
  const onLink = onLinkFor(interfaces, address);
  if (onLink.length > 0) {
    const usable = onLink.filter(({ nic }) => isUsable(nic));
    const longest = Math.max(...usable.map(({ length }) => length));
    const best = usable.filter(({ length }) => length === longest).map(({ nic }) => nic);
    const names = onLink.map(({ nic }) => nic.name);
    return chosen(best) ?? failed("NoUsableInterface", names, interfaces);
  }
  const words = "no interface is up, with carrier and able to ARP";
  return (
    chosen(interfaces.filter(isUsable)) ?? {
      kind: "failed",
      reason: "NoUsableInterface",
      message: words,
    }
  );
}

function isUsable({ state }: InterfaceCandidate): boolean {
  return state === "Usable";
}

/** True for interfaces on which addresses can be announced, if not now. */
function mayCarry({ state }: InterfaceCandidate): boolean {
  return state !== "NoArp" && state !== "Excluded" && state !== "Port";
}

/** The interfaces whose subnet holds the address, each with the longest prefix that does. */
function onLinkFor(
  interfaces: readonly InterfaceCandidate[],
  address: IpAddress,
): readonly { readonly nic: InterfaceCandidate; readonly length: number }[] {
  const family = familyOf(address);
  const value = toNumber(address);
  return interfaces.filter(mayCarry).flatMap((nic) => {
    const lengths = nic.prefixes
      .filter((it) => it.family === family && it.first <= value && value <= it.last)
      .map(({ length }) => length);
    return lengths.length === 0 ? [] : [{ nic, length: Math.max(...lengths) }];
  });
}

/** One interface of each segment, in their own order; `undefined`: there is none at all. */
function chosen(usable: readonly InterfaceCandidate[]): InterfaceChoice | undefined {
  const kept: InterfaceCandidate[] = [];
  for (const nic of [...usable].sort(byPreference)) {
    if (!kept.some((other) => onOneSegment(nic, other))) {
      kept.push(nic);
    }
  }
  const names = usable.filter((nic) => kept.includes(nic)).map(({ name }) => name);
  return names.length === 0 ? undefined : { kind: "chosen", names };
}

function byPreference(a: InterfaceCandidate, b: InterfaceCandidate): number {
  const rank = ({ lower }: InterfaceCandidate): number => (lower === undefined ? 0 : 1);
  return rank(a) - rank(b) || (a.name < b.name ? -1 : 1);
}

/** Evidently one segment: a subnet in common, or one is a member of the other's segment by how it was made. */
function onOneSegment(a: InterfaceCandidate, b: InterfaceCandidate): boolean {
  const [ofA, ofB] = [a.lower ?? a.index, b.lower ?? b.index];
  return (ofA !== undefined && ofA === ofB) || a.prefixes.some((prefix) => hasSubnet(b, prefix));
}

/** Every interface has the link-local subnet, and a subnet of one address says nothing of the segment. */
function hasSubnet({ prefixes }: InterfaceCandidate, prefix: IpPrefix): boolean {
  const { family, first, last } = prefix;
  return (
    first !== last &&
    prefixes.some((it) => it.family === family && it.first === first && it.last === last) &&
    !isNeverAssignable(prefix.address)
  );
}

function failed(
  reason: "InterfaceMissing" | "NoUsableInterface",
  names: readonly string[],
  interfaces: readonly InterfaceCandidate[],
): InterfaceChoice {
  const words = names.map((name) => {
    const nic = interfaces.find((it) => it.name === name);
    return `${name} ${nic === undefined ? "is not there" : wordsFor[nic.state]}`;
  });
  return { kind: "failed", reason, message: words.join(", ") };
}

/** What keeps an address from an interface, after its name. */
export const wordsFor: Readonly<Record<InterfaceState, string>> = {
  Usable: "can announce",
  Down: "is down",
  NoCarrier: "has no carrier",
  Refused: "is refused by the kernel",
  Port: "is a port of a bridge, bond or VRF",
  Excluded: "is on the list of interfaces that never announce",
  NoArp: "cannot ARP",
};
