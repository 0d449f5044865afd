import { beforeEach, describe, expect, test } from "vitest";
import { formatExplanation } from "../../../src/cli/explain/format-explanation.ts";
import { expectGolden } from "../golden.ts";
import { addLease, addNode, ago, now } from "../inspect/raw-cluster.ts";
import { Shop } from "./shop.ts";

let shop: Shop;

beforeEach(() => {
  shop = new Shop();
});

/** At 80 columns. */
async function expectTold(golden: string): Promise<void> {
  const text = formatExplanation(await shop.explain("web"), now, 80);
  expectGolden(new URL(`${golden}.txt`, import.meta.url), text);
}

describe("one screen tells of a Service", () => {
  test("that is served, by the third node in a row", async () => {
    shop.addServed();
    await expectTold("served");
  });

  test("with two addresses that moved when their node died, among twenty nodes", async () => {
    shop.addBusy();
    await expectTold("moved");
  });

  test("that shares its address with one of another namespace", async () => {
    shop.addServed();
    shop.addService("dns", ["192.0.2.3"], { namespace: "net" });
    shop.cluster.replace("ipallocations");
    shop.addAllocation("192.0.2.3", { bundle: "l2-b1" }, "web", "net/dns");
    await expectTold("shared");
  });

  test("whose traffic is local, by the nodes with Pods of it", async () => {
    shop.addServed({ spec: { externalTrafficPolicy: "Local" } });
    await expectTold("local");
  });

  test("whose traffic is local, and no Pod of it is ready", async () => {
    shop.addServed({ spec: { externalTrafficPolicy: "Local" } });
    shop.cluster.replace("endpointslices");
    await expectTold("local-without-endpoints");
  });

  test("whose address nobody can announce", async () => {
    addNode(shop.cluster, "node-1", { labels: { rack: "1" }, heardAgo: 60 });
    addNode(shop.cluster, "node-2", { labels: { rack: "2" } });
    shop.addPool();
    shop.addAdvertisement();
    const message = "192.0.2.3: no node that the L2Advertisements select can announce now";
    const conditions = [["steelyard.dev/Announced", "False", "NoEligibleNode", message]] as const;
    shop.addService("web", ["192.0.2.3"], { conditions });
    shop.addAllocation("192.0.2.3", {}, "web");
    await expectTold("nobody");
  });

  test("whose pool is in conflict with another, and that did not get all that it asks for", async () => {
    shop.addServed({
      conditions: [
        [
          ...(["steelyard.dev/AddressAssigned", "True", "AddressInUse"] as const),
          "keeps 192.0.2.3 from pool public: 192.0.2.9 is in use by another Service",
        ],
        ["steelyard.dev/Announced", "True", "Announced", "192.0.2.3 by node-1"],
      ],
    });
    shop.cluster.replace("ipaddresspools");
    shop.addPool([
      {
        ...{ type: "steelyard.dev/PoolOverlap", status: "True", reason: "PoolOverlap" },
        message: "192.0.2.8-192.0.2.15 overlaps with IPAddressPool office, which gives it",
      },
    ]);
    await expectTold("conflict");
  });

  test("while no controller leads, and its node is not heard of either", async () => {
    shop.addServed();
    shop.cluster.replace("leases");
    addLease(shop.cluster, "steelyard-controller", "steelyard-controller-5d9-x7k2p_0a1b", 400);
    for (const name of ["node-2", "node-3"]) {
      addLease(shop.cluster, `steelyard-speaker-${name}`, name, 1);
    }
    await expectTold("leader-away");
  });

  test("whose speaker is of an older version, and has not yet put in force what is new", async () => {
    shop.addServed();
    shop.cluster.replace("l2speakers");
    const nic = { name: "eth0", carrier: true, usable: true, prefixes: ["192.0.2.241/24"] };
    const applied = { allocations: "499", bundles: "900" };
    for (const name of ["node-1", "node-2"]) {
      const status = { interfaces: [nic], defaultGateways: [], highestTerm: 1, announced: 0 };
      shop.cluster.put("l2speakers", {
        ...{ metadata: { name }, status: { ...status, applied, failures: [] } },
      } as never);
    }
    await expectTold("old-speaker");
  });

  test("that is none of ours", async () => {
    shop.addService("web", [], { spec: { type: "ClusterIP" }, conditions: [] });
    await expectTold("not-ours");
  });

  test("at which nobody has looked", async () => {
    shop.addPool();
    const spec = { loadBalancerClass: "example.com/other" };
    shop.addService("web", [], { spec, conditions: [] });
    await expectTold("untouched");
  });

  test("as far as the user may know, and says what he lacks", async () => {
    shop.addBusy();
    for (const plural of ["nodes", "leases", "l2speakers", "ipaddresspools", "events"]) {
      shop.cluster.forbidden.add(plural);
    }
    await expectTold("unread");
  });

  test("to a tenant, who may read in his own namespace alone, what the Service itself says", async () => {
    shop.addBusy();
    shop.addService("dns", ["192.0.2.3"], { namespace: "net" });
    shop.cluster.replace("ipallocations");
    shop.addAllocation("192.0.2.3", { bundle: "l2-b1" }, "web", "net/dns");
    forbidAllBut("shop");
    await expectTold("tenant");
    expect(JSON.stringify(await shop.explain("web"))).not.toMatch(/dns|"net/);
  });
});

/** As the RBAC of a tenant. */
function forbidAllBut(namespace: string): void {
  const { forbidden, forbiddenNamespaces } = shop.cluster;
  for (const plural of ["nodes", "l2speakers", "l2bundles", "ipallocations", "addresspolicies"]) {
    forbidden.add(plural);
  }
  for (const other of ["net", "metallb-system", "steelyard-system"]) {
    forbiddenNamespaces.add(other);
  }
  forbiddenNamespaces.delete(namespace);
}

test("what may not be read is told without the names of what it is about", async () => {
  shop.addServed();
  shop.addService("dns", ["192.0.2.3"], { namespace: "net" });
  shop.cluster.replace("ipallocations");
  shop.addAllocation("192.0.2.3", { bundle: "l2-b1" }, "web", "net/dns");
  shop.cluster.forbiddenNamespaces.add("net");
  const { unread, addresses } = await shop.explain("web");
  expect(unread).toEqual(["get services"]);
  expect(addresses).toMatchObject([{ announced: "True", announcer: { node: "node-1" } }]);
});

test("for programs it is this, which docs/commands.md describes", async () => {
  shop.addBusy();
  const text = `${JSON.stringify(await shop.explain("web"), undefined, 2)}\n`;
  expectGolden(new URL("moved.json", import.meta.url), text);
});

test("names every node exactly once for every address", async () => {
  shop.addBusy();
  const { addresses } = await shop.explain("web");
  expect(addresses).toHaveLength(2);
  for (const { nodes } of addresses) {
    expect(new Set(nodes.map(({ node }) => node)).size).toBe(20);
    expect(nodes.filter(({ role, reason }) => role !== "owner" && reason === undefined)).toEqual(
      [],
    );
  }
});

test("that a bundle moved before it had the address is not told of the address", async () => {
  shop.addNodes("node-2");
  shop.addPool();
  shop.addAdvertisement();
  shop.addBundle("node-2", [], { from: "node-1", reason: "SpeakerSilent", at: ago(90_001) });
  shop.addService("web", ["192.0.2.3"]);
  shop.addAllocation("192.0.2.3", { bundle: "l2-b1" }, "web");
  const { addresses, changes } = await shop.explain("web");
  expect(addresses[0]?.announcer?.from).toBeUndefined();
  expect(changes.map(({ source }) => source)).toEqual(["IPAllocation"]);
});

test("that an address was given is told once, by its Event or, when that is forgotten, by its object", async () => {
  shop.addServed();
  expect((await shop.explain("web")).changes).toEqual([
    {
      ...{ at: ago(90_000), source: "IPAllocation", reason: "Assigned", count: 1 },
      message: "192.0.2.3 from pool public",
    },
  ]);
  shop.addEvent("web", 89_999, "IPAllocated", "Assigned: 192.0.2.3 from pool public");
  expect((await shop.explain("web")).changes).toMatchObject([{ source: "Event" }]);
});

describe("an address is told to be a stranger's", () => {
  const stranger = { announced: "False", reason: "NotAllocated", holders: [] };

  test("that Steelyard has not given to anybody", async () => {
    shop.addPool();
    shop.addService("web", ["203.0.113.7"]);
    const { addresses } = await shop.explain("web");
    expect(addresses).toMatchObject([stranger]);
    expect(addresses[0]?.pool).toBeUndefined();
  });

  test("that Steelyard has given to another, who is not named", async () => {
    shop.addServed();
    shop.cluster.replace("ipallocations");
    shop.addAllocation("192.0.2.3", { bundle: "l2-b1" }, "net/dns");
    const { addresses } = await shop.explain("web");
    expect(addresses).toMatchObject([stranger]);
  });
});

describe("where the Pods are", () => {
  test("endpoints that name no node are told of, too", async () => {
    shop.addServed();
    shop.cluster.replace("endpointslices", {
      metadata: {
        ...{ name: "web-1", namespace: "shop" },
        ...{ labels: { "kubernetes.io/service-name": "web" } },
      },
      endpoints: [{ addresses: ["198.51.100.7"] }],
    } as never);
    const { endpoints } = await shop.explain("web");
    expect(endpoints).toEqual({ ready: [], serving: [], elsewhere: true });
  });

  test("those of others with a longer name are not its own", async () => {
    shop.addServed();
    shop.cluster.replace("endpointslices");
    shop.addPods("web-2", ["node-2"]);
    shop.addPods("web", ["node-3"], { ready: false, serving: true });
    const { endpoints } = await shop.explain("web");
    expect(endpoints).toEqual({ ready: [], serving: ["node-3"], elsewhere: false });
  });
});
