import type { IpAddress } from "../net/ip-address.ts";
import type { IpPrefix } from "../net/ip-prefix.ts";
import type { Labels } from "./label-selector.ts";
import type { NodeDeparture } from "./reason.ts";

/** A Kubernetes Node as placement and the deny list see it. */
export interface Node {
  readonly name: string;
  readonly uid: string;
  readonly labels: Labels;
  /** `status.addresses` that are IP addresses. */
  readonly addresses: readonly IpAddress[];
  readonly podCidrs: readonly IpPrefix[];
  /** False if its condition `Ready` is False or Unknown. */
  readonly ready: boolean;
  /** Condition `NetworkUnavailable` is True. */
  readonly networkUnavailable: boolean;
  /** Why others should announce in its place, though its speaker may be alive. */
  readonly departure: NodeDeparture | undefined;
}

/** True if the node asks not to attract traffic from outside the cluster. */
export function isExcluded(node: Pick<Node, "labels">): boolean {
  return Object.hasOwn(node.labels, "node.kubernetes.io/exclude-from-external-load-balancers");
}
