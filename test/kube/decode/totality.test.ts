import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decodeAddressPolicy } from "../../../src/kube/decode/address-policy.ts";
import {
  decodeEndpointAddresses,
  decodeServiceCidr,
} from "../../../src/kube/decode/cluster-addresses.ts";
import { decodeDefinition } from "../../../src/kube/decode/definition.ts";
import { decodeIpAddressPool } from "../../../src/kube/decode/ip-address-pool.ts";
import { decodeIpAllocation } from "../../../src/kube/decode/ip-allocation.ts";
import { decodeL2Advertisement } from "../../../src/kube/decode/l2-advertisement.ts";
import { decodeL2Bundle } from "../../../src/kube/decode/l2-bundle.ts";
import { decodeL2Speaker } from "../../../src/kube/decode/l2-speaker.ts";
import { decodeLease } from "../../../src/kube/decode/lease.ts";
import { decodeNamespace } from "../../../src/kube/decode/namespace.ts";
import { decodeNode } from "../../../src/kube/decode/node.ts";
import { decodeService } from "../../../src/kube/decode/service.ts";
import { decodeWebhookRegistration } from "../../../src/kube/decode/webhook-registration.ts";
import { decodeWebhookSecret } from "../../../src/kube/decode/webhook-secret.ts";

const decoders: Readonly<Record<string, (raw: unknown) => unknown>> = {
  Service: (raw) => decodeService(raw, ""),
  IPAddressPool: decodeIpAddressPool,
  L2Advertisement: decodeL2Advertisement,
  AddressPolicy: decodeAddressPolicy,
  IPAllocation: decodeIpAllocation,
  L2Bundle: decodeL2Bundle,
  L2Speaker: decodeL2Speaker,
  Lease: decodeLease,
  Namespace: decodeNamespace,
  CustomResourceDefinition: decodeDefinition,
  Node: decodeNode,
  ServiceCIDR: decodeServiceCidr,
  EndpointSlice: decodeEndpointAddresses,
  Secret: decodeWebhookSecret,
  ValidatingWebhookConfiguration: decodeWebhookRegistration,
};

/** Every field name that a decoder reads, so that arbitrary values reach deep. */
const fields = [
  ...[
    "annotations",
    "labels",
    "namespace",
    "uid",
    "resourceVersion",
    "addresses",
    "address",
    "autoAssign",
  ],
  ...[
    "avoidBuggyIPs",
    "serviceAllocation",
    "priority",
    "namespaces",
    "namespaceSelectors",
    "serviceSelectors",
  ],
  ...[
    "matchLabels",
    "matchExpressions",
    "key",
    "operator",
    "values",
    "state",
    "holders",
    "ports",
    "port",
    "sharingKey",
    "backend",
    "bundle",
  ],
  ...[
    "ipAddressPools",
    "ipAddressPoolSelectors",
    "nodeSelectors",
    "interfaces",
    "owner",
    "standbys",
    "node",
    "term",
  ],
  ...[
    "sequence",
    "defaultGateways",
    "applied",
    "allocations",
    "bundles",
    "failures",
    "reason",
    "mac",
    "prefixes",
  ],
  ...[
    "holderIdentity",
    "renewTime",
    "podCIDRs",
    "conditions",
    "type",
    "status",
    "cidrs",
    "endpoints",
    "pool",
    "name",
  ],
  ...[
    "loadBalancer",
    "ingress",
    "ip",
    "loadBalancerIP",
    "clusterIPs",
    "clusterIP",
    "externalIPs",
    "ipFamilyPolicy",
  ],
  ...[
    "metallb.io/loadBalancerIPs",
    "metallb.universe.tf/address-pool",
    "observedGeneration",
    "generation",
    "excludedAddresses",
    "profile",
    "reuseDelaySeconds",
    "sharingScope",
    "refusedAtAdmission",
    "__proto__",
  ],
  ...["tls.crt", "tls.key", "ca.crt", "next.crt", "clientConfig", "caBundle"],
];

const texts = [
  "",
  "192.0.2.4",
  "::1",
  "10.0.0.0/8",
  "192.0.2.9-192.0.2.1",
  "In",
  "Exists",
  "True",
  "02:00:00:00:00:01",
];
const leaf = fc.oneof(fc.jsonValue({ maxDepth: 1 }), fc.constantFrom(...texts));
const { value } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 5, withCrossShrink: true },
    leaf,
    fc.array(tie("value"), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom(...fields), tie("value"), { maxKeys: 6 }),
  ),
}));
const named = fc
  .record({
    metadata: fc.dictionary(fc.constantFrom(...fields), value),
    spec: value,
    status: value,
    endpoints: value,
    data: value,
    webhooks: value,
  })
  .map((raw) => ({ ...raw, metadata: { ...raw.metadata, name: "x" } }));

describe.each(Object.entries(decoders))("reading a %s", (_, decode) => {
  test("succeeds whatever it holds, as long as it has a name", () => {
    fc.assert(fc.property(named, (raw) => void decode(raw)));
  });

  test("without a name is an error, whatever it is", () => {
    fc.assert(
      fc.property(fc.oneof(value, fc.anything()), (raw) => {
        const { metadata } = (raw ?? {}) as { metadata?: { name?: unknown } };
        fc.pre(typeof metadata?.name !== "string");
        expect(() => decode(raw)).toThrow("metadata.name is missing");
      }),
    );
  });

  test("keeps what the store needs to know", () => {
    const metadata = { name: "x", namespace: "ns", uid: "u", resourceVersion: "7" };
    const spec = { address: "192.0.2.4" };
    expect(decode({ metadata, spec })).toMatchObject({
      key: "ns/x",
      uid: "u",
      resourceVersion: "7",
    });
  });
});
