import type { IpAddress, IpFamily } from "../net/ip-address.ts";
import type { Labels } from "./label-selector.ts";

/** Who a Service is: names can be reused, the uid cannot. */
export interface ServiceIdentity {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
}

/** One port of a Service as clients see it. */
export interface ServicePort {
  readonly protocol: string;
  readonly port: number;
}

/** What a Service asks for; the parser has already refused what cannot be read. */
export interface AddressWish {
  /** The addresses asked for, in the order written. Empty: any will do. */
  readonly addresses: readonly IpAddress[];
  /** Where they stand (`metallb.io/loadBalancerIPs` or `spec.loadBalancerIP`), for messages. */
  readonly source: string;
  /** The pool asked for by `metallb.io/address-pool`. */
  readonly pool: string | undefined;
  /** Why the wish cannot be read, if it cannot. Then the fields above are empty. */
  readonly error: string | undefined;
}

/** With whom a Service may share an address; `core/allocation/sharing.ts` has the rule. */
export interface Sharing {
  /** The value of `metallb.io/allow-shared-ip`, or a digest of it where that is long. Never empty. */
  readonly key: string;
  /**
   * Which Pods answer, if only those on the announcing node do: with externalTrafficPolicy
   * Local the selector, or a digest of it. Empty: those of all nodes, or nothing is selected.
   */
  readonly backend: string;
}

/** A Service as the allocator sees it. */
export interface Service extends ServiceIdentity {
  /** `namespace/name`. */
  readonly key: string;
  readonly labels: Labels;
  /** True if it is of type LoadBalancer, of our class, and not gone. */
  readonly wantsAddress: boolean;
  /** Families of its cluster IPs, each once, the primary one first. */
  readonly families: readonly IpFamily[];
  readonly familyPolicy: "SingleStack" | "PreferDualStack" | "RequireDualStack";
  readonly ports: readonly ServicePort[];
  readonly wish: AddressWish;
  /** `undefined`: it shares with nobody. */
  readonly sharing: Sharing | undefined;
  /** With externalTrafficPolicy Local: only Pods on the announcing node serve it. Absent: those of all nodes do. */
  readonly localTraffic?: true;
  /** `spec.externalIPs` that are addresses. */
  readonly externalIPs: readonly IpAddress[];
  /** `status.loadBalancer.ingress[].ip` that are addresses. Output: at most a request, never a fact. */
  readonly statusAddresses: readonly IpAddress[];
  /** Another load balancer that serves it, by the marks that it leaves; absent: none that is known. */
  readonly servedBy?: string;
}

/** Who wrote `address` into the status of a Service, as far as that can be told. */
export function statusWriter(
  service: Pick<Service, "externalIPs" | "statusAddresses" | "servedBy"> | undefined,
  address: IpAddress,
): string | undefined {
  const isStatus =
    service?.statusAddresses.includes(address) === true && !service.externalIPs.includes(address);
  return isStatus ? service.servedBy : undefined;
}

/** The addresses that a Service has taken without us: in `spec.externalIPs`, and in its status if it is not ours to serve. */
export function claims(service: Service | undefined): readonly IpAddress[] {
  if (service === undefined) {
    return [];
  }
  return service.wantsAddress
    ? service.externalIPs
    : [...service.externalIPs, ...service.statusAddresses];
}

/** The Service `namespace/name` where there is none: it wants nothing. */
export function absentService(key: string): Service {
  const [namespace = "", name = ""] = key.split("/");
  return {
    key,
    namespace,
    name,
    uid: "",
    labels: {},
    wantsAddress: false,
    families: [],
    familyPolicy: "SingleStack",
    ports: [],
    wish: { addresses: [], source: "", pool: undefined, error: undefined },
    sharing: undefined,
    externalIPs: [],
    statusAddresses: [],
  };
}

/** `namespace/name` of a Service. */
export function serviceKey(service: Pick<ServiceIdentity, "namespace" | "name">): string {
  return `${service.namespace}/${service.name}`;
}
