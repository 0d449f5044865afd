import { field, listField, textField, textListField } from "./fields.ts";

/** What k3s ServiceLB marks Services, Pods and Nodes with. */
const k3sPrefix = "svccontroller.k3s.cattle.io/";

/**
 * Which other load balancer serves a Service, in words, by the marks that it leaves
 * there; `undefined`: none that we know. Which class the Service has does not matter: unless it has
 * one, several may serve it at once.
 */
export function decodeServedBy(raw: unknown): string | undefined {
  const marks = [
    ...Object.keys(field(raw, "metadata", "labels") ?? {}),
    ...Object.keys(field(raw, "metadata", "annotations") ?? {}),
    ...textListField(raw, "metadata", "finalizers"),
  ];
  if (marks.some((mark) => mark.startsWith(k3sPrefix))) {
    return "k3s ServiceLB";
  }
  const satisfied = listField(raw, "status", "conditions").some(
    (condition) =>
      textField(condition, "type") === "cilium.io/IPAMRequestSatisfied" &&
      textField(condition, "status") === "True",
  );
  if (satisfied || textField(raw, "spec", "loadBalancerClass")?.startsWith("io.cilium/") === true) {
    return "Cilium LB-IPAM";
  }
  // Kubernetes' own frame for cloud controllers, in which k3s ServiceLB is one, too.
  return marks.includes("service.kubernetes.io/load-balancer-cleanup")
    ? "a cloud controller (in k3s: ServiceLB)"
    : undefined;
}
