import { expect, test } from "vitest";
import { checkPresent } from "../../../src/cli/check/configuration-check.ts";
import { PlannedCluster } from "../../../src/cli/check/planned-cluster.ts";
import { decodeAddressPolicy } from "../../../src/kube/decode/address-policy.ts";
import { decodeIpAddressPool } from "../../../src/kube/decode/ip-address-pool.ts";
import { decodeL2Advertisement } from "../../../src/kube/decode/l2-advertisement.ts";
import { HandClock } from "../../kube/hand-clock.ts";

test("what is in the cluster is checked, of every kind of the configuration", async () => {
  const configNamespace = "metallb-system";
  const options = { configNamespace, loadBalancerClass: "", transport: undefined };
  const cluster = await PlannedCluster.read({ ...options, clock: new HandClock() });
  const { pools, advertisements, policies } = cluster.stores;
  const metadata = (name: string): object => ({ name, namespace: configNamespace });
  cluster.put(pools, decodeIpAddressPool, {
    ...{ metadata: metadata("a"), spec: { addresses: ["192.0.2.0/28"] } },
  });
  cluster.put(advertisements, decodeL2Advertisement, {
    ...{ metadata: metadata("all"), spec: { ipAddressPools: ["b"] } },
  });
  cluster.put(policies, decodeAddressPolicy, {
    ...{ metadata: { name: "p" }, spec: { ipAddressPools: ["c"] } },
  });
  const { checked, findings } = checkPresent(cluster);
  expect(checked).toBe(3);
  expect(findings).toMatchObject([
    { kind: "IPAddressPool", name: "a", namespace: configNamespace, severity: "warn" },
    { kind: "L2Advertisement", name: "all", field: "spec.ipAddressPools[0]" },
    { kind: "AddressPolicy", name: "p", namespace: undefined, field: "spec.ipAddressPools[0]" },
  ]);
});
