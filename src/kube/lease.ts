/** A Lease as the API server has it; fields that we do not know are kept. */
export interface Lease {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly resourceVersion?: string;
    readonly ownerReferences?: readonly LeaseOwner[];
  };
  readonly spec?: LeaseSpec;
}

/** The object with which a Lease goes: the garbage collector takes it when its owner is gone. */
export interface LeaseOwner {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
}

/** The part of a Lease that elections use. */
export interface LeaseSpec {
  /** Absent or empty: nobody. */
  readonly holderIdentity?: string;
  readonly leaseDurationSeconds?: number;
  readonly acquireTime?: string;
  readonly renewTime?: string;
  /** How often the holder has changed. */
  readonly leaseTransitions?: number;
}

/** A time as the type MicroTime wants it: RFC 3339 with exactly six digits of fraction. */
export function microTime(time: Date): string {
  return time.toISOString().replace("Z", "000Z");
}

/** A Lease that does not exist yet. */
export function newLease(
  namespace: string,
  name: string,
  spec: LeaseSpec,
  ownerReferences: readonly LeaseOwner[] = [],
): Lease {
  return {
    apiVersion: "coordination.k8s.io/v1",
    kind: "Lease",
    metadata: { name, namespace, ownerReferences },
    spec,
  };
}
