/**
 * Why something is as it is: one closed set of words. Each is the `reason` of a
 * condition and of an Event, and a heading in docs/troubleshooting.md. Two speak MetalLB's
 * words instead: the conditions of its ConfigurationStates, and the heads of Services' Events.
 */
export const reasons = {
  /** An AddressPolicy is in force. */
  Accepted: "Accepted",
  /** An address is held. */
  Assigned: "Assigned",
  /** The address asked for belongs to another Service. */
  AddressInUse: "AddressInUse",
  /** A host that is none of ours has the address. */
  AddressConflict: "AddressConflict",
  /** The address asked for lies in no pool. */
  AddressNotInPool: "AddressNotInPool",
  /** The address asked for is a node's, a network or broadcast address, inside a cluster CIDR, or the like. */
  AddressDenied: "AddressDenied",
  /** An AddressPolicy keeps the address from being given out; who holds it already keeps it. */
  AddressExcluded: "AddressExcluded",
  /** The address asked for was released a moment ago, and an AddressPolicy keeps it from others for a while. */
  AddressCooling: "AddressCooling",
  /** The pool is pinned to other namespaces or Services. */
  PoolNotAllowed: "PoolNotAllowed",
  /** `metallb.io/address-pool` names no pool. */
  PoolUnknown: "PoolUnknown",
  /** No address is free in the pools that the Service may use. */
  PoolExhausted: "PoolExhausted",
  /** No pool gives addresses of the family to this Service on its own. */
  NoPoolMatches: "NoPoolMatches",
  /** The request cannot be read, or contradicts itself. */
  RequestMalformed: "RequestMalformed",
  /** The addresses asked for are not of the families of the Service. */
  RequestFamilyMismatch: "RequestFamilyMismatch",
  /** The Service has no cluster IP, or one too few for RequireDualStack. */
  NoClusterIP: "NoClusterIP",
  /** MetalLB's controller runs in the namespace of the configuration: nobody of us leads. */
  ForeignController: "ForeignController",
  /** A pool, an advertisement or a policy cannot be read. Its last good version stays in force. */
  ConfigurationInvalid: "ConfigurationInvalid",
  /** A pool or an advertisement can be read as it stands. */
  Valid: "Valid",
  /** A pool is in force, and something in it was overlooked. */
  ReadLeniently: "ReadLeniently",
  /** A pool has addresses that another pool gives out. */
  PoolOverlap: "PoolOverlap",
  /** A pool has addresses of a Service CIDR. */
  PoolInServiceCidr: "PoolInServiceCidr",
  /** A pool has addresses of a node's Pod CIDR. */
  PoolInPodCidr: "PoolInPodCidr",
  /** A pool has addresses of nodes. */
  PoolHasNodeAddress: "PoolHasNodeAddress",
  /** A pool has addresses of API servers. */
  PoolHasApiServer: "PoolHasApiServer",
  /** A pool has default gateways of nodes. */
  PoolHasGateway: "PoolHasGateway",
  /** A pool has addresses that Services use in spec.externalIPs, or have from another controller. */
  PoolHasClaimedAddress: "PoolHasClaimedAddress",
  /** Hosts that are none of ours have free addresses of a pool. */
  PoolHasForeignHost: "PoolHasForeignHost",
  /** No pool exists (any more). What is held is kept, nothing new is given. */
  ConfigurationLost: "ConfigurationLost",
  /** No speaker has reported its networks yet, so network and broadcast addresses are not known. */
  WaitingForSpeakers: "WaitingForSpeakers",
  /** The pool of the address is gone or no longer admits the Service. */
  PoolWithdrawn: "PoolWithdrawn",
  /** The Service asked for something else and got it. */
  RequestChanged: "RequestChanged",
  /** It changed, and may share the address with the other holders no more. */
  SharingConflict: "SharingConflict",
  /** The Service is gone, or no longer a LoadBalancer of our class. */
  Released: "Released",
  /** Another controller writes the status of a Service that we serve. */
  StatusOverwritten: "StatusOverwritten",
  /** A node announces the addresses. */
  Announced: "Announced",
  /** The node chosen has not reported yet. */
  AnnouncementPending: "AnnouncementPending",
  /** The address stands in the status of a Service that does not hold it. */
  NotAllocated: "NotAllocated",
  /** No L2Advertisement covers the pool and the Service. */
  NoAdvertisement: "NoAdvertisement",
  /** No node that the advertisements select can announce now. */
  NoEligibleNode: "NoEligibleNode",
  /** The speaker of the node does not run, cannot reach the API server, or has not reported yet. */
  SpeakerSilent: "SpeakerSilent",
  /** The node has the condition NetworkUnavailable. */
  NodeNetworkUnavailable: "NodeNetworkUnavailable",
  /** The node is labelled to be left out by external load balancers. */
  NodeExcluded: "NodeExcluded",
  /** An admin wants the node to announce nothing: annotation `steelyard.dev/drain`. */
  NodeDraining: "NodeDraining",
  /** The node's kubelet says that the node is shutting down. */
  NodeShuttingDown: "NodeShuttingDown",
  /** The node has the taint `node.kubernetes.io/out-of-service`: an admin says that it is off. */
  NodeOutOfService: "NodeOutOfService",
  /** The node is not Ready: it keeps what it announces and gets nothing new while others can. */
  NodeNotReady: "NodeNotReady",
  /** The node was gone and came back a moment ago: it gets nothing yet while others can. */
  NodeReturned: "NodeReturned",
  /** kube-proxy does not answer on the node, though it does on others: it gets nothing yet while others can. */
  NodeWithoutDataplane: "NodeWithoutDataplane",
  /** The node's kube-proxy says that its rules are late. */
  DataplaneUnhealthy: "DataplaneUnhealthy",
  /** The node's kube-proxy says that the node is about to be deleted. */
  NodeLeaving: "NodeLeaving",
  /** With externalTrafficPolicy Local: no Pod of the Service runs on the node. */
  NodeWithoutEndpoint: "NodeWithoutEndpoint",
  /** No Pod of the Service is ready, and the controller runs with `--withdraw-without-endpoints`. */
  NoEndpoints: "NoEndpoints",
  /** An advertisement prefers another node. */
  NodePreferred: "NodePreferred",
  /** The node had clearly more addresses than others. */
  NodeLoad: "NodeLoad",
  /** No advertisement that covers the address selects the node. */
  NodeNotSelected: "NodeNotSelected",
  /** The node could announce the address; another one was chosen, and nothing moves without need. */
  NodeNotChosen: "NodeNotChosen",
  /** None of the interfaces named by the advertisements is there and up on the node. */
  InterfaceMissing: "InterfaceMissing",
  /** The node has no interface that can announce. */
  NoUsableInterface: "NoUsableInterface",
  /** The node refuses to announce its own, its gateway's, or a loopback, link-local or multicast address. */
  AnnouncementRefused: "AnnouncementRefused",
  /** The node's kernel refused what announcing needs. */
  LinkFailed: "LinkFailed",
} as const;

export type Reason = keyof typeof reasons;

/** Why a Service does not get what it asks for. */
export type RefuseReason =
  | "AddressInUse"
  | "AddressConflict"
  | "AddressNotInPool"
  | "AddressDenied"
  | "AddressExcluded"
  | "AddressCooling"
  | "PoolNotAllowed"
  | "PoolUnknown"
  | "PoolExhausted"
  | "NoPoolMatches"
  | "RequestMalformed"
  | "RequestFamilyMismatch"
  | "NoClusterIP"
  | "ConfigurationLost"
  | "WaitingForSpeakers";

/** What is wrong with addresses of a pool that can be read; those are not given out. */
export type PoolConflictReason =
  | "PoolOverlap"
  | "PoolInServiceCidr"
  | "PoolInPodCidr"
  | "PoolHasNodeAddress"
  | "PoolHasApiServer"
  | "PoolHasGateway"
  | "PoolHasClaimedAddress"
  | "PoolHasForeignHost";

/** Why a Service loses an address that it held. */
export type RevokeReason = "Released" | "PoolWithdrawn" | "RequestChanged" | "SharingConflict";

/** Why a node does not announce an address that is its own to announce. */
export type AnnounceFailure =
  | "InterfaceMissing"
  | "NoUsableInterface"
  | "AnnouncementRefused"
  | "LinkFailed";

/** Why a node is to announce nothing any more; out of service is off, the others still can. */
export type NodeDeparture = "NodeDraining" | "NodeShuttingDown" | "NodeOutOfService";

/** Why a node that can announce gets no address that another could have; what it has it keeps. */
export type NodeReserve = "NodeNotReady" | "NodeReturned" | "NodeWithoutDataplane";

/** Why a node that is selected does not announce. */
export type NodeObstacle =
  | NodeDeparture
  | "DataplaneUnhealthy"
  | "NodeLeaving"
  | "NodeWithoutEndpoint"
  | "SpeakerSilent"
  | "NodeNetworkUnavailable"
  | "NodeExcluded"
  | "InterfaceMissing"
  | "NoUsableInterface";

/** A reason with the sentence that explains it here and now, and says what to do. */
export interface Refusal {
  readonly reason: RefuseReason;
  readonly message: string;
}

/** True for a reason that says that the node can do nothing any more, not even by itself. */
export function isDeath(reason: Reason): boolean {
  return reason === "SpeakerSilent" || reason === "NodeOutOfService";
}
