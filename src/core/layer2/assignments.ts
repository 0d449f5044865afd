import type { IpAllocation } from "../model/ip-allocation.ts";
import { compareBundleVersions, type L2Bundle } from "../model/l2-bundle.ts";
import { isDeath } from "../model/reason.ts";
import type { IpAddress } from "../net/ip-address.ts";
import type { AnnouncerInput } from "./announcer.ts";

/** An assignment that came or went, as the announcer takes it. */
export type AssignmentChange =
  | Extract<AnnouncerInput, { kind: "assign" | "standby" | "unassign" }>
  /** Another node takes the address over from this one, as planned: it may be answered until that one does. */
  | { readonly kind: "yield"; readonly address: IpAddress };

/**
 * Which addresses are this node's to announce: those allocations whose bundle
 * names this node as owner; and which it may be the next to announce, as standby.
 *
 * Kept up one object at a time. A bundle version lower than one seen before is
 * ignored: it was decided by a leader that has been replaced, or before etcd was
 * restored from an older copy.
 */
export class Assignments {
  readonly #node: string;
  readonly #bundles = new Map<string, L2Bundle>();
  readonly #bundleOf = new Map<IpAddress, string>();
  readonly #addresses = new Map<string, Set<IpAddress>>();
  readonly #ignored = new Set<string>();
  #highestTerm = 0;

  constructor(node: string) {
    this.#node = node;
  }

  /** The highest term of any leader that was seen. */
  get highestTerm(): number {
    return this.#highestTerm;
  }

  /** Names of bundles whose version is lower than one seen before. */
  get ignored(): ReadonlySet<string> {
    return this.#ignored;
  }

  /** Takes a bundle as it reads now; returns what changes for its addresses. */
  putBundle(bundle: L2Bundle): readonly AssignmentChange[] {
    const known = this.#bundles.get(bundle.name);
    this.#highestTerm = Math.max(this.#highestTerm, bundle.version.term);
    if (known !== undefined && compareBundleVersions(bundle.version, known.version) < 0) {
      this.#ignored.add(bundle.name);
      return [];
    }
    this.#ignored.delete(bundle.name);
    this.#bundles.set(bundle.name, bundle);
    return this.#concerns(bundle) || this.#concerns(known)
      ? this.#changesOf(bundle.name, this.#isPlanned(bundle))
      : [];
  }

  /** Takes note that a bundle was deleted. */
  removeBundle(name: string): readonly AssignmentChange[] {
    const concerned = this.#concerns(this.#bundles.get(name));
    this.#bundles.delete(name);
    this.#ignored.delete(name);
    return concerned ? this.#changesOf(name) : [];
  }

  /** Takes an allocation as it reads now; only `Allocated` ones are announced. */
  putAllocation(allocation: IpAllocation): readonly AssignmentChange[] {
    const bundle = allocation.state === "Allocated" ? allocation.bundle : undefined;
    return this.#place(allocation.address, bundle);
  }

  /** Takes note that an allocation was deleted. */
  removeAllocation(address: IpAddress): readonly AssignmentChange[] {
    return this.#place(address, undefined);
  }

  /** True if there are addresses in the bundle, whosever it is. */
  carries(bundle: string): boolean {
    return (this.#addresses.get(bundle)?.size ?? 0) > 0;
  }

  /** True if the bundle is this node's. */
  owns(bundle: string | undefined): boolean {
    return bundle !== undefined && this.#bundles.get(bundle)?.owner.node === this.#node;
  }

  /** Returns how this node stands to the address now. */
  standing(address: IpAddress): Exclude<AssignmentChange, { kind: "yield" }> {
    const name = this.#bundleOf.get(address);
    const bundle = name === undefined ? undefined : this.#bundles.get(name);
    if (bundle?.owner.node === this.#node) {
      return { kind: "assign", address, interfaces: bundle.owner.interfaces };
    }
    const standby = bundle?.standbys.find(({ node }) => node === this.#node);
    return standby === undefined
      ? { kind: "unassign", address }
      : { kind: "standby", address, interfaces: standby.interfaces };
  }

  #place(address: IpAddress, bundle: string | undefined): readonly AssignmentChange[] {
    const before = this.#bundleOf.get(address);
    if (before !== bundle) {
      if (before !== undefined) {
        this.#addresses.get(before)?.delete(address);
      }
      if (bundle === undefined) {
        this.#bundleOf.delete(address);
      } else {
        this.#bundleOf.set(address, bundle);
        const addresses = this.#addresses.get(bundle) ?? new Set();
        this.#addresses.set(bundle, addresses.add(address));
      }
    }
    // An address changes its bundle only while somebody is there to choose another one.
    const moves = this.owns(before) && bundle !== undefined && bundle !== before;
    const concerned = [before, bundle].some(
      (name) => name !== undefined && this.#concerns(this.#bundles.get(name)),
    );
    return concerned ? [this.#changeOf(address, moves)] : [];
  }

  /** True if this node is the owner or a standby. */
  #concerns(bundle: L2Bundle | undefined): boolean {
    return (
      bundle !== undefined &&
      [bundle.owner, ...bundle.standbys].some(({ node }) => node === this.#node)
    );
  }

  /** True if the bundle was taken from this node while it could still serve it. */
  #isPlanned({ moved }: L2Bundle): boolean {
    return moved?.from === this.#node && !isDeath(moved.reason);
  }

  #changesOf(bundle: string, planned = false): readonly AssignmentChange[] {
    const addresses = this.#addresses.get(bundle) ?? [];
    return [...addresses].map((address) => this.#changeOf(address, planned));
  }

  #changeOf(address: IpAddress, planned: boolean): AssignmentChange {
    const standing = this.standing(address);
    return planned && standing.kind !== "assign" ? { kind: "yield", address } : standing;
  }
}
