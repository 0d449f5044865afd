import type { V1Condition, V1ObjectMeta, V1Service } from "@kubernetes/client-node";

/** The objects as `kubectl get -o json` has them; only the parts that tests look at. */

export interface IpAllocationObject {
  readonly metadata: V1ObjectMeta;
  readonly spec: {
    readonly address: string;
    readonly pool: string;
    readonly state: "Allocated" | "Cooling" | "Quarantined";
    readonly bundle?: string;
    readonly holders: readonly {
      readonly namespace: string;
      readonly name: string;
      readonly uid: string;
      readonly ports?: readonly { readonly protocol: string; readonly port: number }[];
      readonly sharingKey?: string;
      readonly backend?: string;
    }[];
  };
}

export interface L2BundleObject {
  readonly metadata: V1ObjectMeta;
  readonly spec: {
    readonly advertisements: readonly string[];
    readonly owner: { readonly node: string; readonly interfaces?: readonly string[] };
    readonly standbys: readonly { readonly node: string }[];
    readonly term: number;
    readonly sequence: number;
  };
}

/** What of a Service a test asks for; the rest is as in the blog post. */
export interface WantedService {
  readonly name: string;
  /** Default: `default`. */
  readonly namespace?: string;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly labels?: Readonly<Record<string, string>>;
  readonly spec?: Partial<V1Service["spec"]>;
}

/** A LoadBalancer Service for {@link exampleApp}, ready to be created. */
export function loadBalancer(wanted: WantedService): V1Service {
  const { name, namespace = "default", annotations = {}, labels = {}, spec } = wanted;
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name, namespace, annotations: { ...annotations }, labels: { ...labels } },
    spec: {
      type: "LoadBalancer",
      selector: { "app.kubernetes.io/name": "my-example-app" },
      ports: [{ protocol: "TCP", port: 80, targetPort: 8080 }],
      ...spec,
    },
  };
}

/** The addresses in a Service's status. */
export function addressesOf(service: V1Service | undefined): readonly string[] {
  return (service?.status?.loadBalancer?.ingress ?? []).map(({ ip }) => ip ?? "");
}

/** One of our conditions, by its name without the prefix. */
export function conditionOf(
  service: V1Service | undefined,
  type: "AddressAssigned" | "Announced" | "AddressConflict",
): V1Condition | undefined {
  return service?.status?.conditions?.find((it) => it.type === `steelyard.dev/${type}`);
}
