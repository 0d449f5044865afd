/** A Lease as the API server has it; fields that we do not know are kept. */
export interface Lease {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly resourceVersion?: string;
  };
  readonly spec?: LeaseSpec;
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
export function newLease(namespace: string, name: string, spec: LeaseSpec): Lease {
  return {
    apiVersion: "coordination.k8s.io/v1",
    kind: "Lease",
    metadata: { name, namespace },
    spec,
  };
}
