import { beforeEach, describe, expect, test } from "vitest";
import { LateComers } from "../../../src/controller/late-comers.ts";
import { ConfigurationReporter } from "../../../src/controller/reporting/configuration-reporter.ts";
import type { Service } from "../../../src/core/model/service.ts";
import type { IpAddress } from "../../../src/core/net/ip-address.ts";
import type { IpAllocationObject } from "../../../src/kube/decode/ip-allocation.ts";
import { decodeL2Advertisement } from "../../../src/kube/decode/l2-advertisement.ts";
import { decodeNode } from "../../../src/kube/decode/node.ts";
import type { EventNote } from "../../../src/kube/event-note.ts";
import { silentLog } from "../../../src/runtime/log.ts";
import type { ApiObject } from "../../simulation/simulated-api.ts";
import { configNamespace, KnownCluster } from "../known-cluster.ts";

const poolsPath = `/apis/metallb.io/v1beta1/namespaces/${configNamespace}/ipaddresspools`;

let cluster: KnownCluster;
let events: EventNote[];
let stop: AbortController;
let reporter: ConfigurationReporter;

beforeEach(() => {
  cluster = new KnownCluster();
  events = [];
  // As Triggers do: what the ledger, the deny list and the pools say follows the stores.
  const { pools, services, allocations, nodes } = cluster.stores;
  pools.onChange(() => cluster.configuration.refresh());
  services.onChange(({ before, after }) => cluster.state.serviceChanged(before, after));
  nodes.onChange(() => cluster.state.networksChanged());
  cluster.followAllocations();
  allocations.onChange(({ before, after }) => {
    if (cluster.state.contestChanged(before?.allocation, after?.allocation)) {
      reporter.contestChanged();
    }
  });
  lead();
});

/** A leader begins; the one before, if any, has ended. */
function lead(): void {
  stop?.abort();
  stop = new AbortController();
  const options = {
    ...cluster,
    configNamespace,
    events: { record: (event: EventNote) => events.push(event) },
    log: silentLog,
  };
  reporter = new ConfigurationReporter(options);
  reporter.start();
  new LateComers(options).start();
  void reporter.run(stop.signal);
}

/** Lets everything that is asked for be done. */
async function settle(): Promise<void> {
  for (let round = 0; round < 4; round += 1) {
    cluster.see();
    await cluster.clock.advance(2_000);
  }
}

function pool(name = "p1"): ApiObject {
  const found = cluster.api.get("ipaddresspools", `${configNamespace}/${name}`);
  return found ?? expect.unreachable(`there is no pool ${name}`);
}

function createPool(name: string, addresses: readonly string[]): void {
  cluster.create(poolsPath, { namespace: configNamespace, name }, { spec: { addresses } });
}

function editPool(change: (object: ApiObject) => object, name = "p1"): void {
  cluster.api.edit("admin", "ipaddresspools", `${configNamespace}/${name}`, change as never);
}

/** The conditions of a pool, such as `Valid True Valid: it can be read`. */
function conditions(name = "p1"): readonly string[] {
  return (pool(name).status?.conditions ?? []).map(
    ({ type, status, reason, message }: Record<string, string>) =>
      `${type?.replace("steelyard.dev/", "")} ${status} ${reason}: ${message}`,
  );
}

function counts(name = "p1"): readonly number[] {
  const { assignedIPv4, assignedIPv6, availableIPv4, availableIPv6 } = pool(name).status;
  return [assignedIPv4, assignedIPv6, availableIPv4, availableIPv6];
}

const writes = (): number => cluster.asked.filter((asked) => asked.startsWith("PATCH")).length;
const told = (): readonly string[] =>
  events.map(({ object, type, reason }) => `${object.kind} ${object.name}: ${type} ${reason}`);

const fine = "Valid True Valid: it can be read as it stands";
const remedy = "Nothing of this is given out: take it out of spec.addresses";

describe("the status of a pool", () => {
  test("counts what is held and what is left, and says that it can be read, without an Event", async () => {
    await settle();
    expect(counts()).toEqual([0, 0, 3, 0]);
    expect(conditions()).toEqual([fine]);
    cluster.createService("s1");
    cluster.allocate("192.0.2.10", "s1");
    cluster.allocate("192.0.2.11", "s1", "Cooling");
    await settle();
    expect(counts()).toEqual([1, 0, 2, 0]);
    expect(told()).toEqual([]);
  });

  test("is not written when it says so already, whatever else changes", async () => {
    await settle();
    const before = writes();
    editPool(({ metadata }) => ({ metadata: { ...metadata, labels: { a: "b" } } }));
    await settle();
    lead();
    await settle();
    expect(writes()).toBe(before);
  });

  test("is written once a second at most, and is right in the end", async () => {
    await settle();
    const before = writes();
    for (const last of [10, 11, 12]) {
      cluster.allocate(`192.0.2.${last}`, "gone");
      cluster.see();
      await cluster.clock.advance(10);
    }
    expect(writes()).toBe(before + 1);
    await cluster.clock.advance(1_000);
    expect(writes()).toBe(before + 2);
    expect(counts()).toEqual([3, 0, 0, 0]);
  });

  test("is put right when somebody edits it", async () => {
    await settle();
    editPool(({ status }) => ({ status: { ...status, assignedIPv4: 7, conditions: [] } }));
    await settle();
    expect(counts()).toEqual([0, 0, 3, 0]);
    expect(conditions()).toEqual([fine]);
    expect(told()).toEqual([]);
  });

  test("is all that is looked at for what it counts, however many pools there are", async () => {
    for (let at = 0; at < 20; at += 1) {
      createPool(`other-${at}`, [`198.51.100.${at}/32`]);
    }
    await settle();
    let looks = 0;
    reporter.queue.onWork(() => {
      looks += 1;
    });
    cluster.allocate("192.0.2.10", "gone");
    await settle();
    expect(counts()).toEqual([1, 0, 2, 0]);
    expect(looks).toBeLessThanOrEqual(3);
  });

  test("keeps the conditions of others, also those of names that we give to other kinds", async () => {
    const theirs = ["Accepted", "ExcludedInUse", "example.com/Checked"].map((type) => ({
      ...{ type, status: "True", reason: "Theirs", message: "", lastTransitionTime: "2026-01-01" },
    }));
    editPool(({ status }) => ({ status: { ...status, conditions: theirs } }));
    await settle();
    expect(conditions()).toEqual([...theirs.map(({ type }) => `${type} True Theirs: `), fine]);
  });

  test("ends at what JSON can say exactly, and never below zero", async () => {
    const large = ["2001:db8::/32", "192.0.2.32/30", "2001:db9::/32"];
    createPool("large", large);
    await settle();
    expect(counts("large")).toEqual([0, 0, 4, Number.MAX_SAFE_INTEGER]);
    cluster.allocate("192.0.2.10", "gone");
    cluster.allocate("192.0.2.12", "gone");
    await settle();
    editPool(() => ({ spec: { addresses: ["192.0.2.10/32"] } }));
    await settle();
    expect(counts()).toEqual([2, 0, 0, 0]);
  });

  test("is asked for once where the API server drops our conditions, and Events tell all the same", async () => {
    const { api } = cluster;
    const handle = api.handle.bind(api);
    api.handle = (request, who): unknown => {
      const { status } = (request.body ?? {}) as { status?: { conditions?: object } };
      if (request.path.includes("ipaddresspools") && status !== undefined) {
        delete status.conditions;
      }
      return handle(request, who);
    };
    createPool("p2", ["192.0.2.33/30"]);
    await settle();
    expect(counts("p2")).toEqual([0, 0, 4, 0]);
    expect(conditions("p2")).toEqual([]);
    const before = writes();
    cluster.state.networksChanged();
    await settle();
    expect(writes()).toBe(before);
    expect(told()).toContain("IPAddressPool p2: Warning ReadLeniently");
    editPool(({ status }) => ({ status: { ...status, availableIPv4: 99 } }), "p2");
    await settle();
    expect(counts("p2")).toEqual([0, 0, 4, 0]);
  });
});

describe("a pool that cannot be read", () => {
  test("keeps its last good version in force, says all that is wrong once, and when it is right again", async () => {
    await settle();
    editPool(() => ({ spec: { addresses: ["192.0.2.300/24", "192.0.2.9-192.0.2.1"] } }));
    await settle();
    lead();
    await settle();
    const [condition] = conditions();
    expect(condition).toMatch(/^Valid False ConfigurationInvalid: spec\.addresses\[0\]: /);
    expect(condition).toMatch(/spec\.addresses\[1\]: .*\. The last good version stays in force$/);
    expect(counts()).toEqual([0, 0, 3, 0]);
    expect(told()).toEqual(["IPAddressPool p1: Warning ConfigurationInvalid"]);
    editPool(() => ({ spec: { addresses: ["192.0.2.10/31"] } }));
    await settle();
    expect(conditions()).toEqual([fine]);
    expect(told().slice(1)).toEqual(["IPAddressPool p1: Normal Valid"]);
  });

  test("says that it has no effect where no version of it was ever read; others go on", async () => {
    createPool("p2", ["nonsense"]);
    await settle();
    expect(conditions("p2")[0]).toMatch(/\. It has no effect until this is corrected$/);
    expect(counts("p2")).toEqual([0, 0, 0, 0]);
    expect(conditions()).toEqual([fine]);
  });

  test("says how it was read where something was overlooked", async () => {
    createPool("p2", ["198.51.100.7/24", "198.51.101.1 - 198.51.101.2"]);
    await settle();
    expect(conditions("p2")[0]).toBe(
      'Valid True ReadLeniently: spec.addresses[0]: "198.51.100.7/24" has host bits set; ' +
        'it is read as 198.51.100.0/24; spec.addresses[1]: "198.51.101.1 - 198.51.101.2" has blanks around an address',
    );
    expect(told()).toEqual(["IPAddressPool p2: Warning ReadLeniently"]);
  });
});

describe("a pool in conflict", () => {
  function join(name: string, address: string): void {
    cluster.stores.nodes.upsert(
      decodeNode({
        metadata: { name, uid: name, resourceVersion: cluster.api.version() },
        status: { addresses: [{ type: "InternalIP", address }] },
      }),
    );
  }

  test("with a node that joins later says so, and so does the Node; who holds the address keeps it", async () => {
    cluster.createService("s1");
    cluster.allocate("192.0.2.10", "s1");
    await settle();
    join("n1", "192.0.2.10");
    join("n2", "203.0.113.1");
    await settle();
    const message = "192.0.2.10 is an address of node n1, and stays with Service a/s1";
    expect(conditions()).toEqual([
      fine,
      `PoolHasNodeAddress True PoolHasNodeAddress: ${message}. ${remedy}`,
    ]);
    expect(told().toSorted()).toEqual([
      "IPAddressPool p1: Warning PoolHasNodeAddress",
      "Node n1: Warning PoolHasNodeAddress",
    ]);
    const ofNode = events.find(({ object }) => object.kind === "Node")?.message;
    expect(ofNode).toContain("192.0.2.10 of this node is in IPAddressPool p1. A Service has it");
    expect(ofNode).not.toContain("s1");
    const { nodes } = cluster.stores;
    nodes.remove("n1", "n1", cluster.api.version());
    await settle();
    expect(conditions()).toEqual([fine]);
  });

  test("with a node that was there before says so, and the Node need not know", async () => {
    join("n1", "198.51.100.9");
    await settle();
    createPool("p2", ["198.51.100.0/24"]);
    await settle();
    expect(conditions("p2")[1]).toContain("198.51.100.9 is an address of node n1");
    expect(told()).toEqual(["IPAddressPool p2: Warning PoolHasNodeAddress"]);
  });

  test("with spec.externalIPs names the Service; that one is told, without the names of others", async () => {
    cluster.createService("s1");
    cluster.allocate("192.0.2.10", "s1");
    await settle();
    cluster.create(
      "/api/v1/namespaces/b/services",
      { namespace: "b", name: "thief" },
      { spec: { type: "ClusterIP", externalIPs: ["192.0.2.10", "192.0.2.12", "203.0.113.9"] } },
    );
    await settle();
    expect(conditions()[1]).toBe(
      "PoolHasClaimedAddress True PoolHasClaimedAddress: " +
        "192.0.2.10 is used by Service b/thief in spec.externalIPs or by another controller, and stays with Service a/s1; " +
        `192.0.2.12 is used by Service b/thief in spec.externalIPs or by another controller. ${remedy}`,
    );
    const ofThief = events.filter(({ object }) => object.name === "thief");
    expect(ofThief.map(({ message }) => message.split(". ").slice(0, 2))).toEqual([
      ["192.0.2.10 is in IPAddressPool p1", "Another Service has it"],
      ["192.0.2.12 is in IPAddressPool p1", "It is given to nobody else"],
    ]);
    expect(JSON.stringify(ofThief)).not.toContain("s1");
    cluster.api.remove("user", "services", "b/thief");
    await settle();
    expect(conditions()).toEqual([fine]);
  });

  test("says who has the address, also when others have it than before", async () => {
    cluster.createService("s1", { key: "x", port: 80 });
    cluster.createService("s2", { key: "x", port: 81 });
    cluster.see();
    for (const name of ["s1", "s2"]) {
      const service = cluster.stores.services.get(`a/${name}`)?.service as Service;
      await cluster.allocations.acquire(service, ["192.0.2.10" as IpAddress]);
    }
    join("n1", "192.0.2.10");
    await settle();
    expect(conditions()[1]).toContain("stays with Service a/s1, a/s2");
    const shared = cluster.stores.allocations.get("192.0.2.10") as IpAllocationObject;
    await cluster.allocations.release("a/s1", shared);
    await settle();
    expect(conditions()[1]).toContain("stays with Service a/s2.");
  });

  test("with a status that another controller wrote names its Service", async () => {
    await settle();
    const path = "/api/v1/namespaces/b/services";
    const spec = { type: "LoadBalancer", loadBalancerClass: "example.com/other" };
    const status = { loadBalancer: { ingress: [{ ip: "192.0.2.11" }] } };
    cluster.create(path, { namespace: "b", name: "theirs" }, { spec, status });
    await settle();
    expect(conditions()[1]).toContain("192.0.2.11 is used by Service b/theirs");
    expect(told().toSorted()).toEqual([
      "IPAddressPool p1: Warning PoolHasClaimedAddress",
      "Service theirs: Warning PoolHasClaimedAddress",
    ]);
  });

  test("with another pool says to whom it leaves what, until the other one has none of it", async () => {
    createPool("p0", ["192.0.2.11-192.0.2.20"]);
    cluster.createService("s1");
    cluster.allocate("192.0.2.11", "s1");
    await settle();
    expect(conditions("p0")[1]).toBe(
      "PoolOverlap True PoolOverlap: IPAddressPools overlap: this one leaves 192.0.2.11-192.0.2.12 to p1, " +
        "which has addresses in use where pools overlap. It keeps what it gave. Take the addresses out of one of the pools",
    );
    expect(counts("p0")).toEqual([0, 0, 8, 0]);
    expect(conditions("p1")).toEqual([fine]);
    cluster.api.remove("admin", "ipallocations", "192.0.2.11");
    await settle();
    expect(conditions("p0")).toEqual([fine]);
    expect(conditions("p1")[1]).toContain("this one leaves 192.0.2.11-192.0.2.12 to p0");
  });

  test("says no more of the other than is so, where that has none of it in use, but of a third pool's", async () => {
    createPool("p0", ["192.0.2.12-192.0.2.20"]);
    createPool("p2", ["192.0.2.20-192.0.2.29"]);
    cluster.createService("s1");
    await settle();
    cluster.allocate("192.0.2.20", "s1", "Allocated", "p0");
    await settle();
    expect(conditions()[1]).toContain(
      "this one leaves 192.0.2.12 to p0, which has addresses in use where pools overlap. It",
    );
  });
});

test("an advertisement that cannot be read says so", async () => {
  const [metadata, path] = [{ namespace: configNamespace, name: "bad" }, poolsPath];
  cluster.create(path.replace("ipaddresspools", "l2advertisements"), metadata, {
    spec: { interfaces: ["a name with blanks"] },
  });
  for (const raw of cluster.api.list("l2advertisements")) {
    cluster.stores.advertisements.upsert(decodeL2Advertisement(raw));
  }
  await settle();
  expect(told()).toEqual(["L2Advertisement bad: Warning ConfigurationInvalid"]);
  const written = cluster.api.get("l2advertisements", `${configNamespace}/bad`);
  expect(written?.status.conditions).toMatchObject([
    { type: "steelyard.dev/Valid", status: "False", reason: "ConfigurationInvalid" },
  ]);
});
