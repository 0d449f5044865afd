import { expect, test } from "vitest";
import { decodeServedBy } from "../../../src/kube/decode/served-by.ts";

const satisfied = (status: string): object => ({
  status: { conditions: [{ type: "cilium.io/IPAMRequestSatisfied", status }] },
});

test.each<[string, object, string | undefined]>([
  ["nothing", {}, undefined],
  ["our own marks", { metadata: { annotations: { "metallb.io/address-pool": "x" } } }, undefined],
  [
    "a finalizer of ServiceLB",
    { metadata: { finalizers: ["svccontroller.k3s.cattle.io/daemonset"] } },
    "k3s ServiceLB",
  ],
  [
    "a label of ServiceLB",
    { metadata: { labels: { "svccontroller.k3s.cattle.io/lbpool": "one" } } },
    "k3s ServiceLB",
  ],
  ["what Cilium says when it gave an address", satisfied("True"), "Cilium LB-IPAM"],
  ["what Cilium says when it has none to give", satisfied("False"), undefined],
  [
    "a class of Cilium",
    { spec: { loadBalancerClass: "io.cilium/l2-announcer" } },
    "Cilium LB-IPAM",
  ],
  [
    "the finalizer of cloud controllers",
    { metadata: { finalizers: ["service.kubernetes.io/load-balancer-cleanup"] } },
    "a cloud controller (in k3s: ServiceLB)",
  ],
])("another load balancer is known by %s", (_, raw, name) => {
  expect(decodeServedBy(raw)).toBe(name);
});
