import { describe, expect, test } from "vitest";
import { type CheckSettings, checkObjects } from "../../../src/cli/check/check-objects.ts";
import { PlannedCluster } from "../../../src/cli/check/planned-cluster.ts";
import { decodeIpAddressPool } from "../../../src/kube/decode/ip-address-pool.ts";
import {
  decodeIpAllocation,
  type IpAllocationObject,
} from "../../../src/kube/decode/ip-allocation.ts";
import { decodeService, type ServiceObject } from "../../../src/kube/decode/service.ts";
import { parseManifest } from "../../../src/kube/manifest.ts";
import { HandClock } from "../../kube/hand-clock.ts";

const settings: CheckSettings = {
  configNamespace: "metallb-system",
  loadBalancerClass: "",
  namespace: "default",
  offline: true,
};

/** The findings of a manifest, each as `line severity name field: first words`. */
async function findings(text: string): Promise<readonly string[]> {
  const options = { ...settings, transport: undefined, clock: new HandClock() };
  const cluster = await PlannedCluster.read(options);
  const { objects } = parseManifest(text, "x.yaml");
  return checkObjects(objects, cluster, settings).findings.map(
    ({ line, severity, name, field = "", message }) =>
      `${line} ${severity} ${name} ${field}: ${message}`,
  );
}

function pool(name: string, addresses: string, more = ""): string {
  return `apiVersion: metallb.io/v1beta1
kind: IPAddressPool
metadata: {name: ${name}, namespace: metallb-system}
spec: {addresses: [${addresses}]${more}}
`;
}

function service(name: string, spec = "", annotations = ""): string {
  return `apiVersion: v1
kind: Service
metadata: {name: ${name}, annotations: {${annotations}}}
spec: {type: LoadBalancer, ports: [{port: 80}]${spec}}
`;
}

const advertisement = (spec: string): string => `apiVersion: metallb.io/v1beta1
kind: L2Advertisement
metadata: {name: all, namespace: metallb-system}
spec: {${spec}}
`;

const all = (...documents: readonly string[]): string => documents.join("---\n");

describe("files for a cluster with pools in use", () => {
  const held = "192.0.2.7";

  /** What is said of files where pool `a` is 192.0.2.0/28, of which a Service holds an address. */
  async function said(text: string): Promise<readonly string[]> {
    const options = { ...settings, transport: undefined, clock: new HandClock() };
    const cluster = await PlannedCluster.read(options);
    const [{ raw } = { raw: {} }] = parseManifest(pool("a", "192.0.2.0/28"), "x").objects;
    cluster.put(cluster.stores.pools, decodeIpAddressPool, raw);
    const holders = ["web", "dns"].map((name, i) => {
      const [identity, ports] = [{ namespace: "shop", name, uid: name }, [{ port: 80 + i }]];
      const spec = { type: "LoadBalancer", ports, clusterIPs: ["10.96.0.7"] };
      const decode = (one: unknown): ServiceObject => decodeService(one, "");
      cluster.put(cluster.stores.services, decode, { metadata: identity, spec });
      return { ...identity, sharingKey: "k", ports: [{ protocol: "TCP", port: 80 + i }] };
    });
    const spec = { address: held, pool: "a", state: "Allocated", holders };
    const decode = (one: unknown): IpAllocationObject =>
      decodeIpAllocation(one) as IpAllocationObject;
    cluster.put(cluster.stores.allocations, decode, { metadata: { name: held }, spec });
    const { findings: found } = checkObjects(parseManifest(text, "x").objects, cluster, settings);
    return found.map(({ severity, name, message }) => `${severity} ${name}: ${message}`);
  }

  test("tell what a smaller pool takes from Services", async () => {
    expect(await said(pool("a", "192.0.2.8/29"))).toEqual([
      expect.stringMatching(/^warn a: 192\.0\.2\.7, which Services hold, would be in no pool/),
    ]);
  });

  test("have nothing to tell where another pool takes its place", async () => {
    expect(await said(all(pool("a", "192.0.2.8/29"), pool("b", "192.0.2.0/29")))).toEqual([]);
  });

  test("know the Services that are there as who they are: one that asks for what it cannot have keeps its own", async () => {
    const inShop = (name: string): string =>
      service(name, ", loadBalancerIP: 203.0.113.1", '"metallb.io/allow-shared-ip": k').replace(
        "name:",
        "namespace: shop, name:",
      );
    expect(await said(all(inShop("web"), inShop("new")))).toEqual([
      expect.stringMatching(/^warn web: the Service keeps 192\.0\.2\.7 \(AddressNotInPool\)/),
      expect.stringMatching(/^warn new: the Service gets no address for now/),
    ]);
  });

  test.each([
    ["new", "web"],
    ["web", "new"],
  ])(
    "tell when %s takes a port on a shared address first and %s wants it too",
    async (...names) => {
      const [key, spec] = ['"metallb.io/allow-shared-ip": k', `, loadBalancerIP: ${held}`];
      const texts = names.map((name) =>
        service(name, spec, key).replace("name:", "namespace: shop, name:"),
      );
      expect(await said(all(...texts).replaceAll("port: 80", "port: 82"))).toEqual([
        expect.stringMatching(new RegExp(`^warn ${names[1]}: .* TCP/82 is in use there`)),
      ]);
    },
  );

  test("leave an address with those who share it when one of them goes from it", async () => {
    const web = service("web", ", loadBalancerIP: 192.0.2.8").replace(
      "name: web",
      "namespace: shop, name: web",
    );
    const other = service("other", `, loadBalancerIP: ${held}`);
    expect(await said(all(web, other))).toEqual([
      expect.stringMatching(/^warn other: .*192\.0\.2\.7 is in use/),
    ]);
  });
});

describe("files alone", () => {
  test("without a fault have no finding", async () => {
    const text = all(
      advertisement("ipAddressPools: [a]"),
      service("s", ", loadBalancerIP: 192.0.2.7"),
      service("t"),
      pool("a", "192.0.2.0/28"),
      "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d}\n",
    );
    expect(await findings(text)).toEqual([]);
  });

  test("have the faults of each pool at their lines", async () => {
    expect(await findings(all(pool("a", "192.0.2.0/28"), pool("b", "nonsense")))).toEqual([
      expect.stringMatching(/^9 refuse b spec\.addresses\[0\]: "nonsense" is neither/),
    ]);
  });

  test("have pools that overlap, each with the other", async () => {
    const found = await findings(all(pool("a", "192.0.2.0/28"), pool("b", "192.0.2.8/32")));
    expect(found).toEqual([
      expect.stringMatching(/^4 refuse a .* 192\.0\.2\.8 is in IPAddressPool b/),
      expect.stringMatching(/^9 refuse b .* 192\.0\.2\.8 is in IPAddressPool a/),
    ]);
  });

  test("have pools that no advertisement covers, where there are advertisements", async () => {
    expect(
      await findings(all(pool("a", "192.0.2.0/28"), advertisement("ipAddressPools: [b]"))),
    ).toEqual([
      expect.stringMatching(/^1 warn a : no L2Advertisement covers it/),
      expect.stringMatching(/^9 warn all spec\.ipAddressPools\[0\]: there is no IPAddressPool b/),
    ]);
  });

  test("have Services that ask for what another one before them gets", async () => {
    const wish = ", loadBalancerIP: 192.0.2.7";
    const found = await findings(
      all(pool("a", "192.0.2.0/28"), service("s", wish), service("t", wish)),
    );
    expect(found).toEqual([expect.stringMatching(/^14 warn t .* is in use by Service default\/s/)]);
  });

  test("have no Service twice on an address that both share", async () => {
    const share = (port: number): string => `, loadBalancerIP: 192.0.2.7, ports: [{port: ${port}}]`;
    const key = '"metallb.io/allow-shared-ip": k';
    const text = [80, 81, 81].map((port, i) =>
      service(`s${i}`, share(port), key).replace("ports: [{port: 80}], ", ""),
    );
    expect(await findings(all(pool("a", "192.0.2.0/28"), ...text))).toEqual([
      expect.stringContaining("warn s2"),
    ]);
  });

  test("have the Service for which no address is left", async () => {
    const text = all(pool("a", "192.0.2.8/31"), service("s"), service("t"), service("u"));
    expect(await findings(text)).toEqual([expect.stringMatching(/warn u .*\(PoolExhausted\)/)]);
  });

  test("without any pool say nothing of what can be had, only of what cannot be read", async () => {
    const text = all(
      service("s", ", loadBalancerIP: 192.0.2.7"),
      service("t", "", '"metallb.io/loadBalancerIPs": 192.0.2.300'),
    );
    expect(await findings(text)).toEqual([expect.stringMatching(/refuse t : invalid/)]);
  });

  test.each([
    [", ipFamilies: [IPv6], loadBalancerIP: '2001:db8::7'", []],
    [", ipFamilyPolicy: RequireDualStack", []],
    [", loadBalancerIP: '2001:db8::7'", []],
    [
      ", ipFamilies: [IPv4], loadBalancerIP: '2001:db8::7'",
      [expect.stringContaining("RequestFamilyMismatch")],
    ],
  ])("take the families of a Service from what it says: %s", async (spec, expected) => {
    const text = all(pool("a", "192.0.2.0/28, '2001:db8::/120'"), service("s", spec));
    expect(await findings(text)).toEqual(expected);
  });

  test("have an object that is in them twice", async () => {
    expect(await findings(all(pool("a", "192.0.2.0/28"), pool("a", "192.0.2.0/28")))).toEqual([
      "6 warn a : it is in x.yaml:1 as well: the last one applied counts",
    ]);
  });

  test("have pools in a namespace that is not read, and what has no effect", async () => {
    const text = all(
      pool("a", "nonsense").replace("metallb-system", "default"),
      "apiVersion: metallb.io/v1beta2\nkind: BGPPeer\nmetadata: {name: p}\n",
    );
    expect(await findings(text)).toEqual([
      expect.stringMatching(
        /^3 warn a metadata\.namespace: Steelyard reads only the IPAddressPools in namespace metallb-system/,
      ),
      expect.stringMatching(/^6 warn p : it has no effect/),
    ]);
  });

  test("have kinds of Steelyard and MetalLB that do not exist, and not those that these write", async () => {
    const text = all(
      "apiVersion: metallb.io/v1beta1\nkind: IPAdressPool\nmetadata: {name: p}\n",
      "apiVersion: steelyard.dev/v1alpha1\nkind: AdressPolicy\nmetadata: {name: q}\n",
      "apiVersion: steelyard.dev/v1alpha1\nkind: IPAllocation\nmetadata: {name: 192.0.2.7}\n",
    );
    expect(await findings(text)).toEqual([
      "2 refuse p kind: metallb.io has no kind IPAdressPool: correct kind or apiVersion",
      "6 refuse q kind: steelyard.dev has no kind AdressPolicy: correct kind or apiVersion",
    ]);
  });

  test("have objects without a name", async () => {
    const text = "apiVersion: v1\nkind: Service\nspec: {}\n";
    expect(await findings(text)).toEqual([expect.stringContaining("it has no name")]);
  });

  test("have AddressPolicies that cannot be read", async () => {
    const text = `apiVersion: steelyard.dev/v1alpha1
kind: AddressPolicy
metadata: {name: p}
spec: {excludedAddresses: [nonsense]}
`;
    expect(await findings(text)).toEqual([
      expect.stringContaining("refuse p spec.excludedAddresses"),
    ]);
  });
});
