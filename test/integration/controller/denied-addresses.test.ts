import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { addressesOf, conditionOf } from "../../e2e/cluster-objects.ts";
import {
  decided,
  eventually,
  type InstalledCluster,
  startInstalled,
} from "../../e2e/installed-cluster.ts";

let cluster: InstalledCluster;

/** Nodes .241 to .243, the gateway .254, broadcast .255, and eight that are nobody's. */
const edge = ["192.0.2.240-192.0.2.250", "192.0.2.254-192.0.2.255"];
const edgeSize = 13;
const edgeFree = ["240", "244", "245", "246", "247", "248", "249", "250"].map(
  (last) => `192.0.2.${last}`,
);

beforeAll(async () => {
  cluster = await startInstalled({ nodes: 3 });
  const { api } = cluster;
  await api.createPool("lan", ["192.0.2.0-192.0.2.239"], { autoAssign: false });
  await api.createPool("edge", edge, { autoAssign: false });
  await api.createPool("services", ["10.96.0.0/16"], { autoAssign: false });
  await api.createPool("pods", ["10.244.0.0/16"], { autoAssign: false });
  await api.createPool("management", ["198.51.100.0/24"], { autoAssign: false });
});

afterAll(async () => {
  await cluster?.stop();
});

/** Every address of the cluster itself, and the words that say whose it is. */
const denied = [
  ["192.0.2.0", "is the network or broadcast address of 192.0.2.24\\d/24 on node node-\\d"],
  ["192.0.2.255", "is the network or broadcast address of 192.0.2.24\\d/24 on node node-\\d"],
  ["192.0.2.241", "is an address of node node-1"],
  ["192.0.2.243", "is an address of node node-3"],
  ["192.0.2.254", "is the default gateway of node node-\\d"],
  ["10.96.0.1", "is inside the Service CIDR of this cluster"],
  ["10.96.7.7", "is inside the Service CIDR of this cluster"],
  ["10.244.2.200", "is inside the Pod CIDR of node node-2"],
  ["198.51.100.1", "is an address of the Kubernetes API server"],
  ["198.51.100.12", "is an address of node node-2"],
  ["198.51.100.255", "is the network or broadcast address of 198.51.100.1\\d/24 on node node-\\d"],
] as const;

describe("an address of the cluster itself", () => {
  test.each(denied)("%s is refused to a Service that asks for it", async (address, words) => {
    const { api } = cluster;
    const name = `wants-${address.replaceAll(".", "-")}`;
    const created = await api.createService({ name, spec: { loadBalancerIP: address } });
    const service = await decided(api, "False", name);
    expect(addressesOf(service)).toEqual([]);
    const condition = conditionOf(service, "AddressAssigned");
    expect(condition?.reason).toBe("AddressDenied");
    expect(condition?.message).toMatch(new RegExp(`^${address} ${words}$`));
    await eventually("its Event", async () =>
      (await api.eventsOf(created.metadata?.uid)).some(
        ({ reason, message }) =>
          reason === "AllocationFailed" && message === `AddressDenied: ${condition?.message}`,
      ),
    );
    expect(await api.allocation(address)).toBeUndefined();
  });

  test("is never given by automatic choice; all others are, and the surplus waits", async () => {
    const { api } = cluster;
    const names = Array.from({ length: edgeSize }, (_, index) => `automatic-${index}`);
    const annotations = { "metallb.io/address-pool": "edge" };
    await Promise.all(names.map((name) => api.createService({ name, annotations })));
    const services = await eventually("an answer to each", async () => {
      const all = await Promise.all(names.map((name) => api.service(name)));
      return all.every((it) => conditionOf(it, "AddressAssigned") !== undefined) && all;
    });
    const given = services.flatMap(addressesOf).sort();
    expect(given).toEqual(edgeFree);
    const waiting = services.filter((service) => addressesOf(service).length === 0);
    for (const service of waiting) {
      expect(conditionOf(service, "AddressAssigned")).toMatchObject({
        status: "False",
        reason: "PoolExhausted",
        message: "no available IPs: no free IPv4 address in pool edge",
      });
    }
    const [gone] = services.filter((service) => addressesOf(service).length > 0);
    await api.removeService(gone?.metadata?.name ?? "");
    const heir = await eventually("one that waited has the address that was freed", async () => {
      const all = await Promise.all(
        waiting.map(({ metadata = {} } = {}) => api.service(metadata.name ?? "")),
      );
      return all.find((service) => addressesOf(service).length > 0);
    });
    expect(addressesOf(heir)).toEqual(addressesOf(gone));
    const allocation = await api.allocation(addressesOf(heir)[0] ?? "");
    expect(allocation?.spec.holders.map(({ uid }) => uid)).toEqual([heir.metadata?.uid]);
  });
});
