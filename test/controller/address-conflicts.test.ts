import { beforeEach, describe, expect, test } from "vitest";
import { AddressConflicts } from "../../src/controller/address-conflicts.ts";
import { decodeL2Speaker } from "../../src/kube/decode/l2-speaker.ts";
import { decodeNode } from "../../src/kube/decode/node.ts";
import { silentLog } from "../../src/runtime/log.ts";
import { ip } from "../core/net/arbitraries.ts";
import { configNamespace, KnownCluster } from "./known-cluster.ts";

const held = "192.0.2.10";
const stranger = "02:00:00:00:00:66";
const router = "02:00:00:00:00:fe";

let cluster: KnownCluster;
let conflicts: AddressConflicts;
let heldChanges: string[];
let poolChanges: string[];

/** The stranger has the address, as the speaker of node `a` tells. */
function conflict(address: string, isHeld: boolean, mac = stranger): object {
  return { address, mac, interface: "eth0", held: isHeld };
}

/** The speaker of the node reports its network and these conflicts. */
function report(
  node: string,
  seen: { conflicts?: readonly object[]; clear?: readonly string[] },
): void {
  const path = `/apis/steelyard.dev/v1alpha1/l2speakers/${node}/status`;
  const last = node === "a" ? 241 : 242;
  const status = {
    interfaces: [
      {
        name: "eth0",
        mac: `02:00:00:00:00:0${node}`,
        carrier: true,
        usable: true,
        prefixes: [`192.0.2.${last}/24`],
      },
    ],
    ...{ defaultGateways: [], highestTerm: 0, announced: 0, failures: [] },
    applied: { allocations: "0", bundles: "0" },
    conflicts: seen.conflicts ?? null,
    clear: seen.clear ?? null,
  };
  cluster.api.handle({ method: "PATCH", path, body: { status } }, node);
  seeSpeakers();
}

function seeSpeakers(): void {
  for (const raw of cluster.api.list("l2speakers")) {
    cluster.stores.speakers.upsert(decodeL2Speaker(raw));
  }
}

function ordersOf(node: string): { probes?: readonly string[]; intruders?: readonly object[] } {
  return (cluster.api.get("l2speakers", node)?.spec ?? {}) as never;
}

function stateOf(address: string): string | undefined {
  return cluster.api.get("ipallocations", address)?.spec?.["state"];
}

beforeEach(async () => {
  cluster = new KnownCluster();
  cluster.followAllocations();
  for (const name of ["a", "b"]) {
    cluster.create("/api/v1/nodes", { name });
    cluster.create("/apis/steelyard.dev/v1alpha1/l2speakers", { name }, { spec: {} });
  }
  for (const raw of cluster.api.list("nodes")) {
    cluster.stores.nodes.upsert(decodeNode(raw));
  }
  cluster.reports.load();
  cluster.createService("s1");
  cluster.create(
    "/apis/steelyard.dev/v1alpha1/l2bundles",
    { name: "b1" },
    {
      spec: {
        advertisements: ["d"],
        owner: { node: "a", interfaces: [] },
        standbys: [],
        term: 1,
        sequence: 1,
      },
    },
  );
  cluster.create(
    "/apis/steelyard.dev/v1alpha1/ipallocations",
    { name: held },
    {
      spec: {
        address: held,
        pool: "p1",
        state: "Allocated",
        bundle: "b1",
        holders: [{ namespace: "a", name: "s1", uid: "u" }],
      },
    },
  );
  cluster.see();
  heldChanges = [];
  poolChanges = [];
  conflicts = new AddressConflicts({
    ...cluster,
    isAlive: () => true,
    configNamespace,
    conflicts: { probes: true, ignoredMacs: [router] },
    onHeldChanged: (addresses) => heldChanges.push(...addresses),
    onPoolChanged: (pool) => poolChanges.push(pool),
    log: silentLog,
  });
  void conflicts.run(new AbortController().signal);
  conflicts.start();
  report("a", {});
  report("b", {});
  await cluster.clock.advance(10_000);
});

describe("what pools give next", () => {
  test("is looked for by one speaker on its subnet, without further writes while nothing changes", async () => {
    expect(ordersOf("a")).toEqual({ probes: ["192.0.2.11", "192.0.2.12"], intruders: [] });
    expect(ordersOf("b")).toEqual({});
    const before = cluster.asked.length;
    await cluster.clock.advance(600_000);
    expect(cluster.asked).toHaveLength(before);
  });

  test("is kept from everybody while a host has it, and free again when nobody does", async () => {
    report("a", { conflicts: [conflict("192.0.2.11", false)] });
    await cluster.clock.advance(2_000);
    const object = cluster.api.get("ipallocations", "192.0.2.11");
    expect(object?.spec).toMatchObject({
      ...{ state: "Quarantined", pool: "p1", holders: [] },
      claimant: { mac: stranger, node: "a" },
    });
    expect(cluster.state.supply.lowestFree("p1", 4)).toBe("192.0.2.12");
    expect(conflicts.inPool("p1")?.message).toContain(`192.0.2.11 (MAC ${stranger})`);
    report("a", { clear: ["192.0.2.11"] });
    await cluster.clock.advance(2_000);
    expect(stateOf("192.0.2.11")).toBeUndefined();
    expect(conflicts.inPool("p1")).toBeUndefined();
    expect(new Set(poolChanges)).toEqual(new Set(["p1"]));
  });

  test("is given out all the same beyond a quarter of the pool, which is told", async () => {
    report("a", { conflicts: [conflict("192.0.2.11", false), conflict("192.0.2.12", false)] });
    await cluster.clock.advance(2_000);
    expect([stateOf("192.0.2.11"), stateOf("192.0.2.12")]).toEqual(["Quarantined", undefined]);
    expect(conflicts.inPool("p1")?.message).toMatch(/given out all the same.*192\.0\.2\.12/);
  });

  test.each([
    ["another node of ours has it", conflict("192.0.2.11", false, "02:00:00:00:00:0b"), "a"],
    ["a router that answers for others has it", conflict("192.0.2.11", false, router), "a"],
    ["a speaker says so that was not asked", conflict("192.0.2.11", false), "b"],
    ["no pool has it", conflict("198.51.100.1", false), "a"],
  ])("is not kept back when %s", async (_, seen, node) => {
    report(node, { conflicts: [seen] });
    await cluster.clock.advance(2_000);
    expect(cluster.api.list("ipallocations").map(({ metadata }) => metadata.name)).toEqual([held]);
  });
});

describe("a held address that a host has, too", () => {
  test("stays held; the node is told to defend it, and the Service is looked at, until the host is gone", async () => {
    report("a", { conflicts: [conflict(held, true)] });
    await cluster.clock.advance(2_000);
    expect(stateOf(held)).toBe("Allocated");
    expect(conflicts.of(ip(held))).toEqual({ address: held, mac: stranger, node: "a" });
    expect(ordersOf("a").intruders).toEqual([{ address: held, mac: stranger }]);
    expect(heldChanges).toEqual([held]);
    report("a", {});
    await cluster.clock.advance(2_000);
    expect(conflicts.of(ip(held))).toBeUndefined();
    expect(ordersOf("a").intruders).toEqual([]);
    expect(heldChanges).toEqual([held, held]);
  });

  test.each([
    ["another node of ours claims it", conflict(held, true, "02:00:00:00:00:0b"), "a"],
    ["a node says so that is not to announce it", conflict(held, true), "b"],
  ])("is in no conflict when %s", async (_, seen, node) => {
    report(node, { conflicts: [seen] });
    await cluster.clock.advance(2_000);
    expect(conflicts.of(ip(held))).toBeUndefined();
    expect(ordersOf("a").intruders).toEqual([]);
  });
});

test("speakers that report whatever they like make the leader write a bounded number of times", async () => {
  cluster.asked.length = 0;
  for (let second = 0; second < 120; second += 1) {
    const isEven = second % 2 === 0;
    report(
      "a",
      isEven ? { conflicts: [conflict("192.0.2.11", false)] } : { clear: ["192.0.2.11"] },
    );
    await cluster.clock.advance(1_000);
  }
  const created = cluster.asked.filter((it) => it.startsWith("POST ")).length;
  expect(created).toBeLessThanOrEqual(3 * 8);
});
