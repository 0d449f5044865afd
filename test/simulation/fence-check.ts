import { poolOffers } from "../../src/core/model/ip-address-pool.ts";
import { compareBundleVersions } from "../../src/core/model/l2-bundle.ts";
import { familyOf, type IpAddress } from "../../src/core/net/ip-address.ts";
import { decodeIpAddressPool } from "../../src/kube/decode/ip-address-pool.ts";
import { decodeService } from "../../src/kube/decode/service.ts";
import { asHolder, type HolderFields, mayShare } from "./sharing-rule.ts";
import { controllerLease } from "./simulated-admission.ts";
import type { ApiObject, AppliedWrite, SimulatedApi } from "./simulated-api.ts";

/** What must hold after every single write, whoever made it and however late it landed. */
export class FenceCheck {
  readonly #api: SimulatedApi;
  /** The highest version that each bundle ever had, deleted or not. */
  readonly #highest = new Map<string, { term: number; sequence: number }>();
  /** The version at which people last changed a Service, by uid, and a pool. */
  readonly #serviceChanged = new Map<string, number>();
  #poolsChanged = 0;
  /** What each Service's status has shown since people last changed it, by uid. */
  readonly #shown = new Map<string, Set<string>>();
  /** Allocations and statuses that a controller wrote last which no longer led, by uid. */
  readonly #lateWritten = new Set<string>();

  constructor(api: SimulatedApi) {
    this.#api = api;
  }

  /** What is wrong since this write, in one sentence each. */
  problemsAfter(write: AppliedWrite): readonly string[] {
    switch (write.plural) {
      case "ipallocations":
        this.#noteLateness(write);
        return [
          ...this.#takenFromHolder(write),
          ...leavers(write).flatMap((holder) => this.#takenForNothing(write, holder)),
          ...this.#falseStatuses(write.before?.spec.address),
        ];
      case "services":
        this.#noteChange(write);
        this.#noteLateness(write);
        return write.after === undefined ? [] : this.#falseStatus(write.after);
      case "ipaddresspools":
        this.#poolsChanged = versionOf(write);
        return [];
      case "l2bundles":
        return this.#wentBack(write);
      default:
        return [];
    }
  }

  /**
   * Two that hold an address may share it. No living Service loses its address to another, and
   * never to an older self: who comes and who goes are two writes.
   */
  #takenFromHolder(write: AppliedWrite): readonly string[] {
    const { before, after } = write;
    const [old, now] = [holdersOf(before), holdersOf(after)];
    const address = (after ?? before)?.spec.address;
    const unfit = now.flatMap((a, index) =>
      now.slice(index + 1).flatMap((b) => (mayShare(a, b) ? [] : [`${named(a)} and ${named(b)}`])),
    );
    const crowded = unfit.map((pair) => `${address} is held by ${pair}, who may not share`);
    const someCame = now.some(({ uid }) => !old.some((holder) => holder.uid === uid));
    const robbed = someCame || after === undefined ? leavers(write) : [];
    return [
      ...crowded,
      ...robbed
        .filter(({ uid }) => this.#lives(uid))
        .map((holder) => `${address} was taken from ${named(holder)}`),
    ];
  }

  /**
   * A Service that asks for one address, and was shown it since it asks, keeps it as long as its
   * pool has it and it suits those on it, whoever leads and whatever he saw. One that asks again for what it had given back
   * may get it by a release and a taking: the release was under way, and is done again to be sure.
   */
  #takenForNothing({ before, sentVersion }: AppliedWrite, holder: HolderFields): readonly string[] {
    const address: string = before?.spec.address ?? "";
    const object = this.#api.list("services").find(({ metadata }) => metadata.uid === holder.uid);
    if (object === undefined || this.#poolsChanged > sentVersion - 100) {
      return [];
    }
    const others = holdersOf(before).filter(({ uid }) => uid !== holder.uid);
    const fits = others.every((other) => mayShare(asHolder(object), other));
    const { service } = decodeService(object, "");
    const { wish } = service;
    const asks =
      service.wantsAddress &&
      service.families.length === 1 &&
      service.families.some((family) => family === familyOf(address as IpAddress)) &&
      wish.pool === undefined &&
      wish.addresses.every((wished) => wished === address);
    const shown = this.#shown.get(holder.uid)?.has(address) === true;
    const changed = (this.#serviceChanged.get(holder.uid) ?? 0) > sentVersion;
    const holdings = this.#api
      .list("ipallocations")
      .filter((one) => holdersOf(one).some(({ uid }) => uid === holder.uid));
    const offered = this.#api
      .list("ipaddresspools")
      .flatMap((raw) => decodeIpAddressPool(raw).pool ?? [])
      .some((pool) => poolOffers(pool, address as IpAddress));
    return asks && fits && shown && offered && !changed && holdings.length === 0
      ? [`${address} was taken from ${named(holder)}, which asks for it`]
      : [];
  }

  /** Only what people change: a status is written by those that are watched here. */
  #noteChange(write: AppliedWrite): void {
    const uid = write.after?.metadata.uid;
    if (uid !== undefined && write.writer === "user") {
      this.#serviceChanged.set(uid, versionOf(write));
      this.#shown.delete(uid);
    }
    if (uid !== undefined && write.after !== undefined) {
      this.#shown.set(uid, new Set([...(this.#shown.get(uid) ?? []), ...ingressOf(write.after)]));
    }
  }

  #noteLateness(write: AppliedWrite): void {
    const uid = (write.after ?? write.before)?.metadata.uid ?? "";
    if (this.#isLate(write)) {
      this.#lateWritten.add(uid);
    } else if (write.writer !== "user") {
      this.#lateWritten.delete(uid);
    }
  }

  /** Whether a controller made it that did not lead any more when it landed. */
  #isLate({ writer }: AppliedWrite): boolean {
    return (
      writer.startsWith("c") &&
      this.#api.get("leases", controllerLease)?.spec.holderIdentity !== writer
    );
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

  /**
   * What a status shows is the Service's by an allocation, so no two statuses ever show the same.
   *
   * One exception, until the watch of the leader tells: where no admission policy keeps a replaced
   * leader from writing (or it was the same Pod's process before), its release may land right after
   * the new one has read the address to show it, and its status right after the new one's release.
   * Even then the address cools down for this very Service, so nobody else has it meanwhile, or is
   * with those that it shared it with; and `unsettled` sees to it that it ends.
   */
  #falseStatus(service: ApiObject): readonly string[] {
    const { namespace, name, uid } = service.metadata;
    return ingressOf(service).flatMap((address) => {
      const allocation = this.#api
        .list("ipallocations")
        .find(({ spec }) => spec.address === address);
      const holds = holdersOf(allocation).some((holder) => holder.uid === uid);
      const holders: readonly HolderFields[] = allocation?.spec.holders ?? [];
      const coolsForIt =
        allocation?.spec.state === "Cooling" && holders.some((holder) => holder.uid === uid);
      const late = [uid, allocation?.metadata.uid ?? ""].some((one) => this.#lateWritten.has(one));
      const isShared = holdersOf(allocation).some(({ sharingKey }) => sharingKey !== undefined);
      const excused = (coolsForIt || isShared) && late;
      const state = allocation === undefined ? "free" : JSON.stringify(allocation.spec);
      return holds || excused
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

/** Who held the address before and does no more. */
function leavers({ before, after }: AppliedWrite): readonly HolderFields[] {
  const now = holdersOf(after);
  return holdersOf(before).filter(({ uid }) => !now.some((holder) => holder.uid === uid));
}

/** The addresses in the status of a Service. */
export function ingressOf(service: ApiObject): readonly string[] {
  const ingress: { ip: string }[] = service.status?.loadBalancer?.ingress ?? [];
  return ingress.map(({ ip }) => ip);
}

/** The version of everything after a write. */
function versionOf({ after, before, sentVersion }: AppliedWrite): number {
  const version = Number((after ?? before)?.metadata.resourceVersion);
  return Math.max(version, sentVersion);
}

function named({ namespace, name, uid }: HolderFields): string {
  return `${namespace}/${name} (${uid})`;
}
