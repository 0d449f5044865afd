import type { Resource } from "./resource.ts";

/** Every kind that Steelyard reads or writes. */

export const services: Resource = core("services", "Service", true);
export const nodes: Resource = core("nodes", "Node", false);
export const namespaces: Resource = core("namespaces", "Namespace", false);
export const pods: Resource = core("pods", "Pod", true);

export const secrets: Resource = core("secrets", "Secret", true);

export const leases: Resource = {
  group: "coordination.k8s.io",
  version: "v1",
  plural: "leases",
  kind: "Lease",
  namespaced: true,
};

export const endpointSlices: Resource = {
  group: "discovery.k8s.io",
  version: "v1",
  plural: "endpointslices",
  kind: "EndpointSlice",
  namespaced: true,
};

export const serviceCidrs: Resource = {
  group: "networking.k8s.io",
  version: "v1",
  plural: "servicecidrs",
  kind: "ServiceCIDR",
  namespaced: false,
};

export const customResourceDefinitions: Resource = {
  group: "apiextensions.k8s.io",
  version: "v1",
  plural: "customresourcedefinitions",
  kind: "CustomResourceDefinition",
  namespaced: false,
};

export const validatingWebhookConfigurations: Resource = {
  group: "admissionregistration.k8s.io",
  version: "v1",
  plural: "validatingwebhookconfigurations",
  kind: "ValidatingWebhookConfiguration",
  namespaced: false,
};

export const ipAddressPools: Resource = metallb("ipaddresspools", "IPAddressPool");
export const l2Advertisements: Resource = metallb("l2advertisements", "L2Advertisement");
export const configurationStates: Resource = metallb("configurationstates", "ConfigurationState");
export const serviceL2Statuses: Resource = metallb("servicel2statuses", "ServiceL2Status");

export const addressPolicies: Resource = steelyard("addresspolicies", "AddressPolicy");
export const ipAllocations: Resource = steelyard("ipallocations", "IPAllocation");
export const l2Bundles: Resource = steelyard("l2bundles", "L2Bundle");
export const l2Speakers: Resource = steelyard("l2speakers", "L2Speaker");

function core(plural: string, kind: string, namespaced: boolean): Resource {
  return { group: "", version: "v1", plural, kind, namespaced };
}

function metallb(plural: string, kind: string): Resource {
  return { group: "metallb.io", version: "v1beta1", plural, kind, namespaced: true };
}

function steelyard(plural: string, kind: string): Resource {
  return { group: "steelyard.dev", version: "v1alpha1", plural, kind, namespaced: false };
}
